/* SPDX-License-Identifier: Apache-2.0 */
/* Labels that changed places. */
#ifndef LOCKTRAIL_TRAIL_CYCLES_H
#define LOCKTRAIL_TRAIL_CYCLES_H

#include "trail/work.h"

/* Sets swapped[i] where edge i leads to a label from which other edges lead back: a swap or a longer cycle. All edges
 * are EDGE_CHANGED, of one flow, in the order of `from`. */
void cycles_find(const struct edge *edges, size_t count, bool *swapped);

#endif
