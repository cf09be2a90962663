/* SPDX-License-Identifier: Apache-2.0 */
/* What `locktrail tap` shows: a table of lock names that is redrawn in place, a line for each upload, or JSON lines;
 * and what is said at the end. Writes nothing itself. */
#ifndef LOCKTRAIL_REPORT_TAP_TABLE_H
#define LOCKTRAIL_REPORT_TAP_TABLE_H

#include "engine/tapping.h"

#define TAP_SCHEMA "locktrail/tap/1"

/* All borrowed. */
struct tap_view {
    const char *listens; /* "http://127.0.0.1:8126" */
    const char *to;      /* "http://127.0.0.1:8127"; NULL: the end of the way */
    const struct tapping_counts *counts;
    const struct tapping_names *names;
    const struct trail_result *result; /* of all uploads so far; NULL without a ledger */
    const struct ledger *ledger;
    const char *directory;
    const char *note; /* the last thing that should be known; NULL none */
    int64_t now_ms;   /* as tapping_name.last_ms */
    double elapsed_s;
};

struct tap_screen {
    size_t rows, columns; /* of the terminal; the table stays below that */
    bool colour;
    size_t drawn; /* lines that stand there; 0 at first */
};

/* Appends what draws the table in place of the one before. */
void tap_table_draw(struct tap_screen *screen, const struct tap_view *view, struct buf *out);

/* One upload in a line or, with a ledger, two; or as one JSON line. */
void tap_upload_line(const struct tapping_upload *upload, double elapsed_s, struct buf *out);
void tap_upload_json(const struct tapping_upload *upload, struct buf *out);

/* What is said once it has ended; `exit_code` is what the command is about to exit with. */
void tap_summary(const struct tap_view *view, bool colour, struct buf *out);
void tap_summary_quiet(const struct tap_view *view, bool colour, struct buf *out); /* verdict and directory */
void tap_summary_json(const struct tap_view *view, int exit_code, struct buf *out);

/* "12 uploads, 11 passed on, 1 failed; 12 of 12 profiles read; ..." */
void tap_counts(const struct tap_view *view, struct buf *out);

/* 0; with a ledger the verdict's; 1 where an upload was not passed on or not accepted and nothing worse is known. */
int tap_exit_code(const struct tap_view *view);

#endif
