/* SPDX-License-Identifier: Apache-2.0 */
/* Which cells, and what each sets. */
#include "base/mem.h"
#include "scenario/matrix_internal.h"
#include "scenario/nearest.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a filter may name beside the axes. */
enum { FILTER_SEED = -1, FILTER_ID = -2, FILTER_UNKNOWN = -3 };

int matrix_find_axis(const struct matrix *m, const char *name)
{
    for (size_t i = 0; i < m->axis_count; i++) {
        if (strcmp(m->axes[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static int find_filtered(const struct matrix *m, const char *name)
{
    int axis = matrix_find_axis(m, name);
    if (axis >= 0) {
        return axis;
    }
    return strcmp(name, "seed") == 0 ? FILTER_SEED : strcmp(name, "id") == 0 ? FILTER_ID : FILTER_UNKNOWN;
}

static bool matches(const struct matrix *m, const struct matrix_cell *cell, int axis, const char *glob)
{
    char seed[32];
    if (axis == FILTER_ID) {
        return fnmatch(glob, cell->id, 0) == 0;
    }
    if (axis == FILTER_SEED) {
        snprintf(seed, sizeof seed, "%" PRIu64, cell->seed);
        return fnmatch(glob, seed, 0) == 0;
    }
    return cell->values[axis] >= 0 && fnmatch(glob, m->axes[axis].values[cell->values[axis]].label, 0) == 0;
}

static int unknown_axis(const struct matrix *m, const char *name, struct err *e)
{
    struct nearest best = {0};
    struct buf axes = {0};
    for (size_t i = 0; i < m->axis_count; i++) {
        nearest_offer(&best, name, m->axes[i].name);
        buf_printf(&axes, "%s, ", m->axes[i].name);
    }
    buf_add_str(&axes, "seed or id");
    if (best.word) {
        err_set(e, ERR_USAGE, "%s has no axis %s, did you mean %s?", m->path, name, best.word);
    } else {
        err_set(e, ERR_USAGE, "%s has no axis %s, expected %s", m->path, name, axes.data);
    }
    buf_fini(&axes);
    return -1;
}

/* `marks`: the cells that this filter takes. */
static int apply(const struct matrix *m, const char *filter, int *axis, bool *marks, struct err *e)
{
    const char *equals = strchr(filter, '=');
    size_t found = 0;
    if (equals == NULL || equals == filter) {
        return err_set(e, ERR_USAGE, "%s is not of the form AXIS=GLOB, as in ddtrace=4.*", filter);
    }
    char *name = mem_strndup(filter, (size_t)(equals - filter));
    *axis = find_filtered(m, name);
    int result = *axis == FILTER_UNKNOWN ? unknown_axis(m, name, e) : 0;
    free(name);
    for (size_t i = 0; result == 0 && i < m->cell_count; i++) {
        bool match = matches(m, &m->cells[i], *axis, equals + 1);
        marks[i] |= match;
        found += match;
    }
    if (result == 0 && found == 0) {
        return err_set(e, ERR_USAGE, "no cell of %s has %s", m->path, filter);
    }
    return result;
}

int matrix_filter(const struct matrix *m, const char *const *filters, size_t count, bool *chosen, struct err *e)
{
    /* One row for each axis, and for seed and id. */
    bool *rows[MATRIX_AXES_MAX + 2] = {0};
    bool *marks = mem_calloc(m->cell_count, sizeof *marks);
    int result = 0, axis = 0;
    for (size_t i = 0; result == 0 && i < count; i++) {
        memset(marks, 0, m->cell_count);
        result = apply(m, filters[i], &axis, marks, e);
        if (result == 0) {
            bool **row = &rows[axis + 2];
            *row = *row ? *row : mem_calloc(m->cell_count, sizeof **row);
            for (size_t j = 0; j < m->cell_count; j++) {
                (*row)[j] |= marks[j];
            }
        }
    }
    for (size_t j = 0; result == 0 && j < m->cell_count; j++) {
        chosen[j] = true;
        for (size_t i = 0; i < MATRIX_AXES_MAX + 2; i++) {
            chosen[j] &= rows[i] == NULL || rows[i][j];
        }
    }
    for (size_t i = 0; i < MATRIX_AXES_MAX + 2; i++) {
        free(rows[i]);
    }
    free(marks);
    return result;
}

struct scenario_override *matrix_cell_overrides(const struct matrix *m, const struct matrix_cell *cell, size_t *count)
{
    struct scenario_override *out;
    *count = 0;
    for (size_t i = 0; i < m->axis_count; i++) {
        *count += cell->values[i] >= 0 ? m->axes[i].values[cell->values[i]].override_count : 0;
    }
    out = mem_calloc(*count, sizeof *out);
    *count = 0;
    for (size_t i = 0; i < m->axis_count; i++) {
        const struct matrix_value *v = cell->values[i] >= 0 ? &m->axes[i].values[cell->values[i]] : NULL;
        for (size_t j = 0; v && j < v->override_count; j++) {
            out[(*count)++] = v->overrides[j];
        }
    }
    return out;
}
