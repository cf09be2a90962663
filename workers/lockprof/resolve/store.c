/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/store.h"

#include "base/mem.h"

#include <stdlib.h>

#define CHUNK_SIZE ((size_t)64 << 10) /* some hundred types or plans at once */
#define ALIGNMENT 16

struct pool_chunk {
    struct pool_chunk *next;
    size_t used, size;
    unsigned char bytes[] __attribute__((aligned(ALIGNMENT)));
};

void *pool_alloc(struct pool *pool, size_t size)
{
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct pool_chunk *chunk = pool->chunks;
    if (!chunk || chunk->size - chunk->used < size) {
        size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        chunk = mem_calloc(1, sizeof *chunk + room);
        chunk->size = room;
        chunk->next = pool->chunks;
        pool->chunks = chunk;
    }
    void *memory = chunk->bytes + chunk->used;
    chunk->used += size;
    return memory;
}

void pool_fini(struct pool *pool)
{
    while (pool->chunks) {
        struct pool_chunk *next = pool->chunks->next;
        free(pool->chunks);
        pool->chunks = next;
    }
}

/* Where the key stands or would stand. */
static size_t table_at(const struct table *table, uint64_t key)
{
    size_t at = (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (table->capacity - 1);
    while (table->keys[at] && table->keys[at] != key) {
        at = (at + 1) & (table->capacity - 1);
    }
    return at;
}

void *table_get(const struct table *table, uint64_t key)
{
    return table->capacity ? table->values[table_at(table, key)] : NULL;
}

void table_put(struct table *table, uint64_t key, void *value)
{
    if (2 * (table->used + 1) > table->capacity) {
        struct table old = *table;
        table->capacity = old.capacity ? 2 * old.capacity : 64;
        table->keys = mem_calloc(table->capacity, sizeof *table->keys);
        table->values = mem_calloc(table->capacity, sizeof *table->values);
        for (size_t i = 0; i < old.capacity; i++) {
            if (old.keys[i]) {
                size_t at = table_at(table, old.keys[i]);
                table->keys[at] = old.keys[i];
                table->values[at] = old.values[i];
            }
        }
        table_fini(&old);
    }
    size_t at = table_at(table, key);
    table->used += !table->keys[at];
    table->keys[at] = key;
    table->values[at] = value;
}

void table_fini(struct table *table)
{
    free(table->keys);
    free(table->values);
    *table = (struct table){0};
}
