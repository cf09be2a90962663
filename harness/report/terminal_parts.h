/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the terminal report, in the order of the report. Each begins with an empty line, or appends nothing
 * where there is nothing to say. */
#ifndef LOCKTRAIL_REPORT_TERMINAL_PARTS_H
#define LOCKTRAIL_REPORT_TERMINAL_PARTS_H

#include "report/terminal.h"
#include "report/text.h"

struct terminal {
    const struct evidence *ev; /* borrowed */
    bool colour;
    bool matrix;     /* locks stand beside workers, not beside stages */
    struct buf *out; /* borrowed */
};

/* `colour` where colours are wanted. */
enum text_colour terminal_colour(const struct terminal *t, enum text_colour colour);

/* An empty line and the title of a part. */
void terminal_title(const struct terminal *t, const char *title);

/* terminal_table.c */
void terminal_table(struct terminal *t);
/* What the words of the table mean that are used at these stages. */
void terminal_legend(const struct terminal *t, const bool shown[STAGE_COUNT]);

/* terminal_matrix.c: instead of the table, where three workers or more have the same locks. False, and nothing said,
 * where they have not. */
bool terminal_matrix(const struct terminal *t);

/* terminal_findings.c */
void terminal_losses(const struct terminal *t);
void terminal_notes(const struct terminal *t);
void terminal_known_limits(const struct terminal *t);
void terminal_undersampled(const struct terminal *t);
void terminal_undeclared(const struct terminal *t);
void terminal_problems(const struct terminal *t);

/* terminal_way.c: what happened between the stages. */
void terminal_hops(const struct terminal *t);
void terminal_screens(const struct terminal *t);
void terminal_services(const struct terminal *t);

/* terminal_debug.c: for `report: debug`, what each local pprof shows, and which side of it is to blame. */
void terminal_debug(const struct terminal *t);

#endif
