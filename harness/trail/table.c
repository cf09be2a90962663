/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/table.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* A power of two; small, since most tables of a run hold a few dozen keys. */
#define SLOTS_MIN 32

/* FNV-1a, 64 bits (its published offset basis and prime), and a last mixing step since only the low bits choose a
 * slot. */
static uint64_t hash_of(const void *key, size_t size)
{
    const unsigned char *bytes = key;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash ^ (hash >> 32);
}

void table_fini(struct table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free(t->keys[i].bytes);
    }
    free(t->keys);
    free(t->slots);
    *t = (struct table){0};
}

/* The slot that holds the key, or the free one where it belongs. The table has at least one free slot. */
static size_t slot_of(const struct table *t, const void *key, size_t size, uint64_t hash)
{
    size_t mask = t->slot_count - 1;
    size_t slot = (size_t)hash & mask;
    while (t->slots[slot] != 0) {
        const struct table_key *k = &t->keys[t->slots[slot] - 1];
        if (k->hash == hash && k->size == size && memcmp(k->bytes, key, size) == 0) {
            break;
        }
        slot = (slot + 1) & mask;
    }
    return slot;
}

static void grow(struct table *t)
{
    free(t->slots);
    t->slot_count = t->slot_count ? t->slot_count * 2 : SLOTS_MIN;
    t->slots = mem_calloc(t->slot_count, sizeof *t->slots);
    for (size_t i = 0; i < t->count; i++) {
        const struct table_key *k = &t->keys[i];
        t->slots[slot_of(t, k->bytes, k->size, k->hash)] = i + 1;
    }
}

size_t table_put(struct table *t, const void *key, size_t size)
{
    if ((t->count + 1) * 2 > t->slot_count) {
        grow(t);
    }
    uint64_t hash = hash_of(key, size);
    size_t slot = slot_of(t, key, size, hash);
    if (t->slots[slot] == 0) {
        t->keys = mem_grow(t->keys, t->count, &t->capacity, sizeof *t->keys);
        struct table_key *k = &t->keys[t->count];
        k->bytes = mem_calloc(size + 1, 1);
        memcpy(k->bytes, key, size);
        k->size = size;
        k->hash = hash;
        t->slots[slot] = ++t->count;
    }
    return t->slots[slot] - 1;
}

size_t table_put_text(struct table *t, const char *text)
{
    return table_put(t, text, strlen(text));
}

size_t table_find(const struct table *t, const void *key, size_t size)
{
    if (t->slot_count == 0) {
        return TABLE_NONE;
    }
    size_t slot = slot_of(t, key, size, hash_of(key, size));
    return t->slots[slot] ? t->slots[slot] - 1 : TABLE_NONE;
}
