/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of explain share: comparisons as bit sets over the cells of which something is known. */
#ifndef LOCKTRAIL_TRAIL_EXPLAIN_INTERNAL_H
#define LOCKTRAIL_TRAIL_EXPLAIN_INTERNAL_H

#include "base/buf.h"
#include "trail/explain.h"

#include <stdint.h>

/* A condition in postfix form: the place of a comparison, or one of these. */
#define FORMULA_AND (-1)
#define FORMULA_OR (-2)
#define FORMULA_MAX (2 * EXPLAIN_ATOMS_MAX - 1)

struct formula {
    int code[FORMULA_MAX];
    size_t size;
};

/* The cells of which something is known are its points. */
struct atoms {
    const struct explain_axis *axes;
    const struct explain_cell *cells;
    size_t *points; /* cells */
    size_t point_count, words;
    uint64_t *lost, *kept; /* points; each is in one of them */
    size_t lost_count, kept_count;
    struct explain_comparison *items; /* no two hold for the same points, none for all or no points */
    uint64_t *hashes;                 /* of the sets */
    uint64_t *sets;                   /* `words` of each: the points for which it holds */
    size_t count, capacity;
    bool dropped; /* there was no room for all */
};

/* explain_atoms.c. The lists are borrowed. */
void atoms_init(struct atoms *a, const struct explain_axis *axes, size_t axis_count, const struct explain_cell *cells,
                size_t cell_count);
void atoms_fini(struct atoms *a);

static inline const uint64_t *atoms_set(const struct atoms *a, size_t atom)
{
    return a->sets + atom * a->words;
}

/* explain_search.c: the best of the smallest conditions of up to `atoms_max` comparisons that fit each point. */
bool search_exact(const struct atoms *a, size_t atoms_max, struct formula *out, bool *bounded);

/* explain_rough.c: the condition for which it, and what is wrong with it, take the fewest bits: *bits. */
bool search_rough(const struct atoms *a, size_t atoms_max, struct formula *out, double *bits);

/* explain_bits.c */
double bits_choose(double n, double k); /* log2 of n over k */
/* log2 of the number of conditions of so many of `count` comparisons */
double bits_conditions(size_t count, size_t atoms);

/* explain_example.c: fills in example, counterpart and differing; the exceptions are known. */
void explain_example(size_t axis_count, const struct explain_cell *cells, size_t cell_count, struct explain_result *r);

/* explain_formula.c */
size_t formula_atoms(const struct formula *f);
/* Its comparisons' places, ascending. Returns how many. */
size_t formula_places(const struct formula *f, size_t places[EXPLAIN_ATOMS_MAX]);
/* Negative where `a` is to be preferred among formulas of one size. */
int formula_compare(const struct atoms *atoms, const struct formula *a, const struct formula *b);
void formula_points(const struct atoms *atoms, const struct formula *f, uint64_t *out);
void formula_print(const struct atoms *atoms, const struct formula *f, struct buf *out);

#endif
