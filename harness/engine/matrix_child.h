/* SPDX-License-Identifier: Apache-2.0 */
/* One attempt of a cell: `locktrail run` as a child under a guard, in a process group of its own. */
#ifndef LOCKTRAIL_ENGINE_MATRIX_CHILD_H
#define LOCKTRAIL_ENGINE_MATRIX_CHILD_H

#include "engine/matrix_record.h"

#include <uv.h>

struct matrix_child;

struct matrix_child_options {
    uv_loop_t *loop;
    const char *guard;
    const char *const *args; /* of the run, NULL-terminated */
    const char *directory;   /* the run directory: what an attempt that was cut off has left there is removed */
    int64_t timeout_ms;
    /* Once, from the loop: the cell has ended, *attempt (without number) is the receiver's. `interrupted`: by
     * matrix_child_stop, and nothing is to be made of it; *attempt is empty. */
    void (*done)(struct matrix_child *child, struct matrix_attempt *attempt, bool interrupted, void *data);
    void *data;
};

/* Strings are copied. NULL: it can't be started. */
struct matrix_child *matrix_child_start(const struct matrix_child_options *options, struct err *e);
/* SIGTERM, and SIGKILL after its time to tidy up; `now`: SIGKILL. */
void matrix_child_stop(struct matrix_child *child, bool now);

#endif
