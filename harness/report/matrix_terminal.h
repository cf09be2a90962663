/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a matrix's report on a terminal. Each begins with an empty line, or appends nothing where there is
 * nothing to say. */
#ifndef LOCKTRAIL_REPORT_MATRIX_TERMINAL_H
#define LOCKTRAIL_REPORT_MATRIX_TERMINAL_H

#include "report/matrix_parts.h"
#include "report/text.h"

struct matrix_terminal {
    const struct matrix_report *r;
    bool colour;
    struct buf *out;
};

enum text_colour matrix_terminal_colour(const struct matrix_terminal *t, enum verdict verdict);
void matrix_terminal_title(const struct matrix_terminal *t, const char *title);

void matrix_terminal_groups(const struct matrix_terminal *t); /* matrix_terminal_groups.c */
void matrix_terminal_known(const struct matrix_terminal *t);  /* matrix_terminal_known.c */

#endif
