/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/symbols_cache.h"

#include "base/mem.h"

#include <stdlib.h>

/* Addresses of one file that are kept; when there are more, all are learnt anew. */
#define PLACES_MAX 65536
#define PLACES_FIRST 256

struct place_cache {
    struct cached_places *table; /* open addressing; count 0: free */
    size_t size, count;          /* size: a power of two */
};

static struct cached_places *find(const struct place_cache *cache, uint64_t pc)
{
    size_t at = (size_t)(pc * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (cache->size - 1);
    while (cache->table[at].count > 0 && cache->table[at].pc != pc) {
        at = (at + 1) & (cache->size - 1);
    }
    return &cache->table[at];
}

static void grow(struct place_cache *cache)
{
    struct place_cache old = *cache;
    cache->size = old.size * 2;
    cache->table = mem_calloc(cache->size, sizeof cache->table[0]);
    cache->count = 0;
    for (size_t i = 0; i < old.size; i++) {
        if (old.table[i].count > 0) {
            *find(cache, old.table[i].pc) = old.table[i];
            cache->count++;
        }
    }
    free(old.table);
}

struct cached_places *place_cache_at(struct place_cache **cache, uint64_t pc)
{
    if (*cache != NULL && (*cache)->count >= PLACES_MAX) {
        place_cache_free(*cache);
        *cache = NULL;
    }
    if (*cache == NULL) {
        *cache = mem_calloc(1, sizeof **cache);
        (*cache)->size = PLACES_FIRST;
        (*cache)->table = mem_calloc(PLACES_FIRST, sizeof(*cache)->table[0]);
    }
    if ((*cache)->count * 2 >= (*cache)->size) {
        grow(*cache);
    }
    struct cached_places *entry = find(*cache, pc);
    if (entry->count == 0) {
        entry->pc = pc;
        (*cache)->count++;
    }
    return entry;
}

void place_cache_free(struct place_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    for (size_t i = 0; i < cache->size; i++) {
        free(cache->table[i].places);
    }
    free(cache->table);
    free(cache);
}
