/* SPDX-License-Identifier: Apache-2.0 */
/* The product of the axes without what `exclude` takes out, then what `include` adds, each `repeat` times. */
#include "base/mem.h"
#include "scenario/matrix_internal.h"
#include "scenario/nearest.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* One element of `exclude`. */
struct exclusion {
    const struct node *node;
    bool *matches[MATRIX_AXES_MAX]; /* for each value of the axis; NULL: every one */
    bool used;
};

struct cells {
    struct matrix_reading *r;
    struct matrix *m;
    struct exclusion *exclusions;
    size_t exclusion_count;
    size_t capacity;
    int by_name[MATRIX_AXES_MAX]; /* axes in the order of their names */
};

/* --- ids -------------------------------------------------------------------------------------------------------- */

static void add_pair(struct buf *out, const char *name, const char *label)
{
    buf_printf(out, "%s%s=", out->size ? " " : "", name);
    if (*label && strpbrk(label, " \"=\\") == NULL) {
        buf_add_str(out, label);
        return;
    }
    buf_add_char(out, '"');
    for (; *label; label++) {
        if (*label == '"' || *label == '\\') {
            buf_add_char(out, '\\');
        }
        buf_add_char(out, *label);
    }
    buf_add_char(out, '"');
}

/* `order`: of the axes; NULL: as in the file. */
static void make_key(const struct matrix *m, const struct matrix_cell *cell, const int *order, struct buf *out)
{
    buf_clear(out);
    for (size_t i = 0; i < m->axis_count; i++) {
        size_t axis = order ? (size_t)order[i] : i;
        if (cell->values[axis] >= 0) {
            add_pair(out, m->axes[axis].name, m->axes[axis].values[cell->values[axis]].label);
        }
    }
    buf_printf(out, "%sseed=%" PRIu64, out->size ? " " : "", cell->seed);
}

static void sort_names(struct cells *c)
{
    for (size_t i = 0; i < c->m->axis_count; i++) {
        size_t to = i;
        for (; to > 0 && strcmp(c->m->axes[c->by_name[to - 1]].name, c->m->axes[i].name) > 0; to--) {
            c->by_name[to] = c->by_name[to - 1];
        }
        c->by_name[to] = (int)i;
    }
}

/* One combination, `repeat` times. */
static void add_cells(struct cells *c, const int *values)
{
    struct matrix *m = c->m;
    struct buf text = {0};
    for (unsigned i = 0; i < m->repeat; i++) {
        char hash[MATRIX_HASH_SIZE];
        m->cells = mem_grow(m->cells, m->cell_count, &c->capacity, sizeof *m->cells);
        struct matrix_cell *cell = &m->cells[m->cell_count++];
        *cell = (struct matrix_cell){
            .values = mem_calloc(m->axis_count + 1, sizeof *cell->values), .seed = m->seed + i, .repeat = i + 1};
        memcpy(cell->values, values, m->axis_count * sizeof *values);
        make_key(m, cell, c->by_name, &text);
        c->r->hash(text.data, text.size, hash);
        cell->id = mem_strndup(hash, MATRIX_ID_DIGITS);
        make_key(m, cell, NULL, &text);
        cell->key = mem_strdup(text.data);
    }
    buf_fini(&text);
}

/* --- entries ---------------------------------------------------------------------------------------------------- */

/* The list at `name`, or NULL where there is none or after a complaint. */
static const struct node *find_list(struct cells *c, const char *name)
{
    struct node *key = NULL, *list = node_get(c->r->root, name, &key);
    struct step step = {NULL, name, 0};
    if (list == NULL || (list->bad && list->kind == NODE_SCALAR) || node_is_null(list)) {
        return NULL;
    }
    if (list->kind != NODE_LIST || list->count > MATRIX_ENTRIES_MAX) {
        struct buf found = {0};
        node_describe(&found, list);
        if (list->kind == NODE_LIST) {
            buf_printf(&found, " of %zu", list->count);
        }
        complain(&c->r->complaints, list->place, &step,
                 "%s found, expected a list of at most %d mappings of axes and their values", found.data,
                 MATRIX_ENTRIES_MAX);
        buf_fini(&found);
        return NULL;
    }
    return list;
}

static bool check_entry(struct cells *c, const struct node *entry, const struct step *step)
{
    struct buf found = {0};
    if (entry->kind == NODE_MAP && entry->count) {
        return true;
    }
    if (!entry->bad) {
        node_describe(&found, entry);
        complain(&c->r->complaints, entry->place, step, "%s found, expected a mapping of axes and their values",
                 found.data);
    }
    buf_fini(&found);
    return false;
}

static int find_axis(struct cells *c, const struct node *key, const struct step *step)
{
    const struct matrix *m = c->m;
    int axis = matrix_find_axis(m, key->text);
    struct nearest best = {0};
    struct buf text = {0};
    if (axis >= 0) {
        return axis;
    }
    node_describe(&text, key);
    buf_add_str(&text, " is no axis");
    for (size_t i = 0; i < m->axis_count; i++) {
        nearest_offer(&best, key->text, m->axes[i].name);
    }
    if (best.word) {
        buf_printf(&text, ", did you mean `%s`?", best.word);
    }
    for (size_t i = 0; !best.word && i < m->axis_count; i++) {
        buf_printf(&text, "%s`%s`", i == 0 ? ", expected " : i + 1 < m->axis_count ? ", " : " or ", m->axes[i].name);
    }
    complain(&c->r->complaints, key->place, step, "%s", text.data);
    buf_fini(&text);
    return -1;
}

/* --- exclude ---------------------------------------------------------------------------------------------------- */

/* Marks the values that one pattern matches. */
static void match_pattern(struct cells *c, const struct matrix_axis *axis, const struct node *pattern,
                          const struct step *step, bool *matches)
{
    struct buf label = {0};
    bool found = false;
    if (pattern->bad) {
        return;
    }
    if (matrix_label(pattern, &label)) {
        for (size_t i = 0; i < axis->value_count; i++) {
            if (fnmatch(label.data ? label.data : "", axis->values[i].label, 0) == 0) {
                matches[i] = found = true;
            }
        }
    }
    if (!found) {
        struct nearest best = {0};
        struct buf shown = {0};
        node_describe(&shown, pattern);
        for (size_t i = 0; i < axis->value_count; i++) {
            nearest_offer(&best, label.data ? label.data : "", axis->values[i].label);
        }
        complain(&c->r->complaints, pattern->place, step, "%s is no value of `%s`%s%s%s", shown.data, axis->name,
                 best.word ? ", did you mean `" : ", expected one of them, or a pattern such as `4.*`",
                 best.word ? best.word : "", best.word ? "`?" : "");
        buf_fini(&shown);
    }
    buf_fini(&label);
}

static void read_exclusion(struct cells *c, const struct node *entry, const struct step *step)
{
    struct exclusion *e = &c->exclusions[c->exclusion_count++];
    e->node = entry;
    for (size_t i = 0; i < entry->count; i++) {
        int axis = find_axis(c, entry->keys[i], step);
        struct step inner = {step, entry->keys[i]->text, 0};
        const struct node *item = entry->items[i];
        if (axis < 0) {
            e->used = true; /* it says enough about itself already */
            continue;
        }
        e->matches[axis] = mem_calloc(c->m->axes[axis].value_count + 1, sizeof(bool));
        if (item->kind == NODE_LIST) {
            for (size_t j = 0; j < item->count; j++) {
                struct step element = {&inner, NULL, j};
                match_pattern(c, &c->m->axes[axis], item->items[j], &element, e->matches[axis]);
            }
        } else {
            match_pattern(c, &c->m->axes[axis], item, &inner, e->matches[axis]);
        }
    }
}

static void read_exclusions(struct cells *c)
{
    const struct node *list = find_list(c, "exclude");
    struct step up = {NULL, "exclude", 0};
    c->exclusions = mem_calloc(list ? list->count + 1 : 1, sizeof *c->exclusions);
    for (size_t i = 0; list && i < list->count; i++) {
        struct step step = {&up, NULL, i};
        if (check_entry(c, list->items[i], &step)) {
            read_exclusion(c, list->items[i], &step);
        }
    }
}

static bool is_excluded(struct cells *c, const int *values)
{
    bool excluded = false;
    for (size_t i = 0; i < c->exclusion_count; i++) {
        struct exclusion *e = &c->exclusions[i];
        bool all = true;
        for (size_t j = 0; all && j < c->m->axis_count; j++) {
            all = e->matches[j] == NULL || e->matches[j][values[j]];
        }
        e->used |= all;
        excluded |= all;
    }
    return excluded;
}

static void complain_unused(struct cells *c)
{
    struct step up = {NULL, "exclude", 0};
    for (size_t i = 0; i < c->exclusion_count; i++) {
        struct step step = {&up, NULL, i};
        if (!c->exclusions[i].used) {
            complain(&c->r->complaints, c->exclusions[i].node->place, &step,
                     "takes nothing out, expected a combination that the axes have");
        }
    }
}

/* --- product ---------------------------------------------------------------------------------------------------- */

static size_t count_values(const struct matrix_axis *axis)
{
    size_t count = 0;
    for (size_t i = 0; i < axis->value_count; i++) {
        count += !axis->values[i].included;
    }
    return count;
}

/* False, after a complaint, where the product is too large. */
static bool check_size(struct cells *c)
{
    const struct matrix *m = c->m;
    const struct node *includes = node_get(c->r->root, "include", NULL);
    double cells = 1;
    struct buf factors = {0};
    struct node *key = NULL;
    for (size_t i = 0; i < m->axis_count; i++) {
        buf_printf(&factors, "%s%zu", i ? " x " : "", count_values(&m->axes[i]));
        cells *= (double)count_values(&m->axes[i]);
    }
    if (includes && includes->kind == NODE_LIST) {
        buf_printf(&factors, " + %zu", includes->count);
        cells += (double)includes->count;
    }
    cells *= m->repeat;
    if (cells > MATRIX_CELLS_MAX) {
        struct step step = {NULL, "axes", 0};
        node_get(c->r->root, "axes", &key);
        complain(&c->r->complaints, key->place, &step, "%s, %u times, are %.0f cells, expected at most %d",
                 factors.data, m->repeat, cells, MATRIX_CELLS_MAX);
    }
    buf_fini(&factors);
    return cells <= MATRIX_CELLS_MAX;
}

/* The next value of an axis that is part of the product, or -1. */
static int next_value(const struct matrix_axis *axis, int from)
{
    for (size_t i = (size_t)from; i < axis->value_count; i++) {
        if (!axis->values[i].included) {
            return (int)i;
        }
    }
    return -1;
}

/* The last axis is the fastest; false behind the last combination. */
static bool next_combination(const struct matrix *m, int *values)
{
    for (size_t i = m->axis_count; i > 0; i--) {
        const struct matrix_axis *axis = &m->axes[i - 1];
        int next = next_value(axis, values[i - 1] + 1);
        values[i - 1] = next >= 0 ? next : next_value(axis, 0);
        if (next >= 0) {
            return true;
        }
    }
    return false;
}

static void add_product(struct cells *c)
{
    int values[MATRIX_AXES_MAX];
    for (size_t i = 0; i < c->m->axis_count; i++) {
        values[i] = next_value(&c->m->axes[i], 0);
        if (values[i] < 0) {
            return;
        }
    }
    do {
        if (!is_excluded(c, values)) {
            add_cells(c, values);
        }
    } while (next_combination(c->m, values));
}

/* --- include ---------------------------------------------------------------------------------------------------- */

static bool read_inclusion(struct cells *c, const struct node *entry, const struct step *step, int *values)
{
    bool good = true;
    for (size_t i = 0; i < MATRIX_AXES_MAX; i++) {
        values[i] = -1;
    }
    for (size_t i = 0; i < entry->count; i++) {
        const struct node *item = entry->items[i];
        const struct node *name = item->kind == NODE_MAP && item->count == 1 ? item->keys[0] : item;
        struct buf label = {0};
        int axis = find_axis(c, entry->keys[i], step);
        if (axis >= 0 && !item->bad && matrix_label(name, &label)) {
            values[axis] = matrix_find_value(&c->m->axes[axis], label.data ? label.data : "");
        }
        good &= axis >= 0 && values[axis] >= 0;
        buf_fini(&label);
    }
    return good;
}

static bool is_there(const struct matrix *m, const int *values)
{
    for (size_t i = 0; i < m->cell_count; i++) {
        if (memcmp(m->cells[i].values, values, m->axis_count * sizeof *values) == 0) {
            return true;
        }
    }
    return false;
}

static void add_inclusions(struct cells *c)
{
    const struct node *list = find_list(c, "include");
    struct step up = {NULL, "include", 0};
    for (size_t i = 0; list && i < list->count; i++) {
        int values[MATRIX_AXES_MAX];
        struct step step = {&up, NULL, i};
        if (!check_entry(c, list->items[i], &step) || !read_inclusion(c, list->items[i], &step, values)) {
            continue;
        }
        if (is_there(c->m, values)) {
            complain(&c->r->complaints, list->items[i]->place, &step,
                     "this combination is there already, expected one that the axes do not have");
        } else {
            add_cells(c, values);
        }
    }
}

/* --- all -------------------------------------------------------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
    return strcmp((*(const struct matrix_cell *const *)a)->id, (*(const struct matrix_cell *const *)b)->id);
}

static void check_ids(struct cells *c)
{
    const struct matrix *m = c->m;
    const struct matrix_cell **sorted = mem_calloc(m->cell_count + 1, sizeof(struct matrix_cell *));
    for (size_t i = 0; i < m->cell_count; i++) {
        sorted[i] = &m->cells[i];
    }
    qsort(sorted, m->cell_count, sizeof *sorted, compare_ids);
    for (size_t i = 1; i < m->cell_count; i++) {
        if (strcmp(sorted[i - 1]->id, sorted[i]->id) == 0) {
            complain(&c->r->complaints, c->r->root->place, NULL,
                     "the cells `%s` and `%s` have the same id by chance, expected another `seed`", sorted[i - 1]->key,
                     sorted[i]->key);
        }
    }
    free(sorted);
}

void matrix_read_cells(struct matrix_reading *r)
{
    struct cells c = {.r = r, .m = r->m};
    sort_names(&c);
    if (!check_size(&c)) {
        return;
    }
    read_exclusions(&c);
    add_product(&c);
    add_inclusions(&c);
    if (r->complaints.list->count == 0) {
        complain_unused(&c);
        check_ids(&c);
    }
    if (r->m->cell_count == 0 && r->complaints.list->count == 0) {
        complain(&r->complaints, r->root->place, NULL, "no cell is left, expected fewer exclusions");
    }
    for (size_t i = 0; i < c.exclusion_count; i++) {
        for (size_t j = 0; j < MATRIX_AXES_MAX; j++) {
            free(c.exclusions[i].matches[j]);
        }
    }
    free(c.exclusions);
}
