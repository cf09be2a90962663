/* SPDX-License-Identifier: Apache-2.0 */
/* Counts by string: a string of the table is hashed when it is first counted, and an index after
 * that. */
#ifndef LOCKTRAIL_PROFILE_NAMES_H
#define LOCKTRAIL_PROFILE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The lock values of a sample, in the order of `lock_types` in pprof.c. */
enum lock_value { VALUE_ACQUIRE, VALUE_ACQUIRE_WAIT, VALUE_RELEASE, VALUE_RELEASE_HOLD, VALUE_COUNT };

/* One string of the profile's table. */
struct string_ref {
    const char *text; /* borrowed from the profile's bytes */
    uint32_t size;
};

struct names_entry {
    struct string_ref string;
    uint64_t hash;
    uint64_t samples;
    uint64_t values[VALUE_COUNT];
    uint64_t last_sample; /* number of the sample that was counted last, from 1 */
};

/* Equal strings at several indexes have one entry. `{0}` is not valid: names_init. */
struct names {
    struct names_entry *entries; /* in the order of their first sample */
    size_t count, capacity;
    size_t max;
    uint32_t *entry_of;  /* for each index of the string table: entry + 1, or 0 */
    uint32_t *buckets;   /* open addressing: entry + 1, or 0 */
    size_t bucket_count; /* a power of two */
    uint64_t seed;
};

/* For a table of `string_count` strings. At most `max` (below 2^31) different ones are counted. */
void names_init(struct names *n, size_t string_count, size_t max);
void names_fini(struct names *n);

/* Slow path of names_find. */
struct names_entry *names_add(struct names *n, size_t index, struct string_ref string);

/* The entry of the string at `index` of the table, made where it is new; NULL where that is one too
 * many. Valid until the next call. */
static inline struct names_entry *names_find(struct names *n, size_t index, struct string_ref string)
{
    uint32_t entry = n->entry_of[index];
    return entry != 0 ? &n->entries[entry - 1] : names_add(n, index, string);
}

#endif
