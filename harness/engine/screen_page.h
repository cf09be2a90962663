/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of the browser, and what its answers mean: the pages of google/pprof as a person sees them, as scripts
 * and JSON. Pure; no I/O. Internal to the stage `ui`.
 *
 * What those pages do (looked up in pprof's own source, and seen in Chromium 156):
 * - Flame graph: boxes narrower than 4 pixels are left out, texts are shortened at dots and colons and cut at the box's
 *   edge. What a box stands for is written out whole above the graph while the mouse is over it. So a name is what is
 *   written there; the script moves the mouse over each box of the row below the root.
 * - `-tagroot=KEY` puts the value of a label below the root, as it stands in the file; samples without the label have a
 *   box with the key itself as its text.
 * - Top table: leaves out what has less than 0.5 % of the whole, and everything behind 500 rows, unless pprof runs with
 *   `-trim=false`. With `-tagleaf=KEY` the label's values, and nothing else, are rows with a value of their own: they
 *   are told from functions, and they come first. Samples without the label are the row "<unknown>".
 * - A name that is in one of the two can be found by a person; it counts as shown. */
#ifndef LOCKTRAIL_ENGINE_SCREEN_PAGE_H
#define LOCKTRAIL_ENGINE_SCREEN_PAGE_H

#include "base/buf.h"
#include "base/json.h"
#include "engine/screen_record.h"

#include <stdint.h>

/* The label whose values are shown. */
#define SCREEN_LABEL_KEY "lock name"
/* Pixels. Above the largest size pictures have megabytes. */
#define SCREEN_WIDTH 1600
#define SCREEN_HEIGHT 1200
#define SCREEN_SIZE_MAX 4000
#define SCREEN_ROW_HEIGHT 27
/* What of a window's height is not rows of the table: the browser's own parts, pprof's menu, the head. */
#define SCREEN_HEIGHT_ELSE 260

/* The body that opens a session: a headless browser without a sandbox where there can't be one (`root`), with
 * `directory` for its data; each page and script has `timeout_ms`. Appends to *out. */
void screen_session_body(const char *directory, bool root, int64_t timeout_ms, struct buf *out);
/* From the session's answer. `how` ("pprof in Chromium 156.0.8078.108") and `session` are the caller's to free. */
int screen_session_read(const struct json *value, char **session, char **how, struct err *e);

void screen_open_body(const char *url, struct buf *out);
void screen_size_body(unsigned width, unsigned height, struct buf *out);

/* Scripts that end when the page is there (execute/async). The first measures how wide it must be for each name to fit
 * its box, the second waits until the window has its size, the others read. */
void screen_flame_measure_body(struct buf *out);
void screen_settle_body(unsigned width, unsigned height, struct buf *out);
void screen_flame_read_body(struct buf *out);
void screen_top_read_body(struct buf *out);

/* Of what the scripts give. A page that is none of pprof's is an error (ERR_INTERNAL) that has its first words. */
int screen_flame_measure(const struct json *value, size_t *width, struct err *e);
int screen_flame_read(const struct json *value, struct screen_record *record, struct err *e);
/* *count: how many names the table has. */
int screen_top_read(const struct json *value, struct screen_record *record, size_t *count, struct err *e);

/* A picture: base64 (RFC 4648) of a PNG file. Appends its bytes to *out. */
int screen_picture_read(const struct json *value, struct buf *out, struct err *e);

/* Within the bounds. */
unsigned screen_width_for(size_t wanted);
unsigned screen_height_for(size_t rows);

#endif
