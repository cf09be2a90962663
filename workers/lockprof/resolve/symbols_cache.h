/* SPDX-License-Identifier: Apache-2.0 */
/* The places of one ELF file's addresses that were asked for, kept by address. */
#ifndef LOCKPROF_RESOLVE_SYMBOLS_CACHE_H
#define LOCKPROF_RESOLVE_SYMBOLS_CACHE_H

#include "lockprof/resolve/symbols.h"

struct place_cache;

struct cached_places {
    uint64_t pc; /* link address */
    size_t count;
    struct place *places;
};

/* The entry of an address; `count` is 0 where it is new and to be filled. `places` is freed with the cache. Borrowed
 * until the next call. */
struct cached_places *place_cache_at(struct place_cache **cache, uint64_t pc);

void place_cache_free(struct place_cache *cache);

#endif
