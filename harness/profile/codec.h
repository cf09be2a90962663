/* SPDX-License-Identifier: Apache-2.0 */
/* The compressions in which profiles travel, told by their magic bytes. */
#ifndef LOCKTRAIL_PROFILE_CODEC_H
#define LOCKTRAIL_PROFILE_CODEC_H

#include "base/buf.h"
#include "profile/profile.h"

/* RFC 1952 (gzip), RFC 8878 (zstd), the LZ4 frame format. Skippable frames in front, which zstd and
 * lz4 share, are passed over. What has none of these is ENCODING_NONE. */
enum profile_encoding codec_detect(const void *bytes, size_t size);

/* Appends the decompressed bytes to *out: all members or frames, one behind the other. Stops with
 * an error as soon as they are more than `max_size`, so that *out holds at most one byte more. On
 * failure *e has the offset in the compressed bytes; what *out then holds is of no use. Never
 * called with ENCODING_NONE. */
int codec_decode(enum profile_encoding encoding, const void *bytes, size_t size, size_t max_size, struct buf *out,
                 struct err *e);

/* Appends the bytes to *out as one gzip member, zstd frame or lz4 frame (with a checksum of the content), or as they
 * are for ENCODING_NONE. The same bytes always give the same. */
void codec_encode(enum profile_encoding encoding, const void *bytes, size_t size, struct buf *out);

#endif
