/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/series.h"

#include <math.h>

/* All points stand for equally many samples, so that the mean of two of them is the mean of their samples. */
static void halve(struct series *s)
{
    for (size_t i = 0; i < SERIES_POINTS_MAX / 2; i++) {
        const struct series_point *a = &s->points[2 * i], *b = a + 1;
        s->points[i] = (struct series_point){.at_ms = a->at_ms + (b->at_ms - a->at_ms) / 2,
                                             .value = a->value + (b->value - a->value) / 2};
    }
    for (size_t i = SERIES_POINTS_MAX / 2; i < SERIES_POINTS_MAX; i++) {
        s->points[i] = (struct series_point){0};
    }
    s->count = SERIES_POINTS_MAX / 2;
    s->stride *= 2;
}

static void complete(struct series *s)
{
    s->points[s->count] = (struct series_point){.at_ms = (int64_t)llround(s->pending_at_ms / s->pending),
                                                .value = s->pending_value / s->pending};
    s->count++;
    s->pending = 0;
    s->pending_at_ms = s->pending_value = 0;
}

void series_add(struct series *s, int64_t at_ms, double value)
{
    if (!isfinite(value)) {
        return;
    }
    if (s->stride == 0) {
        s->stride = 1;
    }
    int64_t floor_ms = s->count > 0 ? s->points[s->count - 1].at_ms : INT64_MIN;
    s->least = s->samples == 0 || value < s->least ? value : s->least;
    s->most = s->samples == 0 || value > s->most ? value : s->most;
    s->last = value;
    s->samples++;
    s->pending++;
    s->pending_at_ms += (double)(at_ms > floor_ms ? at_ms : floor_ms);
    s->pending_value += value;
    if (s->pending >= s->stride && s->count == SERIES_POINTS_MAX) {
        halve(s); /* what is pending is the first half of the next point then */
    }
    if (s->pending >= s->stride) {
        complete(s);
    }
}
