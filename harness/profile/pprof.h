/* SPDX-License-Identifier: Apache-2.0 */
/* The pprof message (proto/profile.proto), read in two passes over the bytes and without an object
 * for each sample. */
#ifndef LOCKTRAIL_PROFILE_PPROF_H
#define LOCKTRAIL_PROFILE_PPROF_H

#include "profile/profile.h"

/* Fills what the message says into *p (all but encoding, what and raw_size), which is zero before.
 * On failure *e has the offset, and *p is for profile_free. `size` fits 32 bits. */
int pprof_read(const void *raw, size_t size, const struct profile_limits *limits, struct profile *p, struct err *e);

#endif
