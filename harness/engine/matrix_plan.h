/* SPDX-License-Identifier: Apache-2.0 */
/* What running one cell of a matrix takes: its scenario, its command line, its time. */
#ifndef LOCKTRAIL_ENGINE_MATRIX_PLAN_H
#define LOCKTRAIL_ENGINE_MATRIX_PLAN_H

#include "base/buf.h"
#include "base/err.h"
#include "scenario/matrix.h"

struct matrix_plan {
    const struct matrix *matrix; /* borrowed */
    char *path;                  /* of the scenario file: DIRECTORY/scenario.yaml */
    struct buf scenario;         /* its text */
    /* The file has a key `control`. If neither it nor the cell says something of the control, cells leave it out: it
     * would cost each of them seconds to say the same. */
    bool has_control;
};

/* Reads DIRECTORY/scenario.yaml. ERR_MISSING, ERR_INPUT. Free with matrix_plan_fini, also after a failure. */
int matrix_plan_init(struct matrix_plan *plan, const struct matrix *matrix, const char *directory, struct err *e);
void matrix_plan_fini(struct matrix_plan *plan);

/* Whether the text of a scenario has the key `control`. */
bool matrix_plan_says_control(const struct buf *scenario);

/* The scenario of a cell as it will be run; ERR_INPUT says what is wrong with it. */
int matrix_plan_scenario(const struct matrix_plan *plan, const struct matrix_cell *cell, struct scenario **out,
                         struct err *e);

/* `PROGRAM run FILE --set ... --seed N --out OUT --quiet --yes`, NULL-terminated; strings and array are the caller's
 * (matrix_plan_free_args). */
char **matrix_plan_args(const struct matrix_plan *plan, const struct matrix_cell *cell, const char *program,
                        const char *out);
void matrix_plan_free_args(char **args);

/* When a cell that still runs is taken for hung: the matrix's timeout, or the longest that `locktrail run` itself waits
 * for the parts of this scenario, and half a minute. */
int64_t matrix_plan_timeout_ms(const struct matrix_plan *plan, const struct scenario *s);

#endif
