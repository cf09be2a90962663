/* SPDX-License-Identifier: Apache-2.0 */
/* Axes of a curve: from what to what, where lines and labels stand, and in which unit. Pure. */
#ifndef LOCKTRAIL_REPORT_SOAK_AXIS_H
#define LOCKTRAIL_REPORT_SOAK_AXIS_H

#include "base/buf.h"

#include <stdint.h>

/* What is drawn. */
enum axis_kind { AXIS_BYTES, AXIS_COUNT, AXIS_CORES, AXIS_MS, AXIS_TIME };

struct axis {
    double low, high, step; /* in the values' own unit (bytes, ms ...); multiples of `step` have a line */
    double unit;            /* what a label's 1 stands for */
    const char *name;       /* of the unit: "MiB"; "" for none */
    int decimals;           /* of labels */
};

/* For values from `least` to `most`. It begins at 0 where they vary much; else it shows their range, but never less
 * than a tenth of them, so that noise looks like noise. */
struct axis axis_make(enum axis_kind kind, double least, double most);

/* From 0 to `end_ms`, with a handful of lines. */
struct axis axis_time(int64_t end_ms);

/* "41.5" for a line, without unit; "41.5 MiB" for one value. */
void axis_add_label(const struct axis *axis, double value, struct buf *out);
void axis_add_value(enum axis_kind kind, double value, struct buf *out);
/* "+61.0 MB/h" */
void axis_add_rate(enum axis_kind kind, double per_hour, struct buf *out);

#endif
