/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows are which lock's, where it is known what became of each sample since the stage before. */
#ifndef LOCKTRAIL_TRAIL_IMAGES_H
#define LOCKTRAIL_TRAIL_IMAGES_H

#include "trail/hits.h"
#include "trail/sites.h"

/* Adds the hits of a flow `by_moves` and the parts that locks have of its edges. `before` has the hits of the stage
 * before. `harmed` is scratch, one element for each lock; `number` is another one for each flow, from 1. */
void images_match(struct work *w, struct sites *sites, const struct flow *f, struct hit_range before, uint32_t *harmed,
                  uint32_t number);

/* Puts the parts of all flows in order, by lock. */
void images_settle(struct work *w);

#endif
