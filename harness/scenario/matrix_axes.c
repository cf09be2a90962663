/* SPDX-License-Identifier: Apache-2.0 */
/* `axes:` and the values that only `include` has. */
#include "base/mem.h"
#include "scenario/keys.h"
#include "scenario/matrix_internal.h"
#include "scenario/nearest.h"
#include "scenario/read.h"

#include <stdlib.h>
#include <string.h>

#define ROWS(array) .rows = (array), .count = sizeof(array) / sizeof *(array)

/* The long form of an axis. */
struct axis_form {
    char *path;
    unsigned order; /* 0: as the values are, else enum axis_order + 1 */
};

static const char *const order_words[] = {"auto", "words", "numbers", "versions", NULL};

static const struct key form_rows[] = {
    {.name = "path",
     .type = KEY_TEXT,
     .offset = offsetof(struct axis_form, path),
     .min = 1,
     .max = KEY_TEXT_MAX,
     .expected = "the path of a key in the scenario, such as `workers.python.environment.DD_ENV`",
     .help = "where the values go; by default what the axis's name stands for"},
    {.name = "order",
     .type = KEY_WORD,
     .offset = offsetof(struct axis_form, order),
     .words = order_words,
     .initial = "auto",
     .help = "how the values follow one another; auto: by what they look like"},
    {.name = "values", .type = KEY_APART, .required = true, .expected = "a list of values", .help = "of the axis"},
};
static const struct key_table form_table = {ROWS(form_rows)};

/* Where the values of one axis go. */
struct target {
    struct matrix_axis *axis;
    size_t capacity;
    char **paths; /* none: each value says what it sets */
    size_t path_count;
    bool list;
    bool of_versions;
    unsigned order;
};

struct axes {
    struct matrix_reading *r;
    struct target *targets; /* one for each axis */
};

static struct complaints *complaints(struct axes *a)
{
    return &a->r->complaints;
}

/* --- one value -------------------------------------------------------------------------------------------------- */

static void add_override(struct matrix_value *v, const char *axis, char *path, char *value)
{
    v->overrides = mem_realloc(v->overrides, v->override_count + 1, sizeof *v->overrides);
    v->overrides[v->override_count++] =
        (struct scenario_override){.path = path, .value = value, .shown = mem_printf("%s=%s", axis, v->label)};
}

/* `none` and lists aside, a value stands alone in its list. */
static char *value_text(const struct target *t, const struct node *n)
{
    struct buf text = {0};
    bool is_none = n->kind == NODE_SCALAR && strcmp(n->text, "none") == 0;
    if (t->list && is_none) {
        buf_add_str(&text, "[]");
    } else if (t->list && n->kind != NODE_LIST) {
        buf_add_char(&text, '[');
        matrix_print_node(&text, n);
        buf_add_char(&text, ']');
    } else {
        matrix_print_node(&text, n);
    }
    return buf_steal(&text);
}

/* PATH: VALUE of a value that says what it sets. */
static bool read_settings(struct axes *a, const struct target *t, struct matrix_value *v, const struct node *n,
                          const struct step *step)
{
    if (node_is_null(n)) {
        return true;
    }
    if (n->kind != NODE_MAP) {
        struct buf found = {0};
        node_describe(&found, n);
        complain(complaints(a), n->place, step,
                 "%s found, expected a mapping of paths in the scenario and their values", found.data);
        buf_fini(&found);
        return false;
    }
    for (size_t i = 0; i < n->count; i++) {
        struct buf text = {0};
        matrix_print_node(&text, n->items[i]);
        add_override(v, t->axis->name, mem_strdup(n->keys[i]->text), buf_steal(&text));
    }
    return true;
}

static void free_value(struct matrix_value *v)
{
    for (size_t i = 0; i < v->override_count; i++) {
        free((char *)(uintptr_t)v->overrides[i].path);
        free((char *)(uintptr_t)v->overrides[i].value);
        free((char *)(uintptr_t)v->overrides[i].shown);
    }
    free(v->overrides);
    free(v->label);
}

void matrix_free_axis(struct matrix_axis *axis)
{
    for (size_t i = 0; i < axis->value_count; i++) {
        free_value(&axis->values[i]);
    }
    free(axis->values);
    free(axis->name);
}

int matrix_find_value(const struct matrix_axis *axis, const char *label)
{
    for (size_t i = 0; i < axis->value_count; i++) {
        if (strcmp(axis->values[i].label, label) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* `NAME: value` has its own name. */
static const struct node *named_value(const struct node *item, const struct node **name)
{
    *name = item->kind == NODE_MAP && item->count == 1 ? item->keys[0] : item;
    return *name == item ? item : item->items[0];
}

/* Its label and what it sets; false after a complaint. */
static bool make_value(struct axes *a, const struct target *t, const struct node *item, const struct step *step,
                       struct matrix_value *out)
{
    const struct node *name, *value = named_value(item, &name);
    struct buf label = {0};
    *out = (struct matrix_value){.line = item->place.line, .column = item->place.column};
    if (!matrix_label(name, &label) || (name->kind == NODE_SCALAR && node_is_null(name))) {
        struct buf found = {0};
        node_describe(&found, item);
        complain(complaints(a), item->place, step,
                 "%s found, expected a value that has a short name on one line, or `NAME: VALUE`", found.data);
        buf_fini(&found);
        buf_fini(&label);
        return false;
    }
    out->label = buf_steal(&label);
    bool good = true;
    if (t->path_count == 0 && value != item) {
        good = read_settings(a, t, out, value, step);
    }
    for (size_t i = 0; i < t->path_count; i++) {
        add_override(out, t->axis->name, mem_strdup(t->paths[i]), value_text(t, value));
    }
    if (!good) {
        free_value(out);
    }
    return good;
}

static void put_value(struct target *t, struct matrix_value v)
{
    struct matrix_axis *axis = t->axis;
    axis->values = mem_grow(axis->values, axis->value_count, &t->capacity, sizeof *axis->values);
    axis->values[axis->value_count++] = v;
}

static void read_value(struct axes *a, struct target *t, struct node *item, const struct step *step)
{
    struct matrix_value v;
    if (item->bad || !make_value(a, t, item, step, &v)) {
        return;
    }
    int first = matrix_find_value(t->axis, v.label);
    if (first >= 0) {
        struct buf shown = {0};
        show_value(&shown, v.label, strlen(v.label));
        complain(complaints(a), item->place, step, "a second `%s`, first given in line %u", shown.data,
                 t->axis->values[first].line);
        buf_fini(&shown);
        free_value(&v);
        return;
    }
    put_value(t, v);
}

/* --- one axis --------------------------------------------------------------------------------------------------- */

static bool check_name(struct axes *a, const struct node *key, const struct step *step)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    const char *name = key->text;
    struct buf found = {0};
    bool good = *name && name[strspn(name, letters)] == '\0' && strlen(name) <= MATRIX_LABEL_MAX;
    if (strcmp(name, "seed") == 0 || strcmp(name, "id") == 0) {
        complain(complaints(a), key->place, step, "`%s` is no axis: each cell has one%s", name,
                 strcmp(name, "seed") == 0 ? ", given by the keys `seed` and `repeat` of the matrix" : "");
        return false;
    }
    if (!good) {
        node_describe(&found, key);
        complain(complaints(a), key->place, step,
                 "%s found, expected an axis's name: letters, digits, `_`, `-` and `.`", found.data);
        buf_fini(&found);
    }
    return good;
}

/* Whether a value is `NAME: {...}`: then the others are names too, of values that set nothing. */
static bool are_named(const struct node *values)
{
    for (size_t i = 0; i < values->count; i++) {
        const struct node *item = values->items[i];
        if (item->kind == NODE_MAP && item->count == 1 && item->items[0]->kind == NODE_MAP) {
            return true;
        }
    }
    return false;
}

static bool find_paths(struct axes *a, struct target *t, const struct node *key, const struct axis_form *form,
                       const struct node *values)
{
    const char *nearest = NULL;
    struct step axes = {NULL, "axes", 0};
    t->of_versions = strcmp(key->text, "ddtrace") == 0;
    if (form->path) {
        t->paths = mem_calloc(1, sizeof *t->paths);
        t->paths[t->path_count++] = mem_strdup(form->path);
        return true;
    }
    int result = matrix_axis_paths(a->r, key, &t->paths, &t->path_count, &t->list, &nearest);
    if (result == -1 && !are_named(values)) {
        struct buf text = {0};
        buf_printf(&text, "unknown axis `%s`", key->text);
        if (nearest) {
            buf_printf(&text, ", did you mean `%s`?", nearest);
        } else {
            buf_add_str(&text, ", expected a key of the scenario or of its workers, or an axis with `path`, or values "
                               "of the form `NAME: {PATH: VALUE}`");
        }
        complain(complaints(a), key->place, &axes, "%s", text.data);
        buf_fini(&text);
        return false;
    }
    return result != -2;
}

static void read_values(struct axes *a, struct target *t, const struct node *values, const struct step *up)
{
    for (size_t i = 0; i < values->count; i++) {
        struct step step = {up, NULL, i};
        read_value(a, t, values->items[i], &step);
    }
}

static const struct node *find_values(struct axes *a, struct node *key, struct node *node, const struct step *step,
                                      struct axis_form *form)
{
    const struct node *values = node;
    struct step inner = {step, "values", 0};
    if (node->kind == NODE_MAP) {
        read_table_at(complaints(a), &form_table, node, form, step);
        values = node_get(node, "values", NULL);
        step = &inner;
        if (node->bad || values == NULL) {
            return NULL;
        }
    }
    if (values->kind != NODE_LIST || values->count == 0 || values->count > MATRIX_VALUES_MAX) {
        struct buf found = {0};
        node_describe(&found, values);
        if (values->kind == NODE_LIST && values->count) {
            buf_clear(&found);
            buf_printf(&found, "a list of %zu", values->count);
        }
        complain(complaints(a), node_is_null(values) ? key->place : values->place, step,
                 "%s found, expected a list of 1 to %d values", found.data, MATRIX_VALUES_MAX);
        buf_fini(&found);
        return NULL;
    }
    return values;
}

static void read_axis(struct axes *a, struct node *key, struct node *node)
{
    struct matrix *m = a->r->m;
    struct step axes = {NULL, "axes", 0}, step = {&axes, key->text, 0};
    struct axis_form form = {0};
    struct target *t = &a->targets[m->axis_count];
    if (node->bad || !check_name(a, key, &axes)) {
        return;
    }
    t->axis = &m->axes[m->axis_count++];
    *t->axis =
        (struct matrix_axis){.name = mem_strdup(key->text), .line = key->place.line, .column = key->place.column};
    const struct node *values = find_values(a, key, node, &step, &form);
    if (values && find_paths(a, t, key, &form, values)) {
        struct step inner = {&step, "values", 0};
        t->order = form.order;
        read_values(a, t, values, values == node ? &step : &inner);
    }
    read_fini(&form_table, &form);
}

/* --- values of includes ----------------------------------------------------------------------------------------- */

/* A value that the axis does not have can be added where the axis says what it sets. */
static void add_included(struct axes *a, struct target *t, struct node *item, const struct step *step)
{
    struct matrix_value v;
    struct buf label = {0};
    const struct node *name;
    named_value(item, &name);
    bool known = matrix_label(name, &label) && matrix_find_value(t->axis, label.data ? label.data : "") >= 0;
    if (known || t->axis->value_count == 0) {
        buf_fini(&label);
        return;
    }
    if (t->path_count == 0 && !(item->kind == NODE_MAP && item->count == 1)) {
        struct nearest best = {0};
        struct buf found = {0};
        node_describe(&found, item);
        for (size_t i = 0; i < t->axis->value_count; i++) {
            nearest_offer(&best, label.data ? label.data : "", t->axis->values[i].label);
        }
        complain(complaints(a), item->place, step, "%s is no value of `%s`, %s `%s`%s", found.data, t->axis->name,
                 best.word ? "did you mean" : "expected one of them, such as",
                 best.word ? best.word : t->axis->values[0].label, best.word ? "?" : "");
        item->bad = true;
        buf_fini(&found);
    } else if (make_value(a, t, item, step, &v)) {
        v.included = true;
        put_value(t, v);
    } else {
        item->bad = true;
    }
    buf_fini(&label);
}

static void add_includes(struct axes *a)
{
    const struct matrix *m = a->r->m;
    const struct node *includes = node_get(a->r->root, "include", NULL);
    struct step up = {NULL, "include", 0};
    /* A list that is too long is complained of where it is read. */
    if (includes && (includes->kind != NODE_LIST || includes->count > MATRIX_ENTRIES_MAX)) {
        return;
    }
    for (size_t i = 0; includes && i < includes->count; i++) {
        struct node *one = includes->items[i];
        struct step step = {&up, NULL, i};
        for (size_t j = 0; one->kind == NODE_MAP && j < one->count; j++) {
            int axis = matrix_find_axis(m, one->keys[j]->text);
            struct step inner = {&step, one->keys[j]->text, 0};
            if (axis >= 0 && !one->items[j]->bad) {
                add_included(a, &a->targets[axis], one->items[j], &inner);
            }
        }
    }
}

/* --- all -------------------------------------------------------------------------------------------------------- */

/* Stable, so that values that are equal in order stay as the file has them. Insertion: at most MATRIX_VALUES_MAX and
 * MATRIX_ENTRIES_MAX. */
static void sort_values(struct matrix_axis *axis)
{
    for (size_t i = 1; axis->order != AXIS_WORDS && i < axis->value_count; i++) {
        struct matrix_value moved = axis->values[i];
        size_t to = i;
        for (; to > 0 && axis_compare(axis->order, axis->values[to - 1].label, moved.label) > 0; to--) {
            axis->values[to] = axis->values[to - 1];
        }
        axis->values[to] = moved;
    }
}

static void read_each(struct axes *a, const struct node *axes)
{
    struct matrix *m = a->r->m;
    m->axes = mem_calloc(axes->count, sizeof *m->axes);
    a->targets = mem_calloc(axes->count, sizeof *a->targets);
    for (size_t i = 0; i < axes->count; i++) {
        read_axis(a, axes->keys[i], axes->items[i]);
    }
    add_includes(a);
    for (size_t i = 0; i < m->axis_count; i++) {
        struct target *t = &a->targets[i];
        t->axis->order = t->order ? t->order - 1 : axis_order_find(t->axis, t->of_versions);
        sort_values(t->axis);
        for (size_t j = 0; j < t->path_count; j++) {
            free(t->paths[j]);
        }
        free(t->paths);
    }
    free(a->targets);
}

void matrix_read_axes(struct matrix_reading *r)
{
    struct node *key = NULL;
    const struct node *axes = node_get(r->root, "axes", &key);
    struct axes a = {.r = r};
    struct step step = {NULL, "axes", 0};
    if (axes == NULL || (axes->kind == NODE_SCALAR && axes->bad)) {
        return;
    }
    if (axes->kind != NODE_MAP || axes->count > MATRIX_AXES_MAX) {
        struct buf found = {0};
        node_describe(&found, axes);
        if (axes->kind == NODE_MAP) {
            buf_printf(&found, " of %zu", axes->count);
        }
        complain(&r->complaints, node_is_null(axes) ? key->place : axes->place, &step,
                 "%s found, expected a mapping of at most %d axes, a list of values under each name", found.data,
                 MATRIX_AXES_MAX);
        buf_fini(&found);
        return;
    }
    read_each(&a, axes);
}
