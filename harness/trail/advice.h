/* SPDX-License-Identifier: Apache-2.0 */
/* What to look at for a mechanism at a stage. */
#ifndef LOCKTRAIL_TRAIL_ADVICE_H
#define LOCKTRAIL_TRAIL_ADVICE_H

#include "base/buf.h"
#include "trail/choice.h"

/* Appends it. */
void advice_say(const struct tally *t, enum stage stage, enum mechanism mechanism, enum unsampled unsampled,
                struct buf *out);

#endif
