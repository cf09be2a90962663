/* SPDX-License-Identifier: Apache-2.0 */
/* What worker.c (the life of a process) and worker_lines.c (what it says) share. */
#ifndef LOCKTRAIL_ENGINE_WORKER_INTERNAL_H
#define LOCKTRAIL_ENGINE_WORKER_INTERNAL_H

#include "engine/worker.h"
#include "io/child.h"

enum worker_state {
    WORKER_STARTING,
    WORKER_WORKING,
    WORKER_LEAVING,
    WORKER_COLLECTING,
    WORKER_ENDED,
    WORKER_STATE_COUNT
};

struct worker {
    struct host *host;
    const struct scenario_worker *def;
    enum arm arm;
    char *instance;
    char *directory; /* of its output and local profiles */
    char *program;   /* args[0] */
    worker_fn on_end;
    void (*on_pid)(struct worker *worker, void *data);
    void *data;

    enum worker_state state;
    struct child *child;
    struct child_exit exit;
    struct err start_error;
    bool start_failed;
    uv_timer_t deadline;
    bool due; /* the deadline is over, and what has come meanwhile is read before it counts */
    int64_t started_ms, work_until_ms;
    unsigned problems;
    bool said_hello, said_done, interrupted, killed_at_once, stopped_by_us, paused, ledger_full;
    uint64_t lines, bad_lines, ledger_bytes;
    char *phase;              /* of the last progress line */
    struct buf last_progress; /* not in the ledger yet */
    int64_t progress_kept_ms;
};

/* Something went wrong with it: told with its last output. Beyond PROBLEMS_MAX only counted. The second frees the text.
 */
void worker_problem(struct worker *w, const char *advice, const char *text);
void worker_problem_text(struct worker *w, const char *advice, char *text);

/* Its hello has come: STARTING becomes WORKING. */
void worker_begin_work(struct worker *w);
/* It is heard: the time of its silence begins anew. */
void worker_arm_working(struct worker *w);
/* It has said done, and has stop_timeout to exit. */
void worker_leave(struct worker *w);

/* One line of its channel; one that was none. */
void worker_take_line(struct worker *w, const char *line, size_t size);
void worker_bad_line(struct worker *w, const char *why);
/* Puts the last progress line into the ledger, if it is not there yet. */
void worker_keep_progress(struct worker *w);

#endif
