/* SPDX-License-Identifier: Apache-2.0 */
/* What a search along an axis has found. */
#ifndef LOCKTRAIL_REPORT_BISECT_H
#define LOCKTRAIL_REPORT_BISECT_H

#include "engine/bisect.h"

#define BISECT_SCHEMA "locktrail/bisect/1"

/* All borrowed. */
struct bisect_report {
    const struct bisect_line *line; /* its matrix's `path` and `scenario` are for the commands that are shown */
    const struct bisect_log *log;
    const struct bisect_result *result;
    const char *lock, *directory;
    bool control; /* the scenario says something of the control: else it was left out, and is in the commands */
};

/* One line of a try that has just ended: "ddtrace=4.16.0: user_session_lock is named". */
void report_bisect_probe(const struct bisect_report *r, const struct bisect_probe *probe, struct buf *out);
/* What was found, in sentences. */
void report_bisect_conclusion(const struct bisect_report *r, struct buf *out);
/* At most 80 columns, but for the command lines. */
void report_bisect(const struct bisect_report *r, bool colour, struct buf *out);
void report_bisect_json(const struct bisect_report *r, struct buf *out);
/* 0: one boundary, and nothing contradicts it; else 4. */
int report_bisect_exit_code(const struct bisect_report *r);

#endif
