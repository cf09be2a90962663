/* SPDX-License-Identifier: Apache-2.0 */
/* The lost cell that reproduces a loss best, and the kept cell that is nearest to it. */
#include "trail/explain_internal.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Pairs of a lost and a kept cell that are compared where no two differ in one axis only. In a full matrix there always
 * are such two; of a sparse one with more pairs, the first ones are looked at. */
#define PAIRS_MAX ((size_t)1 << 24)
#define NO_CELL ((size_t)-1)

struct choice {
    const struct explain_cell *cells;
    size_t cell_count, axis_count;
    int *worth; /* of each lost cell as an example: 0 is best; -1 for those that are not lost */
    size_t example, counterpart, distance;
    int example_worth;
};

static size_t distance(const struct choice *c, size_t a, size_t b, size_t most)
{
    size_t count = 0;
    for (size_t i = 0; i < c->axis_count && count <= most; i++)
        count += c->cells[a].values[i] != c->cells[b].values[i];
    return count;
}

static void offer(struct choice *c, size_t lost, size_t kept, size_t far)
{
    int worth = c->worth[lost];
    if (worth > c->example_worth || (worth == c->example_worth && far > c->distance))
        return;
    /* Equally good ones: the earliest. */
    if (worth == c->example_worth && far == c->distance &&
        (lost > c->example || (lost == c->example && kept > c->counterpart)))
        return;
    c->example = lost;
    c->counterpart = kept;
    c->distance = far;
    c->example_worth = worth;
}

/* --- neighbours: cells that are equal in all axes but one ------------------------------------------------------- */

struct entry {
    uint64_t hash; /* of the values of the other axes */
    size_t cell;
};

static int by_hash(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->cell > y->cell) - (x->cell < y->cell);
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 29;
}

static uint64_t hash_others(const struct choice *c, size_t cell, size_t axis)
{
    uint64_t hash = 1;
    for (size_t i = 0; i < c->axis_count; i++)
        hash = mix(hash, i == axis ? 0 : (uint64_t)c->cells[cell].values[i] + 2);
    return hash;
}

/* Of one group the first kept cell, and the best of the lost. */
static void look_at_group(struct choice *c, const struct entry *group, size_t size)
{
    size_t kept = NO_CELL;
    for (size_t i = 0; i < size && kept == NO_CELL; i++)
        if (c->cells[group[i].cell].outcome == EXPLAIN_KEPT)
            kept = group[i].cell;
    for (size_t i = 0; i < size && kept != NO_CELL; i++)
        if (c->worth[group[i].cell] >= 0 && distance(c, group[i].cell, kept, 1) == 1)
            offer(c, group[i].cell, kept, 1);
}

static void look_at_neighbours(struct choice *c)
{
    struct entry *entries = mem_calloc(c->cell_count, sizeof *entries);
    for (size_t axis = 0; axis < c->axis_count; axis++) {
        for (size_t i = 0; i < c->cell_count; i++)
            entries[i] = (struct entry){hash_others(c, i, axis), i};
        qsort(entries, c->cell_count, sizeof *entries, by_hash);
        for (size_t first = 0, end; first < c->cell_count; first = end) {
            for (end = first; end < c->cell_count && entries[end].hash == entries[first].hash;)
                end++;
            look_at_group(c, entries + first, end - first);
        }
    }
    free(entries);
}

static void look_at_pairs(struct choice *c)
{
    size_t looked = 0;
    for (size_t lost = 0; lost < c->cell_count; lost++) {
        if (c->worth[lost] < 0 || c->worth[lost] > c->example_worth)
            continue;
        for (size_t kept = 0; kept < c->cell_count && looked < PAIRS_MAX; kept++) {
            if (c->cells[kept].outcome != EXPLAIN_KEPT)
                continue;
            looked++;
            offer(c, lost, kept, distance(c, lost, kept, c->axis_count));
        }
    }
}

/* --- the choice ------------------------------------------------------------------------------------------------- */

static void rate(struct choice *c, const struct explain_result *r)
{
    c->worth = mem_calloc(c->cell_count, sizeof *c->worth);
    c->example_worth = 4;
    for (size_t i = 0; i < c->cell_count; i++) {
        enum explain_outcome outcome = c->cells[i].outcome;
        c->worth[i] = outcome == EXPLAIN_LOST ? 0 : outcome == EXPLAIN_FLAKY ? 1 : -1;
    }
    for (size_t i = 0; i < r->exception_count; i++)
        if (c->worth[r->exceptions[i]] >= 0)
            c->worth[r->exceptions[i]] += 2;
    for (size_t i = c->cell_count; i-- > 0;)
        if (c->worth[i] >= 0 && c->worth[i] <= c->example_worth) {
            c->example = i;
            c->example_worth = c->worth[i];
        }
}

void explain_example(size_t axis_count, const struct explain_cell *cells, size_t cell_count, struct explain_result *r)
{
    struct choice c = {.cells = cells,
                       .cell_count = cell_count,
                       .axis_count = axis_count,
                       .example = NO_CELL,
                       .counterpart = NO_CELL,
                       .distance = axis_count + 1};
    rate(&c, r);
    if (c.example != NO_CELL && r->kept > 0) {
        look_at_neighbours(&c);
        if (c.counterpart == NO_CELL)
            look_at_pairs(&c);
    }
    r->example = c.example;
    r->counterpart = c.counterpart;
    r->differing = mem_calloc(axis_count, sizeof *r->differing);
    for (size_t i = 0; i < axis_count && c.counterpart != NO_CELL; i++)
        if (cells[c.example].values[i] != cells[c.counterpart].values[i])
            r->differing[r->differing_count++] = i;
    free(c.worth);
}
