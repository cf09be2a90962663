/* SPDX-License-Identifier: Apache-2.0 */
/* A watched value over a time of any length, in constant memory. */
#ifndef LOCKTRAIL_TRAIL_SERIES_H
#define LOCKTRAIL_TRAIL_SERIES_H

#include <stddef.h>
#include <stdint.h>

/* Enough for a curve on a screen, and few enough that all pairs of points can be looked at (trend.h). */
#define SERIES_POINTS_MAX 512

struct series_point {
    int64_t at_ms; /* since the soak's start: the mean time of its samples */
    double value;  /* the mean of its samples: what a point of points can be without keeping them. One sample that is
                      far off moves one point of hundreds, and trend.h looks at medians of those */
};

/* `{0}` is an empty one. Plain data: it may be copied and compared. */
struct series {
    struct series_point points[SERIES_POINTS_MAX];
    size_t count;
    uint32_t stride;  /* samples that go into one point: 1, then 2, 4 ... each time that the points are full and halved;
                         0 before the first */
    uint32_t pending; /* samples of the next point, of which `pending_*` are the sums */
    double pending_at_ms, pending_value;
    uint64_t samples; /* all, ever */
    double least, most, last;
};

/* Times do not go back: one before the last point's counts as that. A value that is not finite is left out. */
void series_add(struct series *s, int64_t at_ms, double value);

#endif
