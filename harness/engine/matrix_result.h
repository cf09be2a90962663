/* SPDX-License-Identifier: Apache-2.0 */
/* What became of one attempt of a cell, as its report.json says it. */
#ifndef LOCKTRAIL_ENGINE_MATRIX_RESULT_H
#define LOCKTRAIL_ENGINE_MATRIX_RESULT_H

#include "engine/matrix_record.h"

/* Reads DIRECTORY/report.json into verdict, conclusion and losses (the caller's, matrix_attempt_fini); the rest of *out
 * stays. ERR_MISSING: there is none; ERR_INPUT: it is of another form. Blocking. */
int matrix_result_read(const char *directory, struct matrix_attempt *out, struct err *e);

/* What one run says of one lock (its id or its name), for a search along an axis. */
enum matrix_lock_fate {
    LOCK_NAMED,   /* no loss */
    LOCK_LOST,    /* `stage` and `mechanism` of the first process that lost it */
    LOCK_UNKNOWN, /* the run says nothing of it: an error, undersampled */
    LOCK_UNDECLARED
};
struct matrix_lock_result {
    enum matrix_lock_fate fate;
    enum stage stage;
    enum mechanism mechanism;
    char *why; /* nothing is known (the last two); else NULL. matrix_lock_result_fini */
};
/* The same errors. */
int matrix_result_read_lock(const char *directory, const char *lock, struct matrix_lock_result *out, struct err *e);
void matrix_lock_result_fini(struct matrix_lock_result *r);

#endif
