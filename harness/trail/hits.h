/* SPDX-License-Identifier: Apache-2.0 */
/* The rows that are locks' own, as they are found: first in the order of finding, then settled by row. */
#ifndef LOCKTRAIL_TRAIL_HITS_H
#define LOCKTRAIL_TRAIL_HITS_H

#include "trail/work.h"

/* A hit that has all of the row. The pointer is good until the next call. */
struct hit *hits_add(struct work *w, const struct row *row, uint32_t lock);

/* Nobody's row. */
void hits_leave(struct work *w, const struct row *row, uint64_t samples, uint64_t acquires);

/* What a lock has of an edge. */
void hits_add_part(struct work *w, uint32_t lock, const struct edge *e, uint64_t samples);

/* Hits that are settled: those of one stage of one process. */
struct hit_range {
    size_t first, end;
};

/* Those of them that are of this row; their number in *count. */
const struct hit *hits_of(const struct work *w, struct hit_range range, const struct row *row, size_t *count);

/* Puts the hits from `first` on in the order of their rows. Where a lock is there twice (two labels of it became one)
 * one stays: of a flow `by_moves` with the counts of both. */
void hits_settle(struct work *w, size_t first, bool by_moves);

#endif
