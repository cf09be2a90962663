/* SPDX-License-Identifier: Apache-2.0 */
/* Looks along one axis for the first value at which a lock loses, or gains, its name: which value is next says
 * bisect_search.h, each try is a cell of a matrix with this one axis, and what came of it says its report. */
#ifndef LOCKTRAIL_ENGINE_BISECT_H
#define LOCKTRAIL_ENGINE_BISECT_H

#include "engine/bisect_search.h"
#include "engine/matrix_record.h"

/* One try of one value. */
struct bisect_probe {
    size_t value; /* of the axis */
    size_t cell;  /* of the matrix: this value with another seed at each try */
    enum bisect_outcome outcome;
    enum stage stage; /* BISECT_LOST */
    enum mechanism mechanism;
    char *why; /* BISECT_UNKNOWN; else NULL */
};

/* All that was tried, in its order. */
struct bisect_log {
    struct bisect_probe *probes;
    size_t count, capacity;
    struct bisect_tries *tries; /* for each value */
};
void bisect_log_fini(struct bisect_log *log);

struct bisect_options {
    struct matrix_record *record; /* borrowed: one axis, `repeat` tries of each value, no retries. Attempts are added */
    const char *lock;             /* its name, or its id */
    const char *directory;        /* is there, with scenario.yaml; tries go to cells/ in it */
    const char *root, *build, *program;                         /* as matrix_run_options */
    void (*on_preparing)(const char *text, void *data);         /* may be NULL */
    void (*on_probe)(const struct bisect_log *log, void *data); /* the last one of it is new; may be NULL */
    void *data;
};

/* Blocks; handles signals as matrix_run_execute. Errors: its; ERR_INPUT (no worker declares the lock); ERR_INTERRUPTED.
 * *log has what was tried before, and is the caller's in any case: `{0}` before. */
int bisect_run(const struct bisect_options *options, struct bisect_log *log, struct bisect_result *result,
               struct err *e);

#endif
