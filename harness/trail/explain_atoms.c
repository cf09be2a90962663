/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/explain_internal.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Each new one is held against all before: 50 million looks. Eight axes of eight values have 240. */
#define COMPARISONS_MAX 10000

static void take_points(struct atoms *a, size_t cell_count)
{
    a->points = mem_calloc(cell_count, sizeof *a->points);
    for (size_t i = 0; i < cell_count; i++)
        if (a->cells[i].outcome != EXPLAIN_NONE)
            a->points[a->point_count++] = i;
    a->words = (a->point_count + 63) / 64;
    a->lost = mem_calloc(a->words, sizeof *a->lost);
    a->kept = mem_calloc(a->words, sizeof *a->kept);
    for (size_t i = 0; i < a->point_count; i++) {
        bool kept = a->cells[a->points[i]].outcome == EXPLAIN_KEPT;
        (kept ? a->kept : a->lost)[i / 64] |= UINT64_C(1) << (i % 64);
        a->kept_count += kept;
    }
    a->lost_count = a->point_count - a->kept_count;
}

static bool holds(const struct explain_comparison *c, int value)
{
    switch (c->comparator) {
    case EXPLAIN_BELOW:
        return value >= 0 && (size_t)value < c->value;
    case EXPLAIN_FROM:
        return value >= 0 && (size_t)value >= c->value;
    case EXPLAIN_EQUAL:
        return value >= 0 && (size_t)value == c->value;
    case EXPLAIN_UNEQUAL:
        break;
    }
    return value < 0 || (size_t)value != c->value;
}

static uint64_t hash_set(const uint64_t *set, size_t words)
{
    uint64_t hash = 0;
    for (size_t w = 0; w < words; w++) {
        hash = (hash ^ set[w]) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 32;
    }
    return hash;
}

/* `set` is the next one of the list, with its hash. */
static bool is_new(const struct atoms *a, const uint64_t *set)
{
    bool none = true, all = true;
    uint64_t hash = a->hashes[a->count];
    for (size_t w = 0; w < a->words; w++) {
        none = none && set[w] == 0;
        all = all && set[w] == (a->lost[w] | a->kept[w]);
    }
    for (size_t i = 0; i < a->count && !none && !all; i++)
        if (a->hashes[i] == hash && memcmp(atoms_set(a, i), set, a->words * sizeof *set) == 0)
            return false;
    return !none && !all;
}

/* The first of several that mean the same stays. */
static void add(struct atoms *a, size_t axis, enum explain_comparator comparator, size_t value)
{
    if (a->count == a->capacity) {
        a->dropped = true;
        return;
    }
    struct explain_comparison c = {axis, comparator, value};
    uint64_t *set = a->sets + a->count * a->words;
    memset(set, 0, a->words * sizeof *set);
    for (size_t i = 0; i < a->point_count; i++)
        if (holds(&c, a->cells[a->points[i]].values[axis]))
            set[i / 64] |= UINT64_C(1) << (i % 64);
    a->hashes[a->count] = hash_set(set, a->words);
    if (is_new(a, set))
        a->items[a->count++] = c;
}

/* Only values of which something is known, so that the bound of `<` is one that was seen on the other side. */
static void add_axis(struct atoms *a, size_t axis)
{
    size_t count = a->axes[axis].count;
    bool *known = mem_calloc(count, sizeof *known);
    for (size_t i = 0; i < a->point_count; i++) {
        int value = a->cells[a->points[i]].values[axis];
        if (value >= 0)
            known[value] = true;
    }
    for (int c = a->axes[axis].ordered ? EXPLAIN_BELOW : EXPLAIN_EQUAL; c <= EXPLAIN_UNEQUAL; c++)
        for (size_t v = 0; v < count; v++)
            if (known[v])
                add(a, axis, (enum explain_comparator)c, v);
    free(known);
}

void atoms_init(struct atoms *a, const struct explain_axis *axes, size_t axis_count, const struct explain_cell *cells,
                size_t cell_count)
{
    size_t wanted = 0;
    *a = (struct atoms){.axes = axes, .cells = cells};
    take_points(a, cell_count);
    for (size_t i = 0; i < axis_count; i++)
        wanted += axes[i].count * (axes[i].ordered ? 4 : 2);
    size_t room = a->words > 0 ? EXPLAIN_SET_WORDS_MAX / a->words : 0;
    room = room < COMPARISONS_MAX ? room : COMPARISONS_MAX;
    a->capacity = wanted < room ? wanted : room;
    a->hashes = mem_calloc(a->capacity, sizeof *a->hashes);
    a->items = mem_calloc(a->capacity, sizeof *a->items);
    a->sets = mem_calloc(a->capacity * a->words, sizeof *a->sets);
    for (size_t i = 0; i < axis_count && a->words > 0; i++)
        add_axis(a, i);
}

void atoms_fini(struct atoms *a)
{
    free(a->points);
    free(a->lost);
    free(a->kept);
    free(a->items);
    free(a->sets);
    free(a->hashes);
}
