/* SPDX-License-Identifier: Apache-2.0 */
/* Findings beside the losses: copies that are missing, came twice or can't be read, two names at one site ... */
#ifndef LOCKTRAIL_TRAIL_NOTES_H
#define LOCKTRAIL_TRAIL_NOTES_H

#include "trail/work.h"

/* Fills the notes of *result, whose locks are there. */
void notes_take(const struct work *w, struct trail_result *result);

#endif
