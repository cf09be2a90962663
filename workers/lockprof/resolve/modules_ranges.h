/* SPDX-License-Identifier: Apache-2.0 */
/* Address ranges with a number each, looked up by address. */
#ifndef LOCKPROF_RESOLVE_MODULES_RANGES_H
#define LOCKPROF_RESOLVE_MODULES_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
    uint64_t start, end;
    uint64_t reach; /* the farthest end of this and all ranges before it */
    uint64_t value;
};

/* `{0}` is an empty index. */
struct ranges {
    struct range *items;
    size_t count, capacity;
};

/* An empty or backward range is passed over. */
void ranges_add(struct ranges *ranges, uint64_t start, uint64_t end, uint64_t value);

/* After the last ranges_add, before the first ranges_find. */
void ranges_sort(struct ranges *ranges);

/* The value of the range that holds the address, of several the one that begins last (the innermost where they nest).
 */
bool ranges_find(const struct ranges *ranges, uint64_t address, uint64_t *value);

void ranges_fini(struct ranges *ranges);

#endif
