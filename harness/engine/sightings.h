/* SPDX-License-Identifier: Apache-2.0 */
/* A profile as the trail sees it: its names as sightings. */
#ifndef LOCKTRAIL_ENGINE_SIGHTINGS_H
#define LOCKTRAIL_ENGINE_SIGHTINGS_H

#include "profile/profile.h"
#include "trail/trail.h"

/* Fills what *out says of its content (status, why, sightings, labels); `stage` is there. Strings stay the profile's;
 * the arrays are freed by sightings_return. `profile` NULL: it can't be read, and `unreadable` says why. The control's
 * reference lock is left out: it is locktrail's yardstick, and no lock of the workload. */
void sightings_lend(const struct profile *profile, const char *unreadable, struct trail_copy *out);
void sightings_return(struct trail_copy *copy);

#endif
