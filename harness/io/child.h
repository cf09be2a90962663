/* SPDX-License-Identifier: Apache-2.0 */
/* A child process under its guard (workers/guard): own process group, limits, and an end even if
 * the coordinator is gone.
 *
 * Happy path: child_start → on_event CHILD_STARTED → lines on fd 3, output to files →
 * CHILD_FINISHED, once. A child is finished when it is dead, everything that it left behind in its
 * group and below is dead too, and all its pipes are drained: three events that come in any order.
 * Failure modes: it can't be executed (CHILD_FINISHED with `exec_errno`), it ignores SIGTERM
 * (child_stop's timer ends it by SIGKILL), it floods its output (what is over the limit is counted
 * and dropped, the last bytes are kept), it keeps a pipe open from a process that left the group
 * (the guard is a subreaper and ends those too), the disk is full (`output_error`, the child runs
 * on), somebody kills the guard (`guard_error`; the worker dies with it). What the worker leaves
 * behind gets SIGTERM and 1 s, unless a child_stop is under way, which sets the time.
 *
 * The process must ignore SIGPIPE and, so that a file size limit is an error and not its end,
 * SIGXFSZ. */
#ifndef LOCKTRAIL_IO_CHILD_H
#define LOCKTRAIL_IO_CHILD_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct child;

struct child_limits {
    uint64_t memory; /* bytes, RLIMIT_AS; 0 none */
    uint64_t files;  /* RLIMIT_NOFILE; 0 none */
    uint64_t disk;   /* bytes of one file, RLIMIT_FSIZE; 0 none */
};

struct child_options {
    const char *guard;       /* path of locktrail-guard */
    const char *const *args; /* NULL-terminated; args[0] is looked up in the PATH of `env`, or below `directory` */
    const char *const *env;  /* NULL-terminated NAME=VALUE, complete */
    const char *directory;   /* NULL: the coordinator's */
    const char *stdout_path; /* files, in directories that are there; NULL: only the last bytes are kept */
    const char *stderr_path;
    uint64_t output_max; /* bytes kept in each of the two files */
    bool channel;        /* open fd 3 for protocol lines */
    struct child_limits limits;
};

/* Longest protocol line. A progress line with 1,000 locks has 60 KiB. */
#define CHILD_LINE_MAX ((size_t)1 << 20)
/* Bytes of the last output that are kept for messages. */
#define CHILD_TAIL_MAX 4096

struct child_exit {
    int exec_errno;        /* could not be executed: the errno; then `code` and what follows it says nothing */
    const char *exec_step; /* what failed then: "stdin", "directory", "limits" or "program"; else NULL. Static */
    bool signaled;
    int code;                   /* exit status, or the signal's number */
    bool core;                  /* the signal made a core */
    bool killed;                /* by our SIGKILL, as it had not followed SIGTERM in time or was given none */
    unsigned leftover;          /* processes that it had left behind and that the guard had to end */
    int64_t user_ms, system_ms; /* CPU time of it and its waited-for children */
    int64_t max_rss;            /* bytes */
    const char *output_error;   /* first failure to write an output file, or why output was cut off; else NULL */
    const char *guard_error;    /* the guard failed, and what stands above may be incomplete; else NULL */
};

enum child_event {
    CHILD_STARTED,        /* executed; child_pid is valid. Before all other events, except where it can't be executed */
    CHILD_LINE,           /* `line` of `size` bytes on fd 3, without newline, zero-terminated */
    CHILD_LONG_LINE,      /* a line above CHILD_LINE_MAX was skipped; `size` is its length so far */
    CHILD_CHANNEL_CLOSED, /* end of file on fd 3; a last line without a newline came before as CHILD_LINE */
    CHILD_FINISHED        /* dead and drained; `exit` is valid. The last event; child_free may be called from it */
};

/* All of it borrowed, valid during the call; `exit` until child_free. */
struct child_message {
    enum child_event event;
    const char *line;
    size_t size;
    const struct child_exit *exit;
};
typedef void (*child_fn)(struct child *child, const struct child_message *message, void *data);

/* Starts it on `loop`. NULL, and *e, where the guard itself can't be started or an output file not
 * be opened; no event comes then, but the loop must run on to give its handles back. Strings of `options` are copied.
 * All calls on the loop's thread; callbacks never from within child_start. */
struct child *child_start(uv_loop_t *loop, const struct child_options *options, child_fn fn, void *data, struct err *e);

/* SIGTERM to its group now, SIGKILL after `grace_ms` unless it has ended; with 0 SIGKILL at once.
 * Again with a shorter grace shortens it. No effect on a finished child. */
void child_stop(struct child *child, int64_t grace_ms);

/* A signal to its group: it and what it has started, but for what has made a group of its own. False, and no effect,
 * before CHILD_STARTED and once it is dead. */
bool child_signal(struct child *child, int number);

pid_t child_pid(const struct child *child); /* 0 before CHILD_STARTED */

/* What it has written so far, and how much of that is not in the file. */
uint64_t child_output_bytes(const struct child *child, int fd); /* fd 1 or 2 */
uint64_t child_output_dropped(const struct child *child, int fd);

/* The last CHILD_TAIL_MAX bytes of that output; not UTF-8 for sure. Borrowed, valid until the next
 * loop turn. */
const char *child_output_tail(const struct child *child, int fd, size_t *size);

/* Only after CHILD_FINISHED. NULL is allowed. */
void child_free(struct child *child);

/* How many descriptors the coordinator needs beside this many children at once. */
uint64_t child_descriptors_needed(unsigned children);

/* Raises the soft limit of open descriptors (often 1024) so that `children` fit beside the rest of
 * the coordinator. Children still get the limit that was there before. An error (ERR_MISSING, names
 * both numbers) where the hard limit is too low; what could be raised is raised then. Not
 * thread-safe. */
int child_raise_descriptors(unsigned children, struct err *e);

#endif
