/* SPDX-License-Identifier: Apache-2.0 */
/* The report that a person reads at the end of a run: a table locks x stages, what was lost and how, the verdict and
 * what to do. No line is wider than TEXT_WIDTH, whatever the names are; only the link and the path of the run
 * directory, which stand alone on their lines so that they can be copied, may be. */
#ifndef LOCKTRAIL_REPORT_TERMINAL_H
#define LOCKTRAIL_REPORT_TERMINAL_H

#include "base/buf.h"
#include "engine/evidence.h"

#include <stdbool.h>

/* Undeclared names that are shown; the rest is counted. A program has a handful; a wrong site in the ledger would give
 * all of its locks. */
#define TERMINAL_UNDECLARED_MAX 10

/* Locks of one group of losses that are shown: more than any shipped scenario has, less than a screen's history. */
#define TERMINAL_GROUP_MAX 50

/* Appends it; `colour` adds the terminal's codes (SGR) to states and verdict. Never fails; any thread. */
void report_terminal(const struct evidence *ev, bool colour, struct buf *out);

/* Only the verdict's line and the run directory's. */
void report_quiet(const struct evidence *ev, bool colour, struct buf *out);

#endif
