/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/export/intern.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN 64

void intern_fini(struct intern *index)
{
    free(index->buckets);
    free(index->hashes);
    *index = (struct intern){0};
}

void intern_clear(struct intern *index)
{
    if (index->buckets)
        memset(index->buckets, 0, index->bucket_count * sizeof *index->buckets);
    index->count = 0;
}

uint64_t intern_hash(uint64_t seed, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++)
        seed = (seed ^ at[i]) * UINT64_C(0x100000001b3);
    /* The low bits choose the bucket, and FNV mixes them least. */
    return seed ^ seed >> 29;
}

uint32_t intern_find(const struct intern *index, uint64_t hash, intern_equal_fn equal, const void *table,
                     const void *key)
{
    if (index->count == 0)
        return INTERN_NONE;
    for (size_t at = hash & (index->bucket_count - 1);; at = (at + 1) & (index->bucket_count - 1)) {
        uint32_t bucket = index->buckets[at];
        if (bucket == 0)
            return INTERN_NONE;
        if (index->hashes[bucket - 1] == hash && equal(table, bucket - 1, key))
            return bucket - 1;
    }
}

static void place(struct intern *index, uint32_t element)
{
    size_t at = index->hashes[element] & (index->bucket_count - 1);
    while (index->buckets[at] != 0)
        at = (at + 1) & (index->bucket_count - 1);
    index->buckets[at] = element + 1;
}

static void grow(struct intern *index)
{
    free(index->buckets);
    index->bucket_count = index->bucket_count ? 2 * index->bucket_count : BUCKETS_MIN;
    index->buckets = mem_calloc(index->bucket_count, sizeof *index->buckets);
    for (size_t i = 0; i < index->count; i++)
        place(index, (uint32_t)i);
}

uint32_t intern_add(struct intern *index, uint64_t hash)
{
    if (2 * (index->count + 1) > index->bucket_count)
        grow(index);
    index->hashes = mem_grow(index->hashes, index->count, &index->capacity, sizeof *index->hashes);
    index->hashes[index->count] = hash;
    place(index, (uint32_t)index->count);
    return (uint32_t)index->count++;
}
