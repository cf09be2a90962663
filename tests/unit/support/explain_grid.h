/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of explain: matrices of every combination, and a reader of a condition's text of its own. */
#ifndef LOCKTRAIL_TESTS_EXPLAIN_GRID_H
#define LOCKTRAIL_TESTS_EXPLAIN_GRID_H

#include "trail/explain.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AXES_MAX 8

static const char *const numbers[] = {"1", "2", "3", "4", "5", "6", "7", "8"};

struct grid {
    struct explain_axis axes[AXES_MAX];
    size_t axis_count;
    struct explain_cell *cells;
    int *values;
    size_t count;
};

/* Every combination, the last axis fastest; `outcomes` has a letter for each: k, l, f, n. NULL: all kept. */
static inline struct grid grid_of(const struct explain_axis *axes, size_t axis_count, const char *outcomes)
{
    struct grid g = {.axis_count = axis_count, .count = 1};
    for (size_t i = 0; i < axis_count; i++) {
        g.axes[i] = axes[i];
        g.count *= axes[i].count;
    }
    g.cells = mem_calloc(g.count, sizeof *g.cells);
    g.values = mem_calloc(g.count * axis_count, sizeof *g.values);
    for (size_t c = 0; c < g.count; c++) {
        size_t rest = c;
        for (size_t i = axis_count; i-- > 0; rest /= axes[i].count)
            g.values[c * axis_count + i] = (int)(rest % axes[i].count);
        g.cells[c].values = g.values + c * axis_count;
        if (outcomes)
            g.cells[c].outcome = (enum explain_outcome)(strchr("klfn", outcomes[c]) - "klfn");
    }
    return g;
}

static inline void grid_fini(struct grid *g)
{
    free(g->cells);
    free(g->values);
}

/* --- a reader of conditions ------------------------------------------------------------------------------------- */

static inline size_t find_label(const char *const *labels, size_t count, const char *at, size_t size)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(labels[i]) == size && strncmp(labels[i], at, size) == 0)
            return i;
    fail_msg("no such word: %.*s", (int)size, at);
    return 0;
}

static inline bool read_comparison(const struct grid *g, const int *values, const char **at)
{
    const char *names[AXES_MAX];
    for (size_t i = 0; i < g->axis_count; i++)
        names[i] = g->axes[i].name;
    size_t name = strcspn(*at, " "), axis = find_label(names, g->axis_count, *at, name);
    const char *sign = *at + name + 1, *word = strchr(sign, ' ') + 1;
    size_t size = strcspn(word, " )");
    int bound = (int)find_label(g->axes[axis].labels, g->axes[axis].count, word, size), value = values[axis];
    *at = word + size;
    switch (sign[0]) {
    case '<':
        return value >= 0 && value < bound;
    case '>':
        return value >= bound;
    case '=':
        return value == bound;
    default:
        return value != bound;
    }
}

static inline bool read_condition(const struct grid *g, const int *values, const char **at)
{
    bool result = false, all = true, any = false;
    char operator= '\0';
    for (;;) {
        if (**at == '(') {
            ++*at;
            result = read_condition(g, values, at);
            assert_int_equal(**at, ')');
            ++*at;
        } else {
            result = read_comparison(g, values, at);
        }
        all = all && result;
        any = any || result;
        if (**at != ' ')
            return operator== 'a' ? all : any;
        assert_true(operator== '\0' || operator==(*at)[1]);
        operator=(*at)[1];
        *at += operator== 'a' ? 5 : 4;
    }
}

static inline bool holds(const struct grid *g, const char *condition, size_t cell)
{
    const char *at = condition;
    bool result = strcmp(at, "always") == 0 || read_condition(g, g->cells[cell].values, &at);
    return result;
}

#endif
