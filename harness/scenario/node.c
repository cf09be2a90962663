/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "scenario/tree.h"

#include <stdlib.h>
#include <string.h>

struct node *node_new(enum node_kind kind, struct place place)
{
    struct node *n = mem_calloc(1, sizeof *n);
    n->kind = kind;
    n->place = place;
    return n;
}

struct node *node_new_scalar(const char *text, bool plain, struct place place)
{
    struct node *n = node_new(NODE_SCALAR, place);
    n->text = mem_strdup(text);
    n->plain = plain;
    return n;
}

/* Recursion is as deep as the tree: SCENARIO_DEPTH_MAX. */
void node_free(struct node *n)
{
    if (n == NULL) {
        return;
    }
    for (size_t i = 0; i < n->count; i++) {
        if (n->keys) {
            node_free(n->keys[i]);
        }
        node_free(n->items[i]);
    }
    free(n->keys);
    free(n->items);
    free(n->text);
    free(n);
}

struct node *node_copy(const struct node *from)
{
    struct node *n = node_new(from->kind, from->place);
    n->bad = from->bad;
    n->plain = from->plain;
    n->text = mem_strdup_null(from->text);
    n->count = n->capacity = from->count;
    n->keys = from->keys ? mem_calloc(from->count, sizeof(struct node *)) : NULL;
    n->items = from->count ? mem_calloc(from->count, sizeof(struct node *)) : NULL;
    for (size_t i = 0; i < from->count; i++) {
        if (from->keys) {
            n->keys[i] = node_copy(from->keys[i]);
        }
        n->items[i] = node_copy(from->items[i]);
    }
    return n;
}

void node_add(struct node *n, struct node *key, struct node *item)
{
    size_t capacity = n->capacity;
    if (n->kind == NODE_MAP) {
        n->keys = mem_grow(n->keys, n->count, &capacity, sizeof(struct node *));
        n->keys[n->count] = key;
    }
    n->items = mem_grow(n->items, n->count, &n->capacity, sizeof(struct node *));
    n->items[n->count++] = item;
}

struct node *node_get(const struct node *map, const char *key, struct node **key_node)
{
    if (map == NULL || map->kind != NODE_MAP) {
        return NULL;
    }
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->keys[i]->text, key) == 0) {
            if (key_node) {
                *key_node = map->keys[i];
            }
            return map->items[i];
        }
    }
    return NULL;
}

bool node_is_null(const struct node *n)
{
    return n->kind == NODE_SCALAR && n->plain &&
           (n->text[0] == '\0' || strcmp(n->text, "~") == 0 || strcmp(n->text, "null") == 0);
}

void node_describe(struct buf *out, const struct node *n)
{
    if (n->kind == NODE_LIST) {
        buf_add_str(out, n->count ? "a list" : "an empty list");
    } else if (n->kind == NODE_MAP) {
        buf_add_str(out, n->count ? "a mapping" : "an empty mapping");
    } else if (n->plain && n->text[0] == '\0') {
        buf_add_str(out, "nothing");
    } else {
        const char *quote = n->plain ? "" : "\"";
        buf_printf(out, "`%s", quote);
        show_value(out, n->text, strlen(n->text));
        buf_printf(out, "%s`", quote);
    }
}
