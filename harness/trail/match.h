/* SPDX-License-Identifier: Apache-2.0 */
/* Which rows are which lock's: by site, by name where the lock has no site, else through the copy before. */
#ifndef LOCKTRAIL_TRAIL_MATCH_H
#define LOCKTRAIL_TRAIL_MATCH_H

#include "trail/work.h"

/* Fills hits, lock_hits, site_locks and leftover of *w. */
void match(struct work *w);
void match_fini(struct work *w);

#endif
