/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers that are used again: a fresh MB costs 256 page faults, more than to receive it. `{0}` is valid and empty. */
#ifndef LOCKTRAIL_IO_SPARE_H
#define LOCKTRAIL_IO_SPARE_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

/* Buffers that are kept, and the smallest and the largest that are. Uploads have 100 kB to some MB; together not more
 * than SPARE_BYTES_MAX lie here. */
#define SPARE_COUNT 16
#define SPARE_MIN ((size_t)64 << 10)
#define SPARE_MAX ((size_t)4 << 20)
#define SPARE_BYTES_MAX ((size_t)16 << 20)

struct spare {
    struct buf items[SPARE_COUNT]; /* empty ones with room, or none */
    size_t bytes;
};

/* An empty buffer with room for `size` bytes, or for SPARE_MAX where that is less. */
struct buf spare_take(struct spare *s, uint64_t size);

/* Keeps the buffer, or frees it; it is empty afterwards. */
void spare_give(struct spare *s, struct buf *b);

void spare_fini(struct spare *s);

#endif
