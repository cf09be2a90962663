/* SPDX-License-Identifier: Apache-2.0 */
/* Samples added up by (stack, label, thread, pid). */
#ifndef LOCKPROF_EXPORT_SAMPLES_H
#define LOCKPROF_EXPORT_SAMPLES_H

#include "lockprof/export/interval.h"

/* `{0}` is valid and empty. */
struct samples {
    struct sample *items;
    size_t capacity;
    struct intern index; /* its `count` is that of the samples */
};

void samples_fini(struct samples *samples);
void samples_clear(struct samples *samples);

/* Adds the sample's values to those of the equal one. Sums stop at INT64_MAX. */
void samples_add(struct samples *samples, const struct sample *sample);

/* a * b and a + b, at most INT64_MAX. */
int64_t value_times(uint64_t a, uint64_t b);
int64_t value_plus(int64_t a, int64_t b);

#endif
