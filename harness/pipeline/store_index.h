/* SPDX-License-Identifier: Apache-2.0 */
/* What a store has, in memory: for each upload what a list says of it and where its parts lie. Internal to the store.
 * Pure. */
#ifndef LOCKTRAIL_PIPELINE_STORE_INDEX_H
#define LOCKTRAIL_PIPELINE_STORE_INDEX_H

#include "pipeline/store_query.h"

/* Uploads that are kept: above the 100,000 of the largest run there is to be. The oldest are dropped above it. */
#define STORE_UPLOADS_MAX ((size_t)1 << 17)
/* Tags of one upload, and bytes of them, that can be asked for; clients send some 20 of 30 bytes. Further ones stand in
 * event.json only. */
#define STORE_TAGS_MAX 256
#define STORE_TAG_BYTES_MAX ((size_t)16 << 10)

struct store_part {
    char *file;    /* its name in downloads */
    size_t offset; /* where it begins in the upload's body */
    size_t size;
};

/* Tags of uploads. Those of one process are the same each time, and so are shared. */
struct store_tags {
    size_t refs;
    struct upload_tag *items;
    size_t count;
};

struct store_item {
    uint64_t number; /* grows with each upload */
    char *id, *profile_id;
    struct intake_time at; /* its timestamp: when the profile began */
    char *start, *end;
    struct store_tags *tags;
    struct store_part *parts;
    size_t part_count, part_capacity;
    uint64_t bytes;
    bool fetched; /* somebody has asked for its download */
};
void store_item_free(struct store_item *item);
const char *store_item_tag(const struct store_item *item, const char *key); /* "" where there is none */

/* `{0}` is empty. Ordered by number. */
struct store_index {
    struct store_item **items; /* from `first` on */
    size_t first, count, capacity;
    uint64_t bytes, dropped;
};
void store_index_fini(struct store_index *index);

/* A reference to tags like these, for an item that is to be added: those of an item near the end, or new ones. */
struct store_tags *store_index_tags(const struct store_index *index, const struct upload_tag *tags, size_t count);

/* Takes the item, whose number is above those before it. */
void store_index_add(struct store_index *index, struct store_item *item);

/* Takes the oldest out where there are more than `max_bytes` (0: no limit) or `max_uploads`, but for the last that is
 * left: for the caller to free. NULL where nothing is to be dropped. */
struct store_item *store_index_drop(struct store_index *index, uint64_t max_bytes, size_t max_uploads);

/* By event id and number; NULL where there is none. Borrowed. */
struct store_item *store_index_find(const struct store_index *index, uint64_t number, const char *id);

/* The items that fit, in the order asked for and no more than the limit; the array is the caller's to free. `*matched`
 * is how many fit altogether. */
const struct store_item **store_index_select(const struct store_index *index, const struct store_query *query,
                                             size_t *count, size_t *matched);

#endif
