/* SPDX-License-Identifier: Apache-2.0 */
/* The body of one exchange as it is kept: in memory up to a limit, beyond it in a file without a name. The next hop
 * reads the same bytes while they come. Internal to the tap; all on the loop's thread.
 *
 * Happy path: add … add → settled → view. Beyond TAP_MEMORY_MAX: a file is made and unlinked, what is in memory is
 * written block by block by libuv's threads, and the sender waits while too much is unwritten or unsent. Failure mode:
 * the file can't be made or written: the bytes still go to the next hop, and tap_record_view says why they are not
 * kept. */
#ifndef LOCKTRAIL_PIPELINE_TAP_RECORD_H
#define LOCKTRAIL_PIPELINE_TAP_RECORD_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/* Bytes of one body that are kept in memory. Profiles have some 100 kB, few have more than 1 MB. */
#define TAP_MEMORY_MAX ((size_t)4 << 20)
/* Of all bodies of one tap together: 64 uploads of 1 MB at once. Above it every body goes to a file early. */
#define TAP_MEMORY_ALL_MAX ((size_t)64 << 20)
/* Bytes that may be unwritten or unsent of a body that goes to a file before its sender waits. */
#define TAP_AHEAD_MAX ((size_t)512 << 10)

struct tap_record;

/* Something was written, or can't be: tap_record_full and tap_record_settled may say something else now. */
typedef void (*tap_record_fn)(void *data);

/* `spool` (a directory, or NULL: everything stays in memory) and `memory` (the sum over all records of a tap) are
 * borrowed. */
struct tap_record *tap_record_new(uv_loop_t *loop, const char *spool, size_t *memory, tap_record_fn fn, void *data);

/* Takes an empty buffer for the first bytes. */
void tap_record_use(struct tap_record *r, struct buf *memory);
/* The buffer that it has, once nobody needs its bytes any more. */
struct buf tap_record_memory(struct tap_record *r);
void tap_record_add(struct tap_record *r, const void *bytes, size_t size);
uint64_t tap_record_size(const struct tap_record *r);

/* The next bytes for the next hop, 0 where there are none at present. */
size_t tap_record_read(struct tap_record *r, void *out, size_t room);
uint64_t tap_record_unread(const struct tap_record *r);
/* Nobody reads any more. */
void tap_record_no_reader(struct tap_record *r);

bool tap_record_full(const struct tap_record *r);    /* the sender should wait */
bool tap_record_settled(const struct tap_record *r); /* nothing waits for the file */

/* The whole body, once it is settled; borrowed until tap_record_free, and not zero-terminated. Code ERR_WRITE where it
 * could not be kept: *out is empty then. */
int tap_record_view(struct tap_record *r, struct buf *out, struct err *e);

/* `fn` is not called any more; `freed` is, from the loop or from within. */
void tap_record_free(struct tap_record *r, void (*freed)(void *data), void *data);

#endif
