/* SPDX-License-Identifier: Apache-2.0 */
/* Conclusion and next steps of a verdict, in words for an engineer. */
#ifndef LOCKTRAIL_TRAIL_PHRASES_H
#define LOCKTRAIL_TRAIL_PHRASES_H

#include "base/buf.h"
#include "trail/verdict.h"

/* Fills `conclusion` and `next_steps` of *result by its verdict. */
void phrases_write(const struct tally *t, struct trail_result *result);

#endif
