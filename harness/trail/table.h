/* SPDX-License-Identifier: Apache-2.0 */
/* Byte strings to dense numbers: the n-th new key has the number n-1. A fixed hash, so that nothing depends on
 * chance. */
#ifndef LOCKTRAIL_TRAIL_TABLE_H
#define LOCKTRAIL_TRAIL_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define TABLE_NONE SIZE_MAX

struct table_key {
    char *bytes; /* the table's own, zero-terminated */
    size_t size;
    uint64_t hash;
};

/* `{0}` is an empty table. */
struct table {
    struct table_key *keys;
    size_t count, capacity;
    size_t *slots; /* number + 1; 0 is free. A power of two of them, at most half full */
    size_t slot_count;
};

void table_fini(struct table *t);

/* The key's number; a new key is copied in. */
size_t table_put(struct table *t, const void *key, size_t size);
size_t table_put_text(struct table *t, const char *text);

/* The key's number or TABLE_NONE. */
size_t table_find(const struct table *t, const void *key, size_t size);

#endif
