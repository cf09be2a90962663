/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a name in a profile is a lock's own. */
#ifndef LOCKTRAIL_TRAIL_NAMING_H
#define LOCKTRAIL_TRAIL_NAMING_H

#include "trail/ledger.h"

#include <stdbool.h>

/* Members of one expression that are looked at from its beginning on: code has a few, a made-up name may have
 * thousands. */
#define NAMING_MEMBERS_MAX 64

/* What stands behind the first `->` or `.` of a C expression ("s->inner.lock" gives "inner.lock"), or NULL. */
const char *naming_next_member(const char *expression);

/* The declared name; of a qualified lock also an expression that ends in `->NAME` or `.NAME`. Never for an anonymous
 * lock. */
bool naming_is_declared(const struct lock *lock, const char *seen);

/* Whether the name is SYMBOL+0xOFFSET, as a collector shows a lock of which it only knows that it lies in a larger
 * object: a place, and no name. */
bool naming_is_place(const char *name);

/* The mangled name that the lock says, or Python's where it says none. */
bool naming_is_mangled(const struct lock *lock, const char *seen);

#endif
