/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest condition on the axes of a matrix that accounts for its losses: "lost iff ddtrace < 3.19 or
 * inspect_dir = false". Pure; any thread.
 *
 * A condition is built of comparisons with `and` and `or`. Every one of up to EXPLAIN_ATOMS_MAX comparisons is tried,
 * so the smallest that fits all cells is found, unless the search reaches EXPLAIN_WORK_MAX (`bounded`).
 *
 * With few cells some condition fits by chance, so one that fits has to be markedly shorter than what it replaces, the
 * list of lost cells. Both are measured in bits: the list as log2 C(cells, lost), and what repeats add to it; the
 * condition as log2 of the number of conditions as small as it. If losses came at random, whatever the axes are, a
 * condition would be shorter by b bits in at most 2^-b of all matrices; EXPLAIN_BITS_MIN of 10 is the one in a thousand
 * that evidence.absence_probability has, too. What is wrong for some cells pays for naming these, and has to save a
 * quarter of the list, or it says little; of two that are proven, the shorter description wins. A single comparison
 * that fits needs no such proof: no list is shorter. Two that fit without it are told as what they are, EXPLAIN_WEAK.
 */
#ifndef LOCKTRAIL_TRAIL_EXPLAIN_H
#define LOCKTRAIL_TRAIL_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

/* Conditions above this many comparisons are no help to a person: there is "no simple condition" then. */
#define EXPLAIN_ATOMS_MAX 4
#define EXPLAIN_BITS_MIN 10
#define EXPLAIN_ROUGH_SHARE_MAX 0.75
/* Conditions of more comparisons are never told without the proof: a person reads four of them as a finding. */
#define EXPLAIN_WEAK_ATOMS_MAX 2
/* 64-bit words that one search looks at: a quarter of a second. */
#define EXPLAIN_WORK_MAX ((size_t)1 << 28)
/* Words of all comparisons' bit sets, 64 MiB: 10,000 cells may have 50,000 comparisons. */
#define EXPLAIN_SET_WORDS_MAX ((size_t)1 << 23)

struct explain_axis {
    const char *name;
    const char *const *labels; /* of its values, ascending where `ordered` */
    size_t count;
    bool ordered; /* `<` and `>=` can be said, not only `=` and `!=` */
};

enum explain_outcome {
    EXPLAIN_KEPT,
    EXPLAIN_LOST,
    EXPLAIN_FLAKY, /* lost in some of its repeats: counts as lost, and is named */
    EXPLAIN_NONE   /* nothing is known: not run, or the run went wrong */
};

struct explain_cell {
    const int *values; /* one index for each axis; -1: another value than all of them (an include) */
    enum explain_outcome outcome;
    unsigned attempts; /* so many runs agree in the outcome, and are evidence; 0 is 1 */
};

enum explain_strength {
    EXPLAIN_NO_LOSS,      /* no cell is lost */
    EXPLAIN_NO_CONDITION, /* none that is simple */
    EXPLAIN_WEAK,         /* fits each cell, and so few cells that chance may have made it fit */
    EXPLAIN_ROUGH,        /* wrong for some cells, its counterexamples: `exceptions` */
    EXPLAIN_EXACT         /* fits each cell */
};

enum explain_comparator { EXPLAIN_BELOW, EXPLAIN_FROM, EXPLAIN_EQUAL, EXPLAIN_UNEQUAL }; /* < >= = != */

struct explain_comparison {
    size_t axis;
    enum explain_comparator comparator;
    size_t value;
};

struct explain_result {
    enum explain_strength strength;
    bool bounded; /* the search ended at a bound: a smaller condition may exist */
    char *
        condition; /* "ddtrace < 3.19.9 and lock = RLock"; "always"; "" where there is none. The bound of `<` and `>=`
                      is the first value on the other side of which something is known: what lies between was not run */
    struct explain_comparison comparisons[EXPLAIN_ATOMS_MAX]; /* in the order of the axes */
    size_t atoms;
    size_t lost, flaky, kept, unknown; /* cells; `lost` without the flaky ones */
    size_t inside, inside_lost; /* cells that are known and for which the condition holds, and the lost of them */
    size_t *exceptions;         /* cells for which it is wrong, ascending */
    size_t exception_count;
    size_t example; /* a lost cell to reproduce it: one that is near to a kept one, not flaky, and no exception where
                       there are such; (size_t)-1: none is lost */
    size_t counterpart; /* a kept cell that differs from it in as few axes as possible; (size_t)-1: none is kept */
    size_t *differing;  /* the axes in which the two differ */
    size_t differing_count;
};

/* Axes with one value, and axes that no comparison needs, are not in the condition. Of conditions of the same size the
 * one with fewer axes, then with fewer `or`, then with the earlier axes. Conditions with exceptions are searched by the
 * most promising only. Free with explain_result_fini. */
void explain(const struct explain_axis *axes, size_t axis_count, const struct explain_cell *cells, size_t cell_count,
             struct explain_result *out);
void explain_result_fini(struct explain_result *r);

#endif
