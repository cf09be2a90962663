/* SPDX-License-Identifier: Apache-2.0 */
/* One rule for all values that a hop rewrote. */
#ifndef LOCKTRAIL_TRAIL_RULES_H
#define LOCKTRAIL_TRAIL_RULES_H

#include "base/buf.h"
#include "trail/work.h"

/* One value and what it became. */
struct rewriting {
    const struct label *before;
    const char *after;
};

/* Whether the value was cut off: `after` is a proper prefix, but for what a reader puts in the place of half a
 * character. *size: bytes that are left. */
bool rules_is_truncated(const char *before, const char *after, size_t *size);

/* Whether one rule fits all of them that does not depend on what they say: not one and the same name for all. */
bool rules_is_general(const struct rewriting *changes, size_t count);

/* Appends the rule that fits all of them ("lower-cased", "'_' replaced by '-'"); false, and nothing, where there is
 * none. */
bool rules_describe(const struct rewriting *changes, size_t count, struct buf *out);

#endif
