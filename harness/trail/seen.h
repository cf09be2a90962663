/* SPDX-License-Identifier: Apache-2.0 */
/* Under which names a lock was seen at each stage, and how often. */
#ifndef LOCKTRAIL_TRAIL_SEEN_H
#define LOCKTRAIL_TRAIL_SEEN_H

#include "trail/states.h"

/* Fills `seen_as` and the counts of the stages of *out, which are zero. */
void seen_of_lock(const struct lock_view *v, struct trail_lock *out);

#endif
