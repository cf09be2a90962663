/* SPDX-License-Identifier: Apache-2.0 */
/* What a person sees while a run works: on a terminal a block of lines, one for each worker and phase, redrawn in
 * place; in a log plain lines. Turns run events into bytes for standard error; writes nothing itself. One thread. */
#ifndef LOCKTRAIL_REPORT_PROGRESS_H
#define LOCKTRAIL_REPORT_PROGRESS_H

#include "base/buf.h"
#include "engine/run.h"

#include <stdbool.h>
#include <stddef.h>

/* In a log one worker gets at most one line of progress in this time; changes of state and the end of each phase come
 * always. */
#define PROGRESS_LOG_S 10.0
/* On a terminal the block is drawn at most ten times a second: faster than an eye follows costs time and bandwidth
 * only. */
#define PROGRESS_DRAW_S 0.1

struct progress_options {
    bool terminal; /* false: plain lines */
    bool colour;
    size_t rows; /* of the terminal; the block stays below that */
    size_t columns;
};

struct progress;

struct progress *progress_new(const struct progress_options *options);
void progress_free(struct progress *p);

/* Appends to *out what the event changes on the screen; often nothing. */
void progress_event(struct progress *p, const struct run_event *event, struct buf *out);

/* Draws the last state and leaves the cursor below the block: what comes next is ordinary output. */
void progress_end(struct progress *p, struct buf *out);

#endif
