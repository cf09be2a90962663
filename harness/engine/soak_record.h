/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that is known of a soak: written to RUN/soak.json at each stocktaking (to a temporary name, then renamed),
 * read back by report, top, metrics and --resume. Its size does not grow with time: what comes often is counted, what
 * is listed is listed up to a bound, and what is over it is counted. */
#ifndef LOCKTRAIL_ENGINE_SOAK_RECORD_H
#define LOCKTRAIL_ENGINE_SOAK_RECORD_H

#include "base/buf.h"
#include "base/err.h"
#include "trail/ledger.h"
#include "trail/series.h"
#include "trail/trend.h"
#include "trail/words.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOAK_SCHEMA "locktrail/soak/1"
/* Losses that are listed with their copies; the groups count all. */
#define SOAK_LOSSES_MAX 200
/* Kinds of loss (lock, stage, mechanism), problems, disturbances that are listed. A person reads no more. */
#define SOAK_GROUPS_MAX 2000
#define SOAK_PROBLEMS_MAX 200
#define SOAK_DISTURBANCES_MAX 500

/* Where an upload has come to. */
struct soak_uploads {
    uint64_t arrived[STAGE_COUNT]; /* at `upload`, `agent`, `backend` */
    uint64_t judged;               /* followed to the last stage, or given up */
    uint64_t good;                 /* of judged: no loss in it */
    uint64_t with_loss;
    uint64_t missing[STAGE_COUNT]; /* of judged: first stage at which it never came */
    uint64_t doubled[STAGE_COUNT]; /* came there once more */
    uint64_t unreadable;           /* at any stage: can't be read as an upload or a profile */
    uint64_t unknown;  /* of no worker of this soak, or behind the first tap without having been seen there */
    uint64_t unjudged; /* came faster than they could be judged: counted, not read. Part of neither */
    uint64_t cut;      /* were under way when locktrail was killed or when the soak ended: nothing is said of them */
    uint64_t pending;  /* under way now */
};

/* Milliseconds, with the quantiles of the last SERIES_POINTS_MAX stocktakings. */
struct soak_times {
    uint64_t count;
    double least, most, sum;
    struct series median; /* of each stocktaking */
};

enum soak_watch_kind {
    WATCH_RSS,         /* bytes */
    WATCH_DESCRIPTORS, /* count */
    WATCH_THREADS,     /* count */
    WATCH_CPU,         /* of one processor, 0..1 and above */
    WATCH_DISK,        /* bytes below the run directory (only locktrail's own) */
    WATCH_COUNT
};
const char *soak_watch_name(enum soak_watch_kind kind); /* "rss" ... as in JSON and metrics */
const char *soak_watch_unit(enum soak_watch_kind kind); /* "bytes", "", "", "cores", "bytes" */

/* One value of one process over time. */
struct soak_watch {
    struct series series;
    struct trend trend; /* as of the last stocktaking */
    int64_t
        found_at_ms; /* when it was first told that it grows; -1 never. For good: the report says it even if it stops */
};

/* One process of the plan, over all its lives; locktrail itself is the first of them. */
struct soak_process {
    char *name;   /* "locktrail", "python.1.upload" */
    char *worker; /* "python"; "" for locktrail */
    char *runtime, *version;
    int64_t pid;                             /* of its current life; 0: not running */
    uint64_t lives;                          /* starts */
    uint64_t planned_ends, kills, failures;  /* lifetime over; a disturbance; by itself */
    uint64_t acquires;                       /* that it says it did, over all lives */
    uint64_t seen;                           /* that its uploads say, at the stage `upload` */
    uint64_t gap_acquires, doubled_acquires; /* found between uploads */
    uint64_t cut_acquires;                   /* of lives that were killed: done, and in no upload. Told, not judged */
    struct soak_uploads uploads;
    struct soak_times interval; /* between the ends of two uploads of one life */
    struct soak_times latency;  /* from the end that an upload covers until it was read back (without a backend: has
                                   passed  the last stage) */
    struct soak_watch watches[WATCH_COUNT]; /* begin anew with each life of a worker that was not planned to be short */
};

/* One lock of one worker, all processes together. */
struct soak_lock {
    char *worker, *id, *name;
    uint64_t states[STAGE_COUNT][STATE_NOT_RUN + 1]; /* uploads in which it was in that state at that stage */
};

/* What was lost, in the same way. */
struct soak_group {
    char *worker, *lock; /* id; "" for whole uploads */
    enum stage stage;
    enum mechanism mechanism;
    uint64_t uploads; /* in which it happened */
    int64_t first_ms, last_ms;
    bool disturbed; /* each time within a disturbance or its recovery */
};

/* One loss that is shown. */
struct soak_loss {
    int64_t at_ms;
    char *instance, *lock;
    enum stage stage;
    enum mechanism mechanism;
    char *evidence;
    char *runtime_id, *start, *end; /* of its upload */
    char *copies[STAGE_COUNT];      /* paths below the run directory; NULL: none */
    bool disturbed;
};

struct soak_disturbance {
    int64_t at_ms, until_ms; /* until: -1 while it lasts */
    char *what;              /* "kill python.1.upload", "refuse at upload for 5 s" */
    int64_t recovered_ms;    /* from its end until the first upload of each process that it hit is through to the last
                                stage; -1: not    yet */
    uint64_t lost_uploads,
        lost_acquires; /* for good: uploads that never came to the last stage, acquires in no upload */
};

struct soak_problem {
    int64_t at_ms;
    char *who, *text, *advice;
    uint64_t times; /* the same text again */
};

/* Copies that are kept: all with a loss, and a thinning sample of the rest. */
struct soak_copies {
    uint64_t kept_losses, kept_samples; /* files that are there now */
    uint64_t bytes;
    uint64_t removed;  /* samples that had to go */
    uint64_t not_kept; /* with a loss, and no room was left */
    uint64_t every;    /* one good upload of so many is a sample now */
};

struct soak_record {
    char *scenario, *run_id, *started_at; /* RFC 3339 UTC */
    int64_t for_ms, every_ms;
    int64_t elapsed_ms;         /* of the soak's own time, without the gaps between a kill and --resume */
    uint64_t max_disk, max_rss; /* 0: no limit */
    bool until_loss;
    uint64_t resumed; /* how often */
    bool ended;       /* false in the file of one that runs, or was killed */
    bool interrupted;
    int64_t taken_at_ms; /* wall clock of this stocktaking, since 1970 */
    char *why_ended;     /* "the time is over", "a name was lost (--until-loss)" ... */
    bool stage_ran[STAGE_COUNT];

    struct soak_process *processes;
    size_t process_count;
    struct soak_lock *locks;
    size_t lock_count;
    struct soak_group *groups;
    size_t group_count, group_capacity;
    uint64_t groups_dropped;
    struct soak_loss *losses; /* the first ones, and always the last one of each group that is there */
    size_t loss_count, loss_capacity;
    uint64_t losses_dropped;
    struct soak_disturbance *disturbances;
    size_t disturbance_count, disturbance_capacity;
    uint64_t disturbances_dropped;
    struct soak_problem *problems;
    size_t problem_count, problem_capacity;
    uint64_t problems_dropped;
    struct soak_copies copies;
    struct soak_uploads uploads; /* sums of the processes', and `unknown` */
    enum verdict verdict;        /* as of the last stocktaking */
    char *conclusion;
};

/* `{0}` is an empty one, but for disturbances' -1s. */
void soak_record_fini(struct soak_record *r);

/* "in 2 uploads"; "between uploads, found 2 times" of acquires of a lock that were missed or counted twice, which is
 * certain only after some further uploads. */
void soak_group_where(const struct soak_group *g, struct buf *out);

/* Adds it, or counts it with the last one of the same who and, but for seconds, text. Copies. */
void soak_record_problem(struct soak_record *r, int64_t at_ms, const char *who, const char *text, const char *advice);

/* Sums, verdict and conclusion from the rest. Losses within a disturbance are what the disturbance was for: they are
 * shown with it and make no verdict (a kill loses its last window), unless they are names of uploads that came through.
 */
void soak_record_conclude(struct soak_record *r);

/* As JSON (docs/soak.schema.json) and back. Reading checks everything: what is not of this form is ERR_INPUT with the
 * member's name. */
void soak_record_write(const struct soak_record *r, struct buf *out);
int soak_record_read(const char *text, size_t size, struct soak_record *out, struct err *e);

/* DIRECTORY/soak.json. ERR_MISSING: there is none (it is not a soak's directory). Blocking. */
int soak_record_load(const char *directory, struct soak_record *out, struct err *e);

/* 0, 1, 2, 4 or 70 as the verdict is, 130 for an interrupted one. */
int soak_record_exit_code(const struct soak_record *r);

#endif
