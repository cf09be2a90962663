/* SPDX-License-Identifier: Apache-2.0 */
/* The report of a matrix in all its forms. Each is a function of the record and of what was known before: no clock, no
 * directory, and durations only in the JUnit XML's time attributes, from the record. So shards that are merged have the
 * bytes of a matrix that one machine ran. */
#ifndef LOCKTRAIL_REPORT_MATRIX_H
#define LOCKTRAIL_REPORT_MATRIX_H

#include "engine/matrix_baseline.h"
#include "scenario/expectations.h"

#define MATRIX_REPORT_SCHEMA "locktrail/matrix-report/1"

/* Borrowed, for as long as the report lives. */
struct matrix_known {
    const struct matrix_baseline *baseline; /* NULL: none */
    const struct expectations *expected;    /* NULL: none */
    const char *today;                      /* "2026-11-26", UTC; what `until` is held against */
};

/* All that the forms show, found out once: totals, losses and what is known of them, conditions. */
struct matrix_report;

/* `record` is borrowed. Nothing fails. */
struct matrix_report *matrix_report_new(const struct matrix_record *record, const struct matrix_known *known);
void matrix_report_free(struct matrix_report *r);

/* The worst verdict that counts: a cell whose losses are all known or expected counts as a success. What did not run
 * makes a success inconclusive. */
enum verdict matrix_report_verdict(const struct matrix_report *r);
/* Of that verdict; 130 for a matrix that was interrupted. */
int matrix_report_exit_code(const struct matrix_report *r);

/* At most 80 columns, but for command lines, which stand alone on their line to be copied. */
void matrix_report_terminal(const struct matrix_report *r, bool colour, struct buf *out);
void matrix_report_quiet(const struct matrix_report *r, bool colour, struct buf *out);
/* report.json: docs/matrix.schema.json */
void matrix_report_json(const struct matrix_report *r, struct buf *out);
/* One suite for each cell, in it a case for each lost lock, or one for the cell itself. */
void matrix_report_junit(const struct matrix_report *r, struct buf *out);
/* `locktrail run ...` by which a cell is run by itself, for a shell; for the caller to free. */
char *matrix_run_command(const struct matrix *m, const struct matrix_cell *cell);
/* For $GITHUB_STEP_SUMMARY. */
void matrix_report_markdown(const struct matrix_report *r, struct buf *out);
/* Lines of `::error` and `::warning` for GitHub's runner, which shows ten of each for one step. */
void matrix_report_annotations(const struct matrix_report *r, struct buf *out);

#endif
