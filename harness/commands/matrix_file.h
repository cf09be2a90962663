/* SPDX-License-Identifier: Apache-2.0 */
/* A matrix file and its scenario from the disk, for the commands that run cells. */
#ifndef LOCKTRAIL_COMMANDS_MATRIX_FILE_H
#define LOCKTRAIL_COMMANDS_MATRIX_FILE_H

#include "base/buf.h"
#include "scenario/matrix.h"

struct matrix_file {
    struct matrix *matrix;
    struct buf bytes, scenario; /* the texts of both files */
};

/* Reads and checks both. Whatever is wrong is appended to *complaints as files_load_scenario does. Returns 0, or the
 * exit code (65). matrix_file_fini in any case; whoever takes the matrix sets it to NULL. */
int matrix_file_load(const char *path, struct matrix_file *out, struct buf *complaints);
void matrix_file_fini(struct matrix_file *f);

/* Whether a text is meant as a matrix rather than as a scenario: it has `axes`. */
bool matrix_file_is_one(const struct buf *bytes);

#endif
