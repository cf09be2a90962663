/* SPDX-License-Identifier: Apache-2.0 */
/* What a tap keeps on the disk: copies, each content once, and a line for each request; the oldest go when there are
 * too many. Internal to tapping. On the loop's thread; files are written by the disk's. */
#ifndef LOCKTRAIL_ENGINE_TAPPING_COPIES_H
#define LOCKTRAIL_ENGINE_TAPPING_COPIES_H

#include "engine/tapping.h"
#include "io/disk.h"
#include "io/hash.h"

struct tapping_copies;

struct tapping_copies_options {
    uv_loop_t *loop;
    struct disk *disk;     /* borrowed */
    const char *directory; /* copied */
    uint64_t max_disk, keep;
    struct tapping_counts *counts;              /* kept, equal, removed, not_kept, disk_bytes are counted here */
    void (*note)(const char *text, void *data); /* a thing to be told */
    void *data;
};
struct tapping_copies *tapping_copies_new(const struct tapping_copies_options *options);
/* After the disk is closed and the loop has nothing more to do. */
void tapping_copies_free(struct tapping_copies *c);

/* The number of the copy with these bytes, or 0. */
uint64_t tapping_copies_find(const struct tapping_copies *c, const char hash[HASH_TEXT_SIZE]);

/* Keeps the bytes (taken) as a copy, whose number is returned. */
uint64_t tapping_copies_put(struct tapping_copies *c, const char hash[HASH_TEXT_SIZE], struct buf *bytes);

/* Puts the description (taken) beside the copy, where that is still there. */
void tapping_copies_describe(struct tapping_copies *c, uint64_t number, struct buf *text);

/* Appends a line of exchanges.jsonl, which begins anew in exchanges.2.jsonl and so on; two of them are kept. */
void tapping_copies_line(struct tapping_copies *c, const struct buf *line);

/* Bytes that wait for the disk. */
size_t tapping_copies_pending(const struct tapping_copies *c);

/* The first thing that could not be written, or NULL. */
const struct err *tapping_copies_error(const struct tapping_copies *c);

#endif
