/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/matrix_outside.h"

#include "base/mem.h"
#include "commands/outside.h"

#include <stdlib.h>
#include <string.h>

/* Whether this cell's profiles would leave; then *where says so, outside_fini. */
static int find(const struct matrix *m, const struct matrix_cell *cell, const struct buf *scenario,
                struct outside *where, bool *found, struct err *e)
{
    struct scenario *s = NULL;
    struct diagnostics diagnostics = {0};
    size_t count;
    struct scenario_override *overrides = matrix_cell_overrides(m, cell, &count);
    int result = 0;
    /* What is wrong with a cell's scenario is told when its turn comes. */
    if (scenario_read(m->scenario, scenario->data ? scenario->data : "", scenario->size, overrides, count, &s,
                      &diagnostics) == 0)
        result = outside_find(s, where, e);
    *found = result == 0 && outside_described(where);
    diagnostics_fini(&diagnostics);
    scenario_free(s);
    free(overrides);
    return result;
}

/* Repeats, which differ in their seed, stand one behind the other. */
static bool is_repeat(const struct matrix *m, const struct matrix_cell *before, const struct matrix_cell *cell)
{
    return before && memcmp(before->values, cell->values, m->axis_count * sizeof *cell->values) == 0;
}

int matrix_outside_confirm(const char *command, const struct matrix *m, const bool *chosen, const struct buf *scenario,
                           bool yes, struct err *e)
{
    const struct matrix_cell *before = NULL;
    int result = 0;
    bool found = false;
    for (size_t i = 0; result == 0 && !found && i < m->cell_count; i++) {
        struct outside outside = {0};
        if ((chosen && !chosen[i]) || is_repeat(m, before, &m->cells[i]))
            continue;
        before = &m->cells[i];
        result = find(m, before, scenario, &outside, &found, e);
        if (found) {
            char *inside = mem_printf("%s in the scenario", outside_key(&outside));
            result = outside_confirm(command, outside_described(&outside), inside, yes, e);
            free(inside);
        }
        outside_fini(&outside);
    }
    return result;
}
