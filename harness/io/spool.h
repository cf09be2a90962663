/* SPDX-License-Identifier: Apache-2.0 */
/* The body of one request as it is kept: in memory up to a limit, beyond it in a file without a name. The next hop
 * reads the same bytes while they come. All on the loop's thread.
 *
 * Happy path: add … add → settled → view. Beyond SPOOL_MEMORY_MAX: a file is made and unlinked, what is in memory is
 * written block by block by libuv's threads, and the sender waits while too much is unwritten or unsent. Failure mode:
 * the file can't be made or written: the bytes still go to the next hop, and spool_view says why they are not
 * kept. */
#ifndef LOCKTRAIL_IO_SPOOL_H
#define LOCKTRAIL_IO_SPOOL_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/* Bytes of one body that are kept in memory. Profiles have some 100 kB, few have more than 1 MB. */
#define SPOOL_MEMORY_MAX ((size_t)4 << 20)
/* Of all bodies of one owner together: 64 uploads of 1 MB at once. Above it every body goes to a file early. */
#define SPOOL_MEMORY_ALL_MAX ((size_t)64 << 20)
/* Bytes that may be unwritten or unsent of a body that goes to a file before its sender waits. */
#define SPOOL_AHEAD_MAX ((size_t)512 << 10)

struct spool;

/* Something was written, or can't be: spool_full and spool_settled may say something else now. */
typedef void (*spool_fn)(void *data);

/* `directory` (or NULL: everything stays in memory) and `memory` (the sum over all records of one owner) are
 * borrowed. */
struct spool *spool_new(uv_loop_t *loop, const char *directory, size_t *memory, spool_fn fn, void *data);

/* Takes an empty buffer for the first bytes. */
void spool_use(struct spool *s, struct buf *memory);
/* The buffer that it has, once nobody needs its bytes any more. */
struct buf spool_memory(struct spool *s);
void spool_add(struct spool *s, const void *bytes, size_t size);
uint64_t spool_size(const struct spool *s);

/* The next bytes for the next hop, 0 where there are none at present. */
size_t spool_read(struct spool *s, void *out, size_t room);
uint64_t spool_unread(const struct spool *s);
/* Nobody reads any more. */
void spool_no_reader(struct spool *s);

bool spool_full(const struct spool *s);    /* the sender should wait */
bool spool_settled(const struct spool *s); /* nothing waits for the file */

/* The whole body, once it is settled; borrowed until spool_free, and not zero-terminated. Code ERR_WRITE where it
 * could not be kept: *out is empty then. */
int spool_view(struct spool *s, struct buf *out, struct err *e);

/* `fn` is not called any more; `freed` is, from the loop or from within. */
void spool_free(struct spool *s, void (*freed)(void *data), void *data);

#endif
