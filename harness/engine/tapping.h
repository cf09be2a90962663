/* SPDX-License-Identifier: Apache-2.0 */
/* One tap alone, in front of or behind an agent, until it is stopped: passes uploads on, keeps copies of them, adds up
 * the lock names in them, and holds them against a ledger. Without a next hop it is the end of the way: locktrail's own
 * store answers.
 *
 * Passing on goes before everything else: profiles that come faster than they can be read are counted and not read,
 * those that come faster than the disk takes them are counted and not kept. A full disk is told, and passing goes on.
 *
 * Below the directory: copies/N.pprof and N.json (each content once), exchanges.jsonl (every request), tap.json (what
 * it was asked for), ledger.jsonl (the ledger as given), spool/ (bodies on their way), store/ (at the end of the way).
 */
#ifndef LOCKTRAIL_ENGINE_TAPPING_H
#define LOCKTRAIL_ENGINE_TAPPING_H

#include "engine/tapping_judge.h"
#include "pipeline/tap.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes of profiles that wait for the disk or to be read; what comes on top is passed on and not kept. With what the
 * tap itself holds this stays below 64 MiB. */
#define TAPPING_PENDING_MAX ((size_t)16 << 20)
/* A profile is read where no more than this waits before it: what all processes of a service send in the same moment is
 * read, and what comes for longer than it can be read is kept first. */
#define TAPPING_READ_BYTES_MAX (TAPPING_PENDING_MAX / 4)
#define TAPPING_READ_COUNT_MAX 32

struct tapping;
struct tapping_event;

struct tapping_options {
    const char *listen;
    struct tap_target to;  /* url NULL: the end of the way */
    const char *directory; /* new or empty */
    const char *ledger;    /* path, or NULL */
    uint64_t max_disk;     /* bytes of copies and exchanges; above it the oldest copies are removed */
    uint64_t keep;         /* most copies */
    size_t max_body;
    int64_t answer_timeout_ms;
    void (*on_event)(const struct tapping *tapping, const struct tapping_event *event, void *data);
    void *data;
};

/* Since the start. An upload may have several profiles, or none. */
struct tapping_counts {
    uint64_t requests; /* of any kind */
    uint64_t uploads;
    uint64_t failed;     /* of uploads: the next hop never had it, or gave no answer */
    uint64_t refused;    /* the next hop (or the store) answered with another status than 2xx */
    uint64_t profiles;   /* in them */
    uint64_t read;       /* of profiles */
    uint64_t unread;     /* came faster than they could be read */
    uint64_t unreadable; /* can't be read at all */
    uint64_t kept;       /* copies that were written */
    uint64_t equal;      /* not written again: the same bytes as a copy that is there */
    uint64_t not_kept;   /* came faster than the disk takes them, or the disk is full */
    uint64_t removed;    /* copies that had to go: --max-disk, --keep */
    uint64_t disk_bytes; /* that copies and exchanges take now */
};

/* One profile of an upload. */
struct tapping_profile {
    const char *name; /* "profile.pprof" */
    size_t size;
    const char *hash;                    /* "" where it was neither kept nor read */
    const char *copy;                    /* below the directory, "copies/12.pprof"; "" where there is none */
    bool equal;                          /* `copy` is that of an earlier one with the same bytes */
    const struct profile *profile;       /* NULL: not read */
    const char *unreadable;              /* why, or NULL */
    const struct tapping_judged *judged; /* NULL: not held against a ledger */
};

struct tapping_upload {
    uint64_t number;
    const char *method, *path, *runtime_id, *service, *start, *end; /* "" unknown */
    uint64_t size, answer_size;
    int next_status, status;
    const char *error;    /* NULL: passed on and answered */
    const char *rejected; /* why it can't be read as an upload, or NULL */
    double ms;            /* from its head to the answer */
    const struct tapping_profile *profiles;
    size_t profile_count;
};

enum tapping_event_kind {
    TAPPING_LISTENS, /* `text`: the address */
    TAPPING_UPLOAD,  /* one is over */
    TAPPING_NOTE,    /* `text`: something that whoever stands by should know, once for each cause */
    TAPPING_TICK,    /* ten times a second */
    TAPPING_STOPPING /* a signal came: nothing new is taken */
};

struct tapping_event {
    enum tapping_event_kind kind;
    const char *text;
    const struct tapping_upload *upload;
};

const struct tapping_counts *tapping_counts(const struct tapping *tapping);
const struct tapping_names *tapping_all_names(const struct tapping *tapping);
const struct tapping_judge *tapping_ledger(const struct tapping *tapping); /* NULL without */
int64_t tapping_now_ms(const struct tapping *tapping);                     /* the clock of tapping_name.last_ms */

bool tapping_is_end(const struct tapping *tapping); /* of the way: nothing is passed on */

/* Runs on a loop of its own until SIGINT, SIGTERM or SIGHUP; blocks. `at_end` is called once everything is written,
 * with the events' data. Errors: the directory, the ledger, the address (ERR_WRITE, ERR_INPUT, ERR_USAGE, as those
 * below say); and ERR_WRITE where something could not be written meanwhile: then `at_end` was called all the same. */
int tapping_execute(const struct tapping_options *options, void (*at_end)(const struct tapping *tapping, void *data),
                    struct err *e);

/* Whether the directory is one that a tap has left. */
bool tapping_is_directory(const char *directory);

/* What it has left, read and judged anew: each copy once. `at_end` is called as by tapping_execute. Errors: ERR_INPUT.
 * Blocking; no loop. */
int tapping_read_again(const char *directory, void (*at_end)(const struct tapping *tapping, void *data), void *data,
                       struct err *e);

#endif
