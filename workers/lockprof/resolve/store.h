/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of the namer: a pool that is freed as a whole, and a hash table from addresses to what lies in the pool. */
#ifndef LOCKPROF_RESOLVE_STORE_H
#define LOCKPROF_RESOLVE_STORE_H

#include <stddef.h>
#include <stdint.h>

/* `{0}` is a valid empty pool. */
struct pool {
    struct pool_chunk *chunks;
};

/* Zeroed memory for any type, which lives until pool_fini. */
void *pool_alloc(struct pool *pool, size_t size);
void pool_fini(struct pool *pool);

/* Keys are never 0, values never NULL. `{0}` is a valid empty table; the values are not its own. */
struct table {
    uint64_t *keys;
    void **values;
    size_t used, capacity;
};

void *table_get(const struct table *table, uint64_t key);
void table_put(struct table *table, uint64_t key, void *value);
void table_fini(struct table *table);

#endif
