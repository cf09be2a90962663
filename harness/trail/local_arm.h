/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker's local copies say of a lock whose trail begins with an upload, since local copies and uploads are of
 * two processes (paired arms). Chance and the collector have their part there: only what neither of them does is told.
 */
#ifndef LOCKTRAIL_TRAIL_LOCAL_ARM_H
#define LOCKTRAIL_TRAIL_LOCAL_ARM_H

#include "trail/mechanisms.h"

/* A value that no local copy has, and the lock's own value there that it was made of. */
struct local_value {
    const struct row *row; /* at the stage */
    uint32_t before;       /* label */
};

/* The value of the most samples that is the lock's cut short (just before its name only where another lock's is cut to
 * as many bytes, since a collector may not have found a name), and that is its own rewritten as no collector does it;
 * false where there is none. */
bool local_arm_truncated(const struct loss_case *c, struct local_value *out);
bool local_arm_rewritten(const struct loss_case *c, struct local_value *out);

/* Whether uploads are missing: there are fewer than local copies of a process (*local), or none for some time between
 * two others (*local is 0 then). */
bool local_arm_misses_uploads(const struct loss_case *c, size_t *uploads, size_t *local);

/* Another lock of the process that has acquires too many, where this one lacks some, or the other way round, and no
 * upload came twice; *more: it has too many. False where there is none. */
bool local_arm_balance(const struct loss_case *c, size_t *lock, bool *more);

#endif
