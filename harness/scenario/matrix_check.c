/* SPDX-License-Identifier: Apache-2.0 */
/* Is each cell a scenario that can be run? Each value alone, then each combination.
 *
 * A value may be wrong alone and right beside another (a fault behind an agent that another axis brings), so a value is
 * bad only where no combination with it is good. Of bad combinations the pair of values that makes them bad is looked
 * for, and told once. The trees are made once and copied, which is three times as fast as reading YAML again. */
#include "base/mem.h"
#include "scenario/matrix_internal.h"
#include "scenario/override.h"
#include "scenario/read.h"

#include <stdlib.h>
#include <string.h>

struct value_check {
    struct node **nodes; /* of each override */
    char *alone;         /* what is wrong with it alone; NULL: nothing */
    bool good;           /* in some combination */
    bool told;
};

struct check {
    struct matrix_reading *r;
    const struct matrix *m;
    struct complaints scenario; /* its text; the list is set for each reading */
    struct node *tree;
    size_t step; /* of the combinations that are read */
    struct value_check *values[MATRIX_AXES_MAX];
};

/* A pair of values that was told. */
struct pair {
    int axis[2], value[2];
};

struct pairs {
    struct pair items[DIAGNOSTICS_MAX];
    size_t count;
};

/* --- one reading ------------------------------------------------------------------------------------------------ */

static void place_value(struct check *c, struct node *root, size_t axis, int value)
{
    const struct matrix_value *v = &c->m->axes[axis].values[value];
    for (size_t i = 0; i < v->override_count; i++) {
        struct node *n = c->values[axis][value].nodes[i];
        if (n) {
            override_place(&c->scenario, root, &v->overrides[i], node_copy(n));
        }
    }
}

/* What is wrong with the scenario under these values (-1: as it is), for the caller to free; NULL: nothing. */
static char *try_values(struct check *c, const int *values)
{
    struct diagnostics found = {0};
    struct node *root = node_copy(c->tree);
    char *text = NULL;
    c->scenario.list = &found;
    for (size_t i = 0; i < c->m->axis_count; i++) {
        if (values[i] >= 0) {
            place_value(c, root, i, values[i]);
        }
    }
    struct scenario *s = scenario_read_tree(&c->scenario, c->m->scenario, root);
    if (found.count) {
        complaints_sort(&found);
        const struct diagnostic *d = &found.items[0];
        text = d->line ? mem_printf("%s:%u:%u: %s", c->m->scenario, d->line, d->column, d->text) : mem_strdup(d->text);
    }
    scenario_free(s);
    node_free(root);
    diagnostics_fini(&found);
    return text;
}

/* With one value, or two. */
static char *try_pair(struct check *c, size_t axis, int value, size_t other, int other_value)
{
    int values[MATRIX_AXES_MAX];
    for (size_t i = 0; i < MATRIX_AXES_MAX; i++) {
        values[i] = -1;
    }
    values[axis] = value;
    values[other] = other_value;
    return try_values(c, values);
}

/* --- telling ---------------------------------------------------------------------------------------------------- */

static void tell_value(struct check *c, size_t axis, size_t value)
{
    struct value_check *v = &c->values[axis][value];
    if (v->alone && !v->good) {
        v->told = true;
        struct place place = {c->m->axes[axis].values[value].line, c->m->axes[axis].values[value].column, NULL};
        complain(&c->r->complaints, place, NULL, "%s", v->alone);
    }
}

static bool is_told(const struct check *c, const struct pairs *pairs, const int *values)
{
    for (size_t i = 0; i < c->m->axis_count; i++) {
        if (values[i] >= 0 && c->values[i][values[i]].told) {
            return true;
        }
    }
    for (size_t i = 0; i < pairs->count; i++) {
        const struct pair *p = &pairs->items[i];
        if (values[p->axis[0]] == p->value[0] && values[p->axis[1]] == p->value[1]) {
            return true;
        }
    }
    return false;
}

/* Whether a combination with both values is good; `texts`: what is wrong with each that was read. */
static bool has_good_pair(const struct check *c, char *const *texts, const struct pair *p)
{
    const struct matrix *m = c->m;
    for (size_t i = 0; i < m->cell_count / m->repeat; i += c->step) {
        const int *values = m->cells[i * m->repeat].values;
        if (texts[i] == NULL && values[p->axis[0]] == p->value[0] && values[p->axis[1]] == p->value[1]) {
            return true;
        }
    }
    return false;
}

static bool tell_pair(struct check *c, struct pairs *pairs, char *const *texts, const struct pair *p)
{
    size_t i = (size_t)p->axis[0], j = (size_t)p->axis[1];
    char *text = has_good_pair(c, texts, p) ? NULL : try_pair(c, i, p->value[0], j, p->value[1]);
    if (text == NULL) {
        return false;
    }
    struct place place = {c->m->axes[j].values[p->value[1]].line, c->m->axes[j].values[p->value[1]].column, NULL};
    complain(&c->r->complaints, place, NULL, "beside %s=%s: %s; leave the combination out with `exclude`",
             c->m->axes[i].name, c->m->axes[i].values[p->value[0]].label, text);
    free(text);
    if (pairs->count < DIAGNOSTICS_MAX) {
        pairs->items[pairs->count++] = *p;
    }
    return true;
}

static void tell_combination(struct check *c, struct pairs *pairs, char *const *texts, size_t index)
{
    const struct matrix_cell *cell = &c->m->cells[index * c->m->repeat];
    if (is_told(c, pairs, cell->values)) {
        return;
    }
    for (size_t i = 0; i < c->m->axis_count; i++) {
        for (size_t j = i + 1; j < c->m->axis_count; j++) {
            struct pair p = {{(int)i, (int)j}, {cell->values[i], cell->values[j]}};
            if (p.value[0] >= 0 && p.value[1] >= 0 && tell_pair(c, pairs, texts, &p)) {
                return;
            }
        }
    }
    struct node *key = NULL;
    struct step step = {NULL, "axes", 0};
    node_get(c->r->root, "axes", &key);
    complain(&c->r->complaints, key->place, &step, "the cell `%s`: %s", cell->key, texts[index]);
}

/* --- all -------------------------------------------------------------------------------------------------------- */

static void check_alone(struct check *c)
{
    for (size_t i = 0; i < c->m->axis_count; i++) {
        const struct matrix_axis *axis = &c->m->axes[i];
        for (size_t j = 0; j < axis->value_count; j++) {
            c->values[i][j].alone = try_pair(c, i, (int)j, i, (int)j);
        }
    }
}

/* Distinct combinations: the first repeat of each. */
static void check_combinations_of(struct check *c)
{
    const struct matrix *m = c->m;
    size_t count = m->cell_count / m->repeat, step = (count + MATRIX_CHECKED_MAX - 1) / MATRIX_CHECKED_MAX;
    c->step = step;
    char **texts = mem_calloc(count + 1, sizeof *texts);
    struct pairs *pairs = mem_calloc(1, sizeof *pairs);
    for (size_t i = 0; i < count; i += step) {
        const struct matrix_cell *cell = &m->cells[i * m->repeat];
        texts[i] = try_values(c, cell->values);
        for (size_t j = 0; j < m->axis_count; j++) {
            if (cell->values[j] >= 0) {
                c->values[j][cell->values[j]].good |= texts[i] == NULL;
            }
        }
    }
    for (size_t i = 0; i < m->axis_count; i++) {
        for (size_t j = 0; j < m->axes[i].value_count; j++) {
            tell_value(c, i, j);
        }
    }
    for (size_t i = 0; i < count; i += step) {
        if (texts[i] && c->r->complaints.list->count < DIAGNOSTICS_MAX) {
            tell_combination(c, pairs, texts, i);
        }
    }
    for (size_t i = 0; i < count; i++) {
        free(texts[i]);
    }
    free(texts);
    free(pairs);
}

static void make_nodes(struct check *c)
{
    for (size_t i = 0; i < c->m->axis_count; i++) {
        const struct matrix_axis *axis = &c->m->axes[i];
        c->values[i] = mem_calloc(axis->value_count, sizeof *c->values[i]);
        for (size_t j = 0; j < axis->value_count; j++) {
            const struct matrix_value *v = &axis->values[j];
            c->values[i][j].nodes = mem_calloc(v->override_count, sizeof(struct node *));
            for (size_t k = 0; k < v->override_count; k++) {
                c->values[i][j].nodes[k] = override_value(&c->scenario, &v->overrides[k]);
            }
        }
    }
}

static void check_fini(struct check *c)
{
    for (size_t i = 0; i < c->m->axis_count; i++) {
        const struct matrix_axis *axis = &c->m->axes[i];
        for (size_t j = 0; j < axis->value_count; j++) {
            for (size_t k = 0; k < axis->values[j].override_count; k++) {
                node_free(c->values[i][j].nodes[k]);
            }
            free(c->values[i][j].nodes);
            free(c->values[i][j].alone);
        }
        free(c->values[i]);
    }
    node_free(c->tree);
}

void matrix_check(struct matrix_reading *r)
{
    struct diagnostics found = {0};
    struct check c = {.r = r, .m = r->m, .scenario = {r->scenario_bytes, r->scenario_size, &found, NULL, NULL}};
    c.tree = tree_read(&c.scenario, NULL);
    make_nodes(&c);
    diagnostics_fini(&found);
    check_alone(&c);
    check_combinations_of(&c);
    check_fini(&c);
}
