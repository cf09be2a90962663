/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "engine/bisect.h"
#include "scenario/nearest.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int find_axis(const struct matrix *m, const char *name, size_t *axis, struct err *e)
{
    struct nearest near = {0};
    int found = matrix_find_axis(m, name);
    if (found >= 0) {
        *axis = (size_t)found;
        return 0;
    }
    for (size_t i = 0; i < m->axis_count; i++)
        nearest_offer(&near, name, m->axes[i].name);
    if (near.word)
        return err_set(e, ERR_USAGE, "%s has no axis %s, did you mean %s?", m->path, name, near.word);
    return err_set(e, ERR_USAGE, "%s has no axis %s", m->path, name);
}

static int check_labels(const struct matrix_axis *axis, const char *const *labels, size_t count, struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        struct nearest near = {0};
        bool there = false;
        for (size_t v = 0; v < axis->value_count && !there; v++) {
            there = strcmp(axis->values[v].label, labels[i]) == 0;
            nearest_offer(&near, labels[i], axis->values[v].label);
        }
        if (!there)
            return err_set(e, ERR_USAGE, "%s has no value %s, expected one of its own, such as %s", axis->name,
                           labels[i], near.word ? near.word : axis->values[0].label);
    }
    return 0;
}

static bool is_chosen(const char *label, const char *const *labels, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(label, labels[i]) == 0)
            return true;
    return count == 0;
}

static void drop_cells(struct matrix *m)
{
    for (size_t i = 0; i < m->cell_count; i++) {
        free(m->cells[i].id);
        free(m->cells[i].key);
        free(m->cells[i].values);
    }
    free(m->cells);
    m->cells = NULL;
    m->cell_count = 0;
}

static void make_cells(struct bisect_line *line)
{
    struct matrix *m = line->matrix;
    drop_cells(m);
    m->cells = mem_calloc(line->count * line->repeat, sizeof *m->cells);
    for (size_t v = 0; v < line->count; v++) {
        for (unsigned r = 1; r <= line->repeat; r++) {
            struct matrix_cell *c = &m->cells[m->cell_count++];
            *c = (struct matrix_cell){.seed = m->seed + r - 1, .repeat = r};
            c->id = mem_printf("%zu-%u", v + 1, r);
            c->key = mem_printf("%s=%s seed=%" PRIu64, m->axes[line->axis].name, bisect_line_label(line, v), c->seed);
            c->values = mem_calloc(m->axis_count, sizeof *c->values);
            for (size_t a = 0; a < m->axis_count; a++)
                c->values[a] = a == line->axis ? (int)line->values[v] : line->fixed[a];
        }
    }
    m->repeat = line->repeat;
    m->retries = 0;
}

/* One value of another axis. */
static int fix(struct bisect_line *line, const char *only, struct err *e)
{
    const char *equals = strchr(only, '=');
    size_t axis = 0, found = 0;
    if (!equals || equals == only)
        return err_set(e, ERR_USAGE, "--only %s is not of the form AXIS=VALUE, as in lock=rlock", only);
    char *name = mem_strndup(only, (size_t)(equals - only));
    int result = find_axis(line->matrix, name, &axis, e);
    free(name);
    if (result < 0)
        return -1;
    const struct matrix_axis *a = &line->matrix->axes[axis];
    if (axis == line->axis)
        return err_set(e, ERR_USAGE, "--only %s: the search is along %s, choose its values with --values", only,
                       a->name);
    if (line->fixed[axis] >= 0)
        return err_set(e, ERR_USAGE, "--only %s: %s has one value in a search, and was given one already", only,
                       a->name);
    for (size_t v = 0; v < a->value_count; v++) {
        if (fnmatch(equals + 1, a->values[v].label, 0) == 0) {
            line->fixed[axis] = (int)v;
            found++;
        }
    }
    if (found != 1)
        return err_set(e, ERR_USAGE, "--only %s matches %zu values of %s, expected one, such as %s", only, found,
                       a->name, a->values[0].label);
    return 0;
}

static int fix_axes(struct bisect_line *line, const char *const *only, size_t count, struct err *e)
{
    line->fixed = mem_calloc(line->matrix->axis_count, sizeof *line->fixed);
    for (size_t i = 0; i < line->matrix->axis_count; i++)
        line->fixed[i] = -1;
    for (size_t i = 0; i < count; i++)
        if (fix(line, only[i], e) < 0)
            return -1;
    return 0;
}

int bisect_line_init(struct bisect_line *line, struct matrix *matrix, const struct bisect_choice *choice, struct err *e)
{
    const char *const *labels = choice->labels;
    const size_t label_count = choice->label_count;
    const unsigned repeat = choice->repeat;
    *line = (struct bisect_line){.matrix = matrix, .repeat = repeat};
    if (find_axis(matrix, choice->axis, &line->axis, e) < 0)
        return -1;
    const struct matrix_axis *a = &matrix->axes[line->axis];
    if (check_labels(a, labels, label_count, e) < 0 || fix_axes(line, choice->only, choice->only_count, e) < 0)
        return -1;
    line->values = mem_calloc(a->value_count, sizeof *line->values);
    for (size_t i = 0; i < a->value_count; i++)
        if (is_chosen(a->values[i].label, labels, label_count))
            line->values[line->count++] = i;
    if (line->count < 2)
        return err_set(e, ERR_USAGE, "%s has %zu value, and a boundary lies between two", a->name, line->count);
    if (line->count > MATRIX_CELLS_MAX / repeat)
        return err_set(e, ERR_USAGE, "%zu values, each tried %u times, are more than %d", line->count, repeat,
                       MATRIX_CELLS_MAX);
    make_cells(line);
    return 0;
}

void bisect_line_fini(struct bisect_line *line)
{
    if (line->matrix)
        matrix_free(line->matrix);
    free(line->values);
    free(line->fixed);
    *line = (struct bisect_line){0};
}

const char *bisect_line_label(const struct bisect_line *line, size_t value)
{
    return line->matrix->axes[line->axis].values[line->values[value]].label;
}
