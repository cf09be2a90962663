/* SPDX-License-Identifier: Apache-2.0 */
/* Losses that are known already: those of another matrix's directory, or of a run's. */
#ifndef LOCKTRAIL_ENGINE_MATRIX_BASELINE_H
#define LOCKTRAIL_ENGINE_MATRIX_BASELINE_H

#include "engine/matrix_record.h"

struct matrix_baseline {
    char *directory;              /* as given, for messages */
    struct matrix_record *record; /* a matrix's; NULL for a run */
    struct matrix_attempt run;    /* a run's verdict and losses: known in each cell */
};

/* ERR_INPUT: neither a matrix's directory nor one with the report of a run. Blocking. */
int matrix_baseline_load(const char *directory, struct matrix_baseline **out, struct err *e);
void matrix_baseline_free(struct matrix_baseline *b);

#endif
