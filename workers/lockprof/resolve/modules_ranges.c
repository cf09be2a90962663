/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/modules_ranges.h"

#include "base/mem.h"

#include <stdlib.h>

void ranges_add(struct ranges *ranges, uint64_t start, uint64_t end, uint64_t value)
{
    if (end <= start) {
        return;
    }
    ranges->items = mem_grow(ranges->items, ranges->count, &ranges->capacity, sizeof ranges->items[0]);
    ranges->items[ranges->count++] = (struct range){.start = start, .end = end, .value = value};
}

/* By start; of the same start the longer first, so that the shorter is found. */
static int compare(const void *left, const void *right)
{
    const struct range *a = left, *b = right;
    if (a->start != b->start) {
        return a->start < b->start ? -1 : 1;
    }
    if (a->end != b->end) {
        return a->end > b->end ? -1 : 1;
    }
    return a->value < b->value ? -1 : a->value > b->value;
}

void ranges_sort(struct ranges *ranges)
{
    uint64_t reach = 0;
    if (ranges->count > 1) {
        qsort(ranges->items, ranges->count, sizeof ranges->items[0], compare);
    }
    for (size_t i = 0; i < ranges->count; i++) {
        reach = ranges->items[i].end > reach ? ranges->items[i].end : reach;
        ranges->items[i].reach = reach;
    }
}

bool ranges_find(const struct ranges *ranges, uint64_t address, uint64_t *value)
{
    size_t low = 0, high = ranges->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges->items[middle].start <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    while (low > 0 && ranges->items[low - 1].reach > address) {
        const struct range *r = &ranges->items[--low];
        if (address < r->end) {
            *value = r->value;
            return true;
        }
    }
    return false;
}

void ranges_fini(struct ranges *ranges)
{
    free(ranges->items);
    *ranges = (struct ranges){0};
}
