/* SPDX-License-Identifier: Apache-2.0 */
/* The next steps of a verdict, in words for an engineer: what is likeliest first. */
#ifndef LOCKTRAIL_TRAIL_STEPS_H
#define LOCKTRAIL_TRAIL_STEPS_H

#include "trail/verdict.h"

/* Fills `next_steps` of *result by its verdict. */
void steps_write(const struct tally *t, struct trail_result *result);

#endif
