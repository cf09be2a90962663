/* SPDX-License-Identifier: Apache-2.0 */
/* What an uploading process shows on the stacks on which the local one has a lock's label (paired arms). The two have
 * samples of their own, so chance and the collector have their part; only what neither of them does is taken. */
#ifndef LOCKTRAIL_TRAIL_KINS_H
#define LOCKTRAIL_TRAIL_KINS_H

#include "trail/hits.h"
#include "trail/sites.h"

/* Fills the edges of flows that have a kin and no stage before. After edges_build. */
void kins_build(struct work *w);

/* Gives the samples of such a flow that stand under another label to whose they are, and takes them from the hits from
 * `first_hit` and the leftover rows from `first_left` on, which were found by their labels. */
void kins_match(struct work *w, struct sites *sites, const struct flow *f, size_t first_hit, size_t first_left);

#endif
