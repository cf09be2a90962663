/* SPDX-License-Identifier: Apache-2.0 */
/* From the states of one lock to its loss: the first stage that shows less than it should. */
#ifndef LOCKTRAIL_TRAIL_LOSSES_H
#define LOCKTRAIL_TRAIL_LOSSES_H

#include "trail/states.h"

/* Fills `lost`, `loss` (but for its group) and `known_limit` of *out, whose stages are there. */
void loss_of_lock(const struct lock_view *v, struct trail_lock *out);

/* Numbers the groups of all losses. */
void losses_group(const struct work *w, struct trail_result *result);

#endif
