/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are there whole or not at all. */
#ifndef LOCKPROF_EXPORT_WRITE_FILE_H
#define LOCKPROF_EXPORT_WRITE_FILE_H

#include "base/buf.h"
#include "base/err.h"

/* Writes to a temporary name in the same directory and renames it; what had the name is replaced. ERR_WRITE. */
int write_file(const char *path, const void *bytes, size_t size, struct err *e);

/* The same under the first free name PREFIX.PID.SEQ.pprof, SEQ counting on from *sequence: what an earlier run (of the
 * same pid, in another container) left is never replaced. *sequence and *path (the caller frees it) are of the file
 * that was written. */
int write_profile(const char *prefix, long pid, unsigned *sequence, const struct buf *bytes, char **path,
                  struct err *e);

#endif
