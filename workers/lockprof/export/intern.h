/* SPDX-License-Identifier: Apache-2.0 */
/* The hash index of a table whose elements are kept once and never removed: elements are numbered 0, 1 ... by the table
 * that owns them, this only finds the number of an equal one. */
#ifndef LOCKPROF_EXPORT_INTERN_H
#define LOCKPROF_EXPORT_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INTERN_NONE UINT32_MAX

/* `{0}` is a valid empty index. */
struct intern {
    uint32_t *buckets; /* open addressing: element + 1, or 0 */
    uint64_t *hashes;  /* by element */
    size_t bucket_count, count, capacity;
};

/* Whether the table's element equals what is looked for. */
typedef bool (*intern_equal_fn)(const void *table, uint32_t element, const void *key);

void intern_fini(struct intern *index);

/* The number of the equal element, or INTERN_NONE. */
uint32_t intern_find(const struct intern *index, uint64_t hash, intern_equal_fn equal, const void *table,
                     const void *key);

/* Takes the next element in, which intern_find has not found; returns its number. Out of memory ends the program. */
uint32_t intern_add(struct intern *index, uint64_t hash);

/* Forgets all elements and keeps the memory. */
void intern_clear(struct intern *index);

/* FNV-1a, chained: begin with INTERN_SEED. */
#define INTERN_SEED UINT64_C(0xcbf29ce484222325)
uint64_t intern_hash(uint64_t seed, const void *bytes, size_t size);

#endif
