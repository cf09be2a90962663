/* SPDX-License-Identifier: Apache-2.0 */
/* What befell one lock between two stages of one process, where its copies are paired, or between two kins. */
#ifndef LOCKTRAIL_TRAIL_MOVED_H
#define LOCKTRAIL_TRAIL_MOVED_H

#include "trail/states.h"

/* What one mechanism did to the lock. */
struct moved_by {
    uint64_t samples;        /* of the lock */
    const struct edge *edge; /* the one with the most of them, NULL where the mechanism did nothing */
    uint64_t edge_samples;
};

struct moved {
    unsigned mechanisms; /* as in struct loss; 0: nothing was lost */
    enum mechanism main; /* by moved_find_all: of the most samples */
    struct moved_by by[MECHANISM_COUNT];
    uint64_t samples; /* of the lock, at the stage before */
};

/* The lock in one process; the flow is `by_moves` or `by_kin`. */
void moved_find(const struct work *w, size_t lock, size_t instance, enum stage stage, struct moved *out);

/* All processes together whose copies are paired, or that have a kin. Returns the process (k, within the view) that
 * lost most by the main mechanism, whose account is in *out; the mechanisms are those of all. SIZE_MAX where nothing
 * was lost. */
size_t moved_find_all(const struct lock_view *v, enum stage stage, struct moved *out);

#endif
