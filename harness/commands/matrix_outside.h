/* SPDX-License-Identifier: Apache-2.0 */
/* Where the profiles of a matrix's cells go that leave locktrail. Cells are run with --yes, so this asks for all. */
#ifndef LOCKTRAIL_COMMANDS_MATRIX_OUTSIDE_H
#define LOCKTRAIL_COMMANDS_MATRIX_OUTSIDE_H

#include "base/buf.h"
#include "base/err.h"
#include "scenario/matrix.h"

/* One question, for the first cell whose profiles would leave; `chosen` (NULL: all) says which are run. `scenario`: the
 * text of the scenario file. ERR_USAGE, ERR_INTERRUPTED, as outside_confirm. */
int matrix_outside_confirm(const char *command, const struct matrix *m, const bool *chosen, const struct buf *scenario,
                           bool yes, struct err *e);

#endif
