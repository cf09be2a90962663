/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a soak, in each form: functions of its record (engine/soak_record.h) alone, so that they say the same
 * while it goes on, at its end, and after a kill. None fails; any thread; the same record gives the same bytes. */
#ifndef LOCKTRAIL_REPORT_SOAK_H
#define LOCKTRAIL_REPORT_SOAK_H

#include "base/buf.h"
#include "engine/soak_record.h"

#include <stdbool.h>

/* Locks and kinds of loss that a person is shown; the rest is counted, soak.json has all. */
#define SOAK_LOCKS_SHOWN 40
#define SOAK_GROUPS_SHOWN 20

/* Appends the report that a person reads. No line is wider than TEXT_WIDTH but those of the directory and of copies'
 * paths, which stand alone on theirs. `colour` adds the terminal's codes. */
void report_soak(const struct soak_record *r, const char *directory, bool colour, struct buf *out);

/* Only the verdict's line and the directory's. */
void report_soak_quiet(const struct soak_record *r, const char *directory, bool colour, struct buf *out);

/* One line without its end, of at most `columns`, for who waits: how far it is, uploads, losses. */
void report_soak_line(const struct soak_record *r, size_t columns, struct buf *out);

/* The record itself, docs/soak.schema.json. */
void report_soak_json(const struct soak_record *r, struct buf *out);

/* JUnit XML: one suite `soak`, with a case for the uploads, one for each kind of loss, one for each value of locktrail
 * itself that is watched, and an error for each problem. */
void report_soak_junit(const struct soak_record *r, struct buf *out);

/* The curves of all processes as one SVG picture (1.1, no script, no outside resource): a row for each process, a
 * column for each value. More rows than SOAK_CURVES_SHOWN are left out and counted. */
#define SOAK_CURVES_SHOWN 64
void report_soak_curves(const struct soak_record *r, struct buf *out);

#endif
