/* SPDX-License-Identifier: Apache-2.0 */
/* Files that come where a lock profile was expected: what are they? */
#ifndef LOCKTRAIL_PROFILE_FOREIGN_H
#define LOCKTRAIL_PROFILE_FOREIGN_H

#include "base/buf.h"
#include "profile/profile.h"

/* True for a Java Flight Recorder file; *what then says so with its version. */
bool foreign_is_jfr(const void *bytes, size_t size, struct buf *what);

/* What bytes that are no pprof look like, with advice ("an HTML page: ..."), or NULL. Only for the
 * message. */
const char *foreign_guess(const void *bytes, size_t size);

/* Appends what a pprof is, for a person, by its sample types ("lock-acquire/count" ...). */
void foreign_describe_pprof(char *const *sample_types, size_t count, bool locks, struct buf *what);

#endif
