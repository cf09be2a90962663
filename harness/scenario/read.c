/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/read.h"

#include "base/mem.h"
#include "scenario/nearest.h"
#include "scenario/value.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A mapping being read. Recursion is as deep as the tables: four. */
struct reading {
    struct complaints *complaints;
    const struct key_table *table;
    struct node *map;   /* NULL: nothing is given, defaults only */
    struct place place; /* for what is missing in it: its key */
    void *base;
    const struct step *step;
};

static bool read_rows(struct reading *r);

/* --- one value -------------------------------------------------------------------------------------------------- */

static bool refuse(struct reading *r, const struct key *key, struct node *node, const struct step *step)
{
    struct buf why = {0};
    value_found(&why, key, node);
    complain(r->complaints, node->place, step, "%s", why.data);
    buf_fini(&why);
    node->bad = true;
    return false;
}

static bool read_scalar(struct reading *r, const struct key *key, struct node *node, const struct step *step)
{
    struct buf why = {0};
    bool good = value_read(key, node, r->base, &why);
    if (!good) {
        complain(r->complaints, node->place, step, "%s", why.data);
        node->bad = true;
    }
    buf_fini(&why);
    return good;
}

static bool read_texts(struct reading *r, const struct key *key, struct node *node, const struct step *step)
{
    char ***texts = value_at(r->base, key->offset);
    size_t *count = value_at(r->base, key->second);
    if (node->kind != NODE_LIST || node->count < (size_t)key->min) {
        return refuse(r, key, node, step);
    }
    *texts = mem_calloc(node->count + 1, sizeof **texts);
    for (size_t i = 0; i < node->count; i++) {
        struct node *item = node->items[i];
        struct step element = {step, NULL, i};
        struct buf why = {0};
        if (item->bad) {
            node->bad = true;
        } else if (item->kind != NODE_SCALAR || node_is_null(item)) {
            node_describe(&why, item);
            complain(r->complaints, item->place, &element, "%s found, expected text", why.data);
            node->bad = true;
        } else if (value_check_text(key, item, (size_t)key->max, &why)) {
            (*texts)[(*count)++] = mem_strdup(item->text);
        } else {
            complain(r->complaints, item->place, &element, "%s", why.data);
            node->bad = true;
        }
        buf_fini(&why);
    }
    return !node->bad;
}

static bool read_variable(struct reading *r, const struct key *key, struct node *name, struct node *value,
                          const struct step *step)
{
    struct buf why = {0};
    bool good = key->check(name->text, &why);
    if (!good) {
        if (why.size == 0) {
            node_describe(&why, name);
            buf_printf(&why, " found, expected %s", key->expected);
        }
        complain(r->complaints, name->place, step, "%s", why.data);
    } else if (value->kind != NODE_SCALAR || node_is_null(value)) {
        node_describe(&why, value);
        complain(r->complaints, value->place, step, "%s found, expected text (`\"\"` for an empty one)", why.data);
        good = false;
    } else if (strlen(value->text) + strlen(name->text) + 1 > KEY_ARGUMENT_MAX) {
        complain(r->complaints, value->place, step, "text of %zu bytes found, expected at most %d with the name",
                 strlen(value->text), KEY_ARGUMENT_MAX - 1);
        good = false;
    }
    buf_fini(&why);
    return good;
}

static bool read_variables(struct reading *r, const struct key *key, struct node *node, const struct step *step)
{
    struct scenario_variable **variables = value_at(r->base, key->offset);
    size_t *count = value_at(r->base, key->second);
    if (node_is_null(node)) {
        return true;
    }
    if (node->kind != NODE_MAP) {
        return refuse(r, key, node, step);
    }
    *variables = mem_calloc(node->count, sizeof **variables);
    for (size_t i = 0; i < node->count; i++) {
        struct step inner = {step, node->keys[i]->text, 0};
        struct node *value = node->items[i];
        if (value->bad || !read_variable(r, key, node->keys[i], value, &inner)) {
            node->bad = true;
            continue;
        }
        (*variables)[(*count)++] = (struct scenario_variable){mem_strdup(node->keys[i]->text), mem_strdup(value->text)};
    }
    return !node->bad;
}

/* --- structs in structs ----------------------------------------------------------------------------------------- */

/* A mapping, or nothing at all, which is a mapping without keys. */
static bool read_inner(struct reading *r, const struct key *key, struct node *node, struct place place, void *base,
                       const struct step *step)
{
    struct reading inner = {r->complaints, key->table, node, place, base, step};
    if (node && node->kind != NODE_MAP) {
        inner.map = NULL;
        if (!node_is_null(node)) {
            struct buf found = {0};
            node_describe(&found, node);
            buf_add_str(&found, " found, expected ");
            if (key->type == KEY_TABLE) {
                key_expected(&found, key);
            } else {
                buf_add_str(&found, "a mapping of keys");
            }
            complain(r->complaints, node->place, step, "%s", found.data);
            buf_fini(&found);
            node->bad = true;
            return false;
        }
    }
    bool good = read_rows(&inner);
    if (node) {
        node->bad |= !good;
    }
    return good;
}

static bool read_control(struct reading *r, const struct key *key, struct node *node, struct place place,
                         const struct step *step)
{
    unsigned *kind = value_at(r->base, key->offset);
    if (node->kind == NODE_MAP) {
        *kind = CONTROL_COMMAND;
        return read_inner(r, key, node, place, r->base, step);
    }
    struct buf why = {0};
    int found = value_find_word(key, node, &why);
    if (found < 0) {
        complain(r->complaints, node->place, step, "%s", why.data);
        node->bad = true;
    } else {
        *kind = (unsigned)found;
    }
    buf_fini(&why);
    return found >= 0;
}

static bool read_named(struct reading *r, const struct key *key, struct node *node, const struct step *step)
{
    const struct key_table *table = key->table;
    char **elements = value_at(r->base, key->offset);
    size_t *count = value_at(r->base, key->second);
    if (node_is_null(node)) {
        return true;
    }
    if (node->kind != NODE_MAP) {
        return refuse(r, key, node, step);
    }
    *elements = mem_calloc(node->count, table->size);
    for (size_t i = 0; i < node->count; i++) {
        struct node *name = node->keys[i];
        struct step inner = {step, name->text, 0};
        char *base = *elements + table->size * (*count)++;
        *(char **)value_at(base, table->name_offset) = mem_strdup(name->text);
        if (!table->check_name(name->text)) {
            struct buf shown = {0};
            node_describe(&shown, name);
            complain(r->complaints, name->place, step, "%s found, expected %s", shown.data, table->expected_name);
            buf_fini(&shown);
            node->bad = true;
        }
        node->bad |= !read_inner(r, key, node->items[i], name->place, base, &inner);
    }
    return !node->bad;
}

/* `- local` is `- pattern: local`, `backend: store` is `backend: {kind: store}`. */
static void expand_shorthand(const struct key_table *table, struct node *node)
{
    if (table->shorthand && node->kind == NODE_SCALAR && !node_is_null(node) && !node->bad) {
        struct node *value = node_new_scalar(node->text, node->plain, node->place);
        free(node->text);
        node->text = NULL;
        node->kind = NODE_MAP;
        node_add(node, node_new_scalar(table->shorthand, true, node->place), value);
    }
}

static bool read_listed(struct reading *r, const struct key *key, struct node *node, const struct step *step)
{
    char **elements = value_at(r->base, key->offset);
    size_t *count = value_at(r->base, key->second);
    if (node_is_null(node)) {
        return true;
    }
    if (node->kind != NODE_LIST) {
        return refuse(r, key, node, step);
    }
    *elements = mem_calloc(node->count, key->table->size);
    for (size_t i = 0; i < node->count; i++) {
        struct step inner = {step, NULL, i};
        expand_shorthand(key->table, node->items[i]);
        struct node *item = node->items[i];
        char *base = *elements + key->table->size * (*count)++;
        /* A mapping in which a key was left out has others that can be read; a bad scalar has nothing. */
        bool readable = !item->bad || item->kind == NODE_MAP;
        node->bad |= !readable || !read_inner(r, key, item, item->place, base, &inner);
    }
    return !node->bad;
}

/* --- one mapping ------------------------------------------------------------------------------------------------ */

static bool read_given(struct reading *r, const struct key *key, struct node *key_node, struct node *node)
{
    struct step step = {r->step, key->name, 0};
    if (key->type == KEY_TABLE) {
        expand_shorthand(key->table, node);
    }
    if (node->bad && node->kind == NODE_SCALAR) {
        return false;
    }
    switch (key->type) {
    case KEY_TEXTS:
        return read_texts(r, key, node, &step);
    case KEY_VARIABLES:
        return read_variables(r, key, node, &step);
    case KEY_TABLE:
        return read_inner(r, key, node, key_node->place, r->base, &step);
    case KEY_CONTROL:
        return read_control(r, key, node, key_node->place, &step);
    case KEY_NAMED:
        return read_named(r, key, node, &step);
    case KEY_LISTED:
        return read_listed(r, key, node, &step);
    case KEY_APART:
        return true;
    default:
        return read_scalar(r, key, node, &step);
    }
}

static void set_default(struct reading *r, const struct key *key)
{
    struct buf why = {0};
    if (key->initial) {
        struct node initial = {
            .kind = NODE_SCALAR, .text = (char *)(uintptr_t)key->initial, .plain = key->initial[0] != '\0'};
        struct reading defaults = {.base = r->base};
        bool good = key->type == KEY_CONTROL ? read_control(&defaults, key, &initial, initial.place, NULL)
                                             : value_read(key, &initial, r->base, &why);
        assert(good); /* a row of the tables is wrong */
        (void)good;
    }
    if (key->type == KEY_CONTROL || key->type == KEY_TABLE) {
        for (size_t i = 0; i < key->table->count; i++) {
            set_default(r, &key->table->rows[i]);
        }
    }
    buf_fini(&why);
}

/* 1 the key has a meaning here, 0 it has none, -1 that can't be said as what it depends on is wrong. */
static int applies(const struct reading *r, const struct key *key)
{
    if (key->only == NULL) {
        return 1;
    }
    for (size_t i = 0; i < 2 && key->only->keys[i]; i++) {
        const struct node *n = node_get(r->map, key->only->keys[i], NULL);
        if (n && n->bad) {
            return -1;
        }
    }
    return key->only->holds(r->base);
}

static bool read_row(struct reading *r, const struct key *key)
{
    struct node *key_node = NULL, *node = node_get(r->map, key->name, &key_node);
    int applicable = applies(r, key);
    if (node == NULL) {
        if (!key->required || applicable != 1) {
            return true;
        }
        struct buf expected = {0};
        key_expected(&expected, key);
        complain(r->complaints, r->place, r->step, "`%s` is missing, expected %s", key->name, expected.data);
        buf_fini(&expected);
        return false;
    }
    if (applicable == 0) {
        struct step step = {r->step, key->name, 0};
        complain(r->complaints, key_node->place, &step, "%s", key->only->text);
        node->bad = true;
        return false;
    }
    return read_given(r, key, key_node, node);
}

static void complain_unknown(struct reading *r, const struct node *key_node)
{
    struct nearest best = {0};
    struct buf text = {0};
    buf_add_str(&text, "unknown key ");
    node_describe(&text, key_node);
    for (size_t i = 0; i < r->table->count; i++) {
        nearest_offer(&best, key_node->text, r->table->rows[i].name);
    }
    if (best.word) {
        buf_printf(&text, ", did you mean `%s`?", best.word);
    } else {
        for (size_t i = 0; i < r->table->count; i++) {
            buf_printf(&text, "%s`%s`",
                       i == 0                    ? ", expected "
                       : i + 1 < r->table->count ? ", "
                                                 : " or ",
                       r->table->rows[i].name);
        }
    }
    complain(r->complaints, key_node->place, r->step, "%s", text.data);
    buf_fini(&text);
}

static bool is_row(const struct key_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->rows[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool read_rows(struct reading *r)
{
    bool good = !r->map || !r->map->bad;
    for (size_t i = 0; i < r->table->count; i++) {
        set_default(r, &r->table->rows[i]);
    }
    for (size_t i = 0; i < r->table->count; i++) {
        good &= read_row(r, &r->table->rows[i]);
    }
    for (size_t i = 0; r->map && i < r->map->count; i++) {
        if (!is_row(r->table, r->map->keys[i]->text)) {
            complain_unknown(r, r->map->keys[i]);
            good = false;
        }
    }
    return good;
}

void read_table(struct complaints *c, const struct key_table *table, struct node *map, void *base)
{
    read_table_at(c, table, map, base, NULL);
}

void read_table_at(struct complaints *c, const struct key_table *table, struct node *map, void *base,
                   const struct step *step)
{
    struct reading r = {c, table, map, map->place, base, step};
    map->bad |= !read_rows(&r);
}

/* --- freeing ---------------------------------------------------------------------------------------------------- */

static void fini_elements(const struct key *key, void *base)
{
    char **elements = value_at(base, key->offset);
    size_t count = *(size_t *)value_at(base, key->second);
    for (size_t i = 0; i < count; i++) {
        char *element = *elements + key->table->size * i;
        if (key->type == KEY_NAMED) {
            free(*(char **)value_at(element, key->table->name_offset));
        }
        read_fini(key->table, element);
    }
    free(*elements);
}

static void fini_row(const struct key *key, void *base)
{
    switch (key->type) {
    case KEY_TEXT:
    case KEY_SITE:
        free(*(char **)value_at(base, key->offset));
        break;
    case KEY_RENDERING:
        free(*(char **)value_at(base, key->second));
        break;
    case KEY_TEXTS: {
        char **texts = *(char ***)value_at(base, key->offset);
        for (size_t i = 0; i < *(size_t *)value_at(base, key->second); i++) {
            free(texts[i]);
        }
        free(texts);
        break;
    }
    case KEY_VARIABLES: {
        struct scenario_variable *variables = *(struct scenario_variable **)value_at(base, key->offset);
        for (size_t i = 0; i < *(size_t *)value_at(base, key->second); i++) {
            free(variables[i].name);
            free(variables[i].value);
        }
        free(variables);
        break;
    }
    case KEY_NAMED:
    case KEY_LISTED:
        fini_elements(key, base);
        break;
    case KEY_TABLE:
    case KEY_CONTROL:
        read_fini(key->table, base);
        break;
    default:
        break;
    }
}

void read_fini(const struct key_table *table, void *base)
{
    for (size_t i = 0; i < table->count; i++) {
        fini_row(&table->rows[i], base);
    }
}
