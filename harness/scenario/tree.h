/* SPDX-License-Identifier: Apache-2.0 */
/* YAML text as a tree whose nodes know where they stand. */
#ifndef LOCKTRAIL_SCENARIO_TREE_H
#define LOCKTRAIL_SCENARIO_TREE_H

#include "scenario/complain.h"

#include <stdbool.h>
#include <stddef.h>

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
    enum node_kind kind;
    struct place place;
    bool bad; /* a diagnostic was given for it or for something in it: what follows from it would only repeat that */

    /* scalar */
    char *text; /* valid UTF-8 without zero bytes */
    bool plain; /* written without quotes */

    /* list and map; the keys of a map are scalars, each once */
    struct node **keys; /* NULL in a list */
    struct node **items;
    size_t count, capacity;
};

/* Reads the one document of c->bytes. Returns NULL, after at least one complaint, where nothing can be made of the text
 * (encoding, syntax, limits, no document). Duplicate keys, keys that are no text, tags, wrong aliases are complained of
 * and left out, and the tree is returned. Aliases are copies of what they name. `override`: whose value the text is, or
 * NULL. Free with node_free. */
struct node *tree_read(struct complaints *c, const struct scenario_override *override);
void node_free(struct node *n);
/* Recursion is as deep as the tree. */
struct node *node_copy(const struct node *from);

/* The value at `key`, and (where `key_node` is not NULL) the key itself; NULL where there is none or `map` is no map.
 */
struct node *node_get(const struct node *map, const char *key, struct node **key_node);

/* Plain and empty, `~` or `null`. */
bool node_is_null(const struct node *n);

struct node *node_new(enum node_kind kind, struct place place);
struct node *node_new_scalar(const char *text, bool plain, struct place place);
/* Appends; takes both nodes. `key` is NULL for a list. */
void node_add(struct node *n, struct node *key, struct node *item);

/* "a list", "a mapping", "nothing" or the scalar in backquotes: what was found, for a message. */
void node_describe(struct buf *out, const struct node *n);

#endif
