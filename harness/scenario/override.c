/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/override.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "scenario/nearest.h"

#include <stdlib.h>
#include <string.h>

/* Digits of an element's number: SCENARIO_NODES_MAX has five. */
#define INDEX_DIGITS_MAX 5

struct walk {
    struct complaints *complaints;
    const struct scenario_override *override;
    struct place place;
    struct node *at;
    const char *start; /* of the path */
    const char *rest;  /* of the path, behind the current key */
    char *key;
    size_t depth;
};

/* Takes the next key off the path; false at its end. */
static bool next_key(struct walk *w)
{
    free(w->key);
    w->key = NULL;
    if (w->rest == NULL) {
        return false;
    }
    const char *dot = strchr(w->rest, '.');
    w->key = dot ? mem_strndup(w->rest, (size_t)(dot - w->rest)) : mem_strdup(w->rest);
    w->rest = dot ? dot + 1 : NULL;
    w->depth++;
    return true;
}

/* The path up to and without the current key. */
static int path_before(const struct walk *w)
{
    const char *end = w->rest ? w->rest - 1 : w->start + strlen(w->start);
    long size = end - (long)strlen(w->key) - w->start - 1;
    return size < 0 ? 0 : (int)size;
}

static bool parse_index(const char *text, size_t *out)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > INDEX_DIGITS_MAX || text[digits] != '\0') {
        return false;
    }
    *out = strtoul(text, NULL, 10);
    return true;
}

/* The element's slot in a list; NULL after a complaint. */
static struct node **find_element(struct walk *w)
{
    size_t index;
    if (!parse_index(w->key, &index) || index > w->at->count) {
        complain(w->complaints, w->place, NULL,
                 "`%.*s` is a list of %zu, expected the number of an element, counted from 0", path_before(w), w->start,
                 w->at->count);
        return NULL;
    }
    if (index == w->at->count) {
        node_add(w->at, NULL, node_new_scalar("", true, w->place));
    }
    return &w->at->items[index];
}

static bool is_unknown_worker(struct walk *w)
{
    if (w->depth != 2 || w->rest == NULL || strncmp(w->start, "workers.", 8) != 0) {
        return false;
    }
    struct nearest best = {0};
    for (size_t i = 0; i < w->at->count; i++) {
        nearest_offer(&best, w->key, w->at->keys[i]->text);
    }
    struct buf text = {0};
    buf_printf(&text, "there is no worker `%s`", w->key);
    if (best.word) {
        buf_printf(&text, ", did you mean `%s`?", best.word);
    }
    complain(w->complaints, w->place, NULL, "%s", text.data);
    buf_fini(&text);
    return true;
}

/* The slot of a key in a mapping, made where it is missing; NULL after a complaint. */
static struct node **find_value(struct walk *w)
{
    for (size_t i = 0; i < w->at->count; i++) {
        if (strcmp(w->at->keys[i]->text, w->key) == 0) {
            return &w->at->items[i];
        }
    }
    if (is_unknown_worker(w)) {
        return NULL;
    }
    node_add(w->at, node_new_scalar(w->key, true, w->place), node_new_scalar("", true, w->place));
    return &w->at->items[w->at->count - 1];
}

/* `workers:` with nothing behind it is a mapping without keys. */
static void fill_null(struct node *n, struct place place)
{
    if (node_is_null(n)) {
        free(n->text); /* NOLINT(clang-analyzer-unix.Malloc): overwritten right behind */
        *n = (struct node){.kind = NODE_MAP, .place = place};
    }
}

/* A command line can hold any bytes, and keys of the tree are text. */
static bool is_text(const char *path)
{
    for (const char *at = path; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7F) {
            return false;
        }
    }
    return utf8_valid(path, strlen(path)) == strlen(path);
}

static struct node **find_slot(struct walk *w, struct node *root)
{
    struct node **slot = NULL;
    w->at = root;
    if (!is_text(w->start)) {
        complain(w->complaints, w->place, NULL, "the path is no text, expected keys with dots between them");
        return NULL;
    }
    while (next_key(w)) {
        if (w->key[0] == '\0' || w->depth >= SCENARIO_DEPTH_MAX) {
            complain(w->complaints, w->place, NULL, "`%s` is not a path, expected keys with dots between them",
                     w->start);
            return NULL;
        }
        fill_null(w->at, w->place);
        if (w->at->kind == NODE_SCALAR) {
            struct buf found = {0};
            node_describe(&found, w->at);
            complain(w->complaints, w->place, NULL, "`%.*s` is %s and has no keys", path_before(w), w->start,
                     found.data);
            buf_fini(&found);
            return NULL;
        }
        slot = w->at->kind == NODE_LIST ? find_element(w) : find_value(w);
        if (slot == NULL) {
            return NULL;
        }
        w->at = *slot;
    }
    return slot;
}

static void apply(struct complaints *c, struct node *root, const struct scenario_override *o)
{
    struct node *n = override_value(c, o);
    if (n) {
        override_place(c, root, o, n);
    }
}

struct node *override_value(struct complaints *c, const struct scenario_override *o)
{
    struct complaints value = {o->value, strlen(o->value), c->list, NULL, NULL};
    return tree_read(&value, o);
}

void override_place(struct complaints *c, struct node *root, const struct scenario_override *o, struct node *n)
{
    struct walk w = {.complaints = c, .override = o, .place = {1, 1, o}, .start = o->path, .rest = o->path};
    struct node **slot = find_slot(&w, root);
    free(w.key);
    if (slot == NULL) {
        node_free(n);
        return;
    }
    node_free(*slot);
    *slot = n;
}

void override_apply(struct complaints *c, struct node *root, const struct scenario_override *overrides, size_t count)
{
    for (size_t i = 0; i < count && root->kind == NODE_MAP; i++) {
        apply(c, root, &overrides[i]);
    }
}
