/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOCKPROF_EXPORT_COMPRESS_H
#define LOCKPROF_EXPORT_COMPRESS_H

#include "base/buf.h"

#include <stdbool.h>

enum compression { COMPRESS_ZSTD, COMPRESS_GZIP, COMPRESS_NONE };

/* "zstd", "gzip", "none"; false for anything else. */
bool compression_parse(const char *text, enum compression *out);

/* Replaces the bytes by their compressed form. Equal bytes give equal ones: one frame or member, without a time in it.
 */
void compress_bytes(enum compression compression, struct buf *bytes);

#endif
