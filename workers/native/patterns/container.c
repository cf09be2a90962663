/* SPDX-License-Identifier: Apache-2.0 */
/* A table of entries: a lock in each bucket of an array on the heap, and one in each entry of the bucket's list. All
 * locks of one member have one site, and are one lock of the ledger. */
#include "native/patterns/patterns.h"

#include <stdlib.h>

#define BUCKETS 2
#define ENTRIES_EACH 3

struct entry {
    struct entry *next;
    uint32_t key;
    pthread_mutex_t entry_lock; // lock: container/entry_lock exact
    uint64_t value;
    struct tally counted;
};

struct bucket {
    pthread_mutex_t bucket_lock; // lock: container/bucket_lock exact
    struct entry *entries;
    uint64_t lookups;
    struct tally counted;
};

struct table {
    const struct io *io;
    struct bucket *buckets;
};

static struct entry *entry_new(uint32_t key, struct entry *next)
{
    struct entry *e = calloc(1, sizeof *e);
    if (!e)
        abort();
    e->key = key;
    e->next = next;
    tally_init(&e->counted, "container/entry_lock", 1);
    pthread_mutex_init(&e->entry_lock, NULL); // init: container/entry_lock
    tally_made(&e->counted);
    return e;
}

static void bucket_init(struct bucket *b)
{
    tally_init(&b->counted, "container/bucket_lock", 1);
    pthread_mutex_init(&b->bucket_lock, NULL); // init: container/bucket_lock
    tally_made(&b->counted);
    for (uint32_t key = 0; key < ENTRIES_EACH; key++)
        b->entries = entry_new(key, b->entries);
}

static void bucket_fini(struct bucket *b)
{
    while (b->entries) {
        struct entry *e = b->entries;
        b->entries = e->next;
        pthread_mutex_destroy(&e->entry_lock);
        free(e);
    }
    pthread_mutex_destroy(&b->bucket_lock);
}

static struct entry *find_entry(struct table *table, struct bucket *bucket, uint32_t key)
{
    tally_ask(&bucket->counted);
    pthread_mutex_lock(&bucket->bucket_lock); // acquire: container/bucket_lock
    tally_take(&bucket->counted);
    struct entry *found = bucket->entries;
    while (found->key != key)
        found = found->next;
    bucket->lookups++;
    io_wait(table->io, IO_FIRST);
    tally_leave(&bucket->counted);
    pthread_mutex_unlock(&bucket->bucket_lock);
    return found;
}

static void put(void *service, unsigned worker, uint64_t turn)
{
    struct table *table = service;
    struct entry *entry = find_entry(table, &table->buckets[turn % BUCKETS], turn % ENTRIES_EACH);

    tally_ask(&entry->counted);
    pthread_mutex_lock(&entry->entry_lock); // acquire: container/entry_lock
    tally_take(&entry->counted);
    entry->value = checksum(worker, turn);
    io_wait(table->io, 1);
    tally_leave(&entry->counted);
    pthread_mutex_unlock(&entry->entry_lock);
}

void container_serve(struct phase *phase)
{
    struct table table = {.io = phase_io(phase), .buckets = calloc(BUCKETS, sizeof *table.buckets)};
    if (!table.buckets)
        abort();
    for (size_t i = 0; i < BUCKETS; i++)
        bucket_init(&table.buckets[i]);
    phase_run(phase, put, &table);
    for (size_t i = 0; i < BUCKETS; i++)
        bucket_fini(&table.buckets[i]);
    free(table.buckets);
}
