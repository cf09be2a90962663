/* SPDX-License-Identifier: Apache-2.0 */
/* What a profile is made of: the samples of one interval. */
#ifndef LOCKPROF_EXPORT_INTERVAL_H
#define LOCKPROF_EXPORT_INTERVAL_H

#include "lockprof/export/collect.h"
#include "lockprof/export/tables.h"

struct sample {
    uint32_t stack, label, thread; /* of the tables; label and thread are strings */
    int32_t pid;                   /* 0 where all samples are of one process */
    int64_t values[VALUE_TYPES];   /* estimates: counted times the rate; nanoseconds */
};

/* Everything is borrowed from the collector, valid until its next update. */
struct interval {
    const struct tables *tables;
    const struct sample *samples; /* different in (stack, label, thread, pid) */
    size_t count;
    uint32_t rate;              /* one acquire in so many was recorded */
    bool holds;                 /* releases and hold times were recorded */
    int64_t start_ns, end_ns;   /* wall clock, since 1970 */
    const char *const *remarks; /* what the profile's comments say of this interval: dropped counters ... */
    size_t remark_count;
};

#endif
