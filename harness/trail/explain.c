/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/explain.h"

#include "base/mem.h"
#include "trail/explain_internal.h"

#include <math.h>
#include <stdlib.h>

#define NO_CELL ((size_t)-1)

static void count_cells(const struct explain_cell *cells, size_t count, struct explain_result *r)
{
    size_t *const counters[] = {[EXPLAIN_KEPT] = &r->kept,
                                [EXPLAIN_LOST] = &r->lost,
                                [EXPLAIN_FLAKY] = &r->flaky,
                                [EXPLAIN_NONE] = &r->unknown};
    for (size_t i = 0; i < count; i++)
        ++*counters[cells[i].outcome];
}

/* --- what a condition has to beat ------------------------------------------------------------------------------- */

static double list_bits(const struct atoms *a)
{
    return bits_choose((double)a->point_count, (double)a->lost_count);
}

/* Each repeat with the same outcome would, of a loss that comes at random, have been lost as often as cells are. */
static double repeat_bits(const struct atoms *a)
{
    double lost = 0, kept = 0, points = (double)a->point_count;
    for (size_t i = 0; i < a->point_count; i++) {
        const struct explain_cell *c = &a->cells[a->points[i]];
        double more = c->attempts > 0 ? c->attempts - 1.0 : 0;
        if (c->outcome == EXPLAIN_LOST)
            lost += more;
        else if (c->outcome == EXPLAIN_KEPT)
            kept += more;
    }
    return lost * log2(points / (double)a->lost_count) + kept * log2(points / (double)a->kept_count);
}

/* --- the choice ------------------------------------------------------------------------------------------------- */

static bool is_proven(const struct atoms *a, size_t size)
{
    return size == 1 || list_bits(a) + repeat_bits(a) - bits_conditions(a->count, size) >= EXPLAIN_BITS_MIN;
}

/* Sizes that nothing could prove need not be searched. */
static size_t largest_size(const struct atoms *a)
{
    size_t size = EXPLAIN_WEAK_ATOMS_MAX;
    while (size < EXPLAIN_ATOMS_MAX && is_proven(a, size + 1))
        size++;
    return size;
}

static enum explain_strength choose(const struct atoms *a, struct formula *out, bool *bounded)
{
    struct formula exact, rough;
    double rough_bits;
    bool fits = search_exact(a, largest_size(a), &exact, bounded);
    size_t size = fits ? formula_atoms(&exact) : EXPLAIN_ATOMS_MAX + 1;
    bool proven = fits && is_proven(a, size);
    *out = exact;
    /* A condition that names one more cause for each odd cell says less than a short one and these cells. */
    bool near = size > 1 && search_rough(a, proven ? size - 1 : EXPLAIN_ATOMS_MAX, &rough, &rough_bits) &&
                list_bits(a) - rough_bits >= EXPLAIN_BITS_MIN && rough_bits <= EXPLAIN_ROUGH_SHARE_MAX * list_bits(a);
    if (near && (!proven || rough_bits < bits_conditions(a->count, size))) {
        *out = rough;
        return EXPLAIN_ROUGH;
    }
    if (proven)
        return EXPLAIN_EXACT;
    return fits ? EXPLAIN_WEAK : EXPLAIN_NO_CONDITION;
}

static void tell_condition(const struct atoms *a, const struct formula *f, struct explain_result *r)
{
    struct buf text = {0};
    uint64_t *holds = mem_calloc(a->words, sizeof *holds);
    size_t places[EXPLAIN_ATOMS_MAX];
    formula_print(a, f, &text);
    free(r->condition);
    r->condition = buf_steal(&text);
    r->atoms = formula_places(f, places);
    for (size_t i = 0; i < r->atoms; i++)
        r->comparisons[i] = a->items[places[i]];
    formula_points(a, f, holds);
    r->exceptions = mem_calloc(a->point_count, sizeof *r->exceptions);
    for (size_t i = 0; i < a->point_count; i++) {
        bool inside = holds[i / 64] >> (i % 64) & 1, lost = a->lost[i / 64] >> (i % 64) & 1;
        r->inside += inside;
        r->inside_lost += inside && lost;
        if (inside != lost)
            r->exceptions[r->exception_count++] = a->points[i];
    }
    free(holds);
}

static void find_condition(const struct atoms *a, struct explain_result *r)
{
    struct formula f;
    bool bounded = false;
    if (a->lost_count == 0)
        return;
    if (a->kept_count == 0) {
        free(r->condition);
        r->condition = mem_strdup("always");
        r->strength = EXPLAIN_EXACT;
        r->inside = r->inside_lost = a->lost_count;
        return;
    }
    r->strength = choose(a, &f, &bounded);
    if (r->strength != EXPLAIN_NO_CONDITION)
        tell_condition(a, &f, r);
    r->bounded = bounded || a->dropped;
}

void explain(const struct explain_axis *axes, size_t axis_count, const struct explain_cell *cells, size_t cell_count,
             struct explain_result *out)
{
    struct atoms a;
    *out = (struct explain_result){.condition = mem_strdup(""), .example = NO_CELL, .counterpart = NO_CELL};
    count_cells(cells, cell_count, out);
    atoms_init(&a, axes, axis_count, cells, cell_count);
    find_condition(&a, out);
    explain_example(axis_count, cells, cell_count, out);
    atoms_fini(&a);
}

void explain_result_fini(struct explain_result *r)
{
    free(r->condition);
    free(r->exceptions);
    free(r->differing);
    *r = (struct explain_result){0};
}
