/* SPDX-License-Identifier: Apache-2.0 */
/* Which label of a lock stands where another one stood at the stage before, where copies are not paired and only
 * labels and their counts tell. */
#ifndef LOCKTRAIL_TRAIL_CHANGES_H
#define LOCKTRAIL_TRAIL_CHANGES_H

#include "trail/work.h"

/* Fills changes, lock_changes, and each flow's account of them. */
void changes_find(struct work *w);
void changes_fini(struct work *w);

/* The lock's first change at a stage of a process, or NULL. */
const struct change *changes_of(const struct work *w, size_t lock, size_t instance, enum stage stage);

/* The change of another lock that took this one's old name while this one took its: NULL where there is none. */
const struct change *changes_swapped_with(const struct work *w, const struct change *change);

#endif
