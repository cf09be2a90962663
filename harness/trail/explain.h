/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest condition on the axes of a matrix that accounts for its losses: "lost iff ddtrace < 3.19 or
 * inspect_dir = false". Pure. */
#ifndef LOCKTRAIL_TRAIL_EXPLAIN_H
#define LOCKTRAIL_TRAIL_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

/* Conditions above this many comparisons are no help to a person: there is "no simple condition" then. */
#define EXPLAIN_ATOMS_MAX 4

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
};

struct explain_result {
    bool simple;     /* there is a condition without an exception */
    char *condition; /* "ddtrace < 3.19.9 and lock = RLock"; "always"; "" where there is none. With numbers and
                        versions the bound is the first value on the other side: what lies between was not run */
    size_t atoms;
    size_t lost, flaky, kept, unknown; /* cells */
    size_t *exceptions; /* where not simple, and the best condition is wrong for few: which cells those are (its
                           counterexamples). `condition` is then that best one */
    size_t exception_count;
    size_t example;     /* a lost cell to reproduce it: the one nearest to a kept one */
    size_t counterpart; /* a kept cell that differs from it in as few axes as possible; (size_t)-1: all are lost */
    size_t *differing;  /* the axes in which the two differ */
    size_t differing_count;
};

/* Axes with one value, and axes that no comparison needs, are not in the condition. Of conditions of the same size the
 * one with fewer axes, then with fewer `or`, then with the earlier axes. Free with explain_result_fini. */
void explain(const struct explain_axis *axes, size_t axis_count, const struct explain_cell *cells, size_t cell_count,
             struct explain_result *out);
void explain_result_fini(struct explain_result *r);

#endif
