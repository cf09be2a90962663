/* SPDX-License-Identifier: Apache-2.0 */
/* The conclusion of a verdict, in words for an engineer. */
#ifndef LOCKTRAIL_TRAIL_PHRASES_H
#define LOCKTRAIL_TRAIL_PHRASES_H

#include "trail/verdict.h"

/* Fills `conclusion` of *result by its verdict. */
void phrases_conclude(const struct tally *t, struct trail_result *result);

#endif
