/* SPDX-License-Identifier: Apache-2.0 */
#include "profile/names.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN 64

/* Odd constants with well mixed bits (from the digits of pi and e). */
#define HASH_K0 UINT64_C(0x243F6A8885A308D3)
#define HASH_K1 UINT64_C(0xB7E151628AED2A6B)

void names_init(struct names *n, size_t string_count, size_t max)
{
    *n = (struct names){.max = max < INT32_MAX ? max : INT32_MAX, .bucket_count = BUCKETS_MIN};
    n->entry_of = mem_calloc(string_count, sizeof *n->entry_of);
    n->buckets = mem_calloc(BUCKETS_MIN, sizeof *n->buckets);
    /* An address is different in each process: nobody can write a profile whose names all fall into
     * one bucket. */
    n->seed = (uint64_t)(uintptr_t)n->entry_of ^ (uint64_t)(uintptr_t)&names_init * HASH_K1;
}

void names_fini(struct names *n)
{
    free(n->entries);
    free(n->entry_of);
    free(n->buckets);
    *n = (struct names){0};
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_string(struct string_ref string, uint64_t seed)
{
    uint64_t hash = seed ^ HASH_K0, word;
    const char *at = string.text;
    size_t left = string.size;
    for (; left >= sizeof word; left -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = mix(hash ^ word, HASH_K1 ^ seed);
    }
    word = 0;
    memcpy(&word, at, left);
    hash = mix(hash ^ word, HASH_K1 ^ seed);
    return mix(hash ^ string.size, HASH_K0);
}

static void rehash(struct names *n)
{
    n->bucket_count *= 2;
    free(n->buckets);
    n->buckets = mem_calloc(n->bucket_count, sizeof *n->buckets);
    for (size_t i = 0; i < n->count; i++) {
        size_t bucket = n->entries[i].hash & (n->bucket_count - 1);
        while (n->buckets[bucket] != 0) {
            bucket = (bucket + 1) & (n->bucket_count - 1);
        }
        n->buckets[bucket] = (uint32_t)i + 1;
    }
}

static bool is_string(const struct names_entry *entry, uint64_t hash, struct string_ref string)
{
    return entry->hash == hash && entry->string.size == string.size &&
           memcmp(entry->string.text, string.text, string.size) == 0;
}

struct names_entry *names_add(struct names *n, size_t index, struct string_ref string)
{
    if ((n->count + 1) * 2 > n->bucket_count) {
        rehash(n);
    }
    uint64_t hash = hash_string(string, n->seed);
    size_t bucket = hash & (n->bucket_count - 1);
    while (n->buckets[bucket] != 0) {
        struct names_entry *entry = &n->entries[n->buckets[bucket] - 1];
        if (is_string(entry, hash, string)) {
            n->entry_of[index] = n->buckets[bucket];
            return entry;
        }
        bucket = (bucket + 1) & (n->bucket_count - 1);
    }
    if (n->count == n->max) {
        return NULL;
    }
    n->entries = mem_grow(n->entries, n->count, &n->capacity, sizeof *n->entries);
    n->entries[n->count] = (struct names_entry){.string = string, .hash = hash};
    n->count++;
    n->buckets[bucket] = n->entry_of[index] = (uint32_t)n->count;
    return &n->entries[n->count - 1];
}
