/* SPDX-License-Identifier: Apache-2.0 */
/* libyaml's events, one after the other, onto a stack of open lists and mappings.
 *
 * An alias becomes a copy of what it names, so that an override changes one place and not two. What a file can do with
 * that is bounded: nodes and bytes of text are counted with the copies, and an alias inside its own anchor is refused.
 */
#include "scenario/tree.h"

#include "base/mem.h"
#include "scenario/encoding.h"
#include "scenario/syntax.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* Anchors are searched one by one; shipped scenarios have none. */
#define ANCHORS_MAX 256

struct anchor {
    char *name;
    struct node *node;
    bool open; /* its end has not been read */
};

struct level {
    struct node *node;
    struct node *key;           /* of a mapping: read, and its value not yet */
    const struct node *current; /* the last key, wherever it was put */
    bool have_key;
    bool drop; /* the value at `key` is to be left out */
};

struct builder {
    struct complaints *complaints;
    const struct scenario_override *override;
    yaml_parser_t parser;
    struct level levels[SCENARIO_DEPTH_MAX];
    size_t depth;
    struct node *root;
    struct node *dropped; /* a list: what is read and left out, kept since anchors may name it */
    struct anchor anchors[ANCHORS_MAX];
    size_t anchor_count;
    size_t nodes, text_bytes; /* with the copies that aliases make */
    size_t documents;
};

static struct place to_place(const struct builder *b, const yaml_mark_t *mark)
{
    return (struct place){(unsigned)mark->line + 1, (unsigned)mark->column + 1, b->override};
}

/* The way to what is read now, or with a smaller depth to one of the open levels, in `steps` of SCENARIO_DEPTH_MAX;
 * NULL at the root. */
static const struct step *here(const struct builder *b, struct step *steps, size_t depth)
{
    const struct step *up = NULL;
    for (size_t i = 0; i < depth; i++) {
        const struct level *l = &b->levels[i];
        bool is_key = l->node->kind == NODE_MAP;
        /* A list's open element is in it already. */
        size_t index = l->node->count - (i + 1 < b->depth);
        if (is_key && !(l->current && l->current->text)) {
            return up;
        }
        steps[i] = (struct step){up, is_key ? l->current->text : NULL, index};
        up = &steps[i];
    }
    return up;
}

static const char *wanted(const struct builder *b)
{
    return b->complaints->what ? b->complaints->what : "a scenario";
}

/* --- limits ----------------------------------------------------------------------------------------------------- */

static int count_node(struct builder *b, struct place place, size_t text_bytes)
{
    b->nodes++;
    b->text_bytes += text_bytes;
    if (b->nodes > SCENARIO_NODES_MAX) {
        complain(b->complaints, place, NULL, "more than %d values, with those that aliases repeat: expected %s",
                 SCENARIO_NODES_MAX, wanted(b));
        return -1;
    }
    if (b->text_bytes > SCENARIO_SIZE_MAX) {
        complain(b->complaints, place, NULL, "more than 1MiB of text, with that which aliases repeat: expected %s",
                 wanted(b));
        return -1;
    }
    return 0;
}

static int check_depth(struct builder *b, struct place place, size_t depth)
{
    if (depth <= SCENARIO_DEPTH_MAX) {
        return 0;
    }
    complain(b->complaints, place, NULL, "nested deeper than %d levels: expected %s", SCENARIO_DEPTH_MAX, wanted(b));
    return -1;
}

/* --- placing nodes ---------------------------------------------------------------------------------------------- */

/* A key is text and new in its mapping; else it and its value are left out. */
static void take_key(struct builder *b, struct level *l, struct node *key)
{
    struct step steps[SCENARIO_DEPTH_MAX];
    const struct step *map = here(b, steps, b->depth - 1);
    struct node *first = NULL;
    l->key = key;
    l->current = key;
    l->have_key = true;
    l->drop = true;
    if (key->kind != NODE_SCALAR) {
        complain(b->complaints, key->place, map, "a key that is %s, expected text",
                 key->kind == NODE_LIST ? "a list" : "a mapping");
        return;
    }
    if (key->bad) {
        return;
    }
    if (strcmp(key->text, "<<") == 0 && key->plain) {
        complain(b->complaints, key->place, map,
                 "merge keys (`<<`) are not part of YAML 1.2, expected the keys themselves");
    } else if (node_get(l->node, key->text, &first)) {
        struct buf shown = {0};
        node_describe(&shown, key);
        complain(b->complaints, key->place, map, "duplicate key %s, first given in line %u", shown.data,
                 first->place.line);
        buf_fini(&shown);
    } else {
        l->drop = false;
    }
    l->node->bad |= l->drop;
}

static void attach(struct builder *b, struct node *n)
{
    if (b->depth == 0) {
        b->root = n;
        return;
    }
    struct level *l = &b->levels[b->depth - 1];
    if (l->node->kind == NODE_LIST) {
        node_add(l->node, NULL, n);
        return;
    }
    if (!l->have_key) {
        take_key(b, l, n);
        return;
    }
    l->have_key = false;
    if (l->drop) {
        node_add(b->dropped, NULL, l->key);
        node_add(b->dropped, NULL, n);
    } else {
        node_add(l->node, l->key, n);
    }
    l->key = NULL;
}

static int add_anchor(struct builder *b, const yaml_char_t *name, struct node *n, bool open)
{
    if (name == NULL) {
        return 0;
    }
    if (b->anchor_count == ANCHORS_MAX) {
        complain(b->complaints, n->place, NULL, "more than %d anchors: expected %s", ANCHORS_MAX, wanted(b));
        return -1;
    }
    b->anchors[b->anchor_count++] = (struct anchor){mem_strdup((const char *)name), n, open};
    return 0;
}

/* Tags ask for a type that the key has already. */
static void check_tag(struct builder *b, const yaml_char_t *tag, struct node *n)
{
    static const char standard[] = "tag:yaml.org,2002:";
    if (tag == NULL) {
        return;
    }
    struct step steps[SCENARIO_DEPTH_MAX];
    struct buf shown = {0};
    const char *text = (const char *)tag;
    bool is_standard = strncmp(text, standard, sizeof standard - 1) == 0;
    buf_add_str(&shown, is_standard ? "!!" : "");
    text += is_standard ? sizeof standard - 1 : 0;
    show_value(&shown, text, strlen(text));
    complain(b->complaints, n->place, here(b, steps, b->depth), "tag `%s`, expected a value without one", shown.data);
    buf_fini(&shown);
    n->bad = true;
}

/* --- events ----------------------------------------------------------------------------------------------------- */

static int on_scalar(struct builder *b, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t size = event->data.scalar.length;
    struct node *n =
        node_new_scalar(text, event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE, to_place(b, &event->start_mark));
    check_tag(b, event->data.scalar.tag, n);
    if (strlen(text) != size) {
        struct step steps[SCENARIO_DEPTH_MAX];
        complain(b->complaints, n->place, here(b, steps, b->depth),
                 "text with a zero byte (`\\0`), expected text without");
        n->bad = true;
    }
    int result = count_node(b, n->place, size);
    if (result == 0) {
        result = add_anchor(b, event->data.scalar.anchor, n, false);
    }
    attach(b, n);
    return result;
}

static int on_begin(struct builder *b, const yaml_event_t *event, enum node_kind kind, const yaml_char_t *tag,
                    const yaml_char_t *anchor)
{
    struct node *n = node_new(kind, to_place(b, &event->start_mark));
    check_tag(b, tag, n);
    int result = count_node(b, n->place, 0);
    if (result == 0) {
        result = check_depth(b, n->place, b->depth + 1);
    }
    if (result == 0) {
        result = add_anchor(b, anchor, n, true);
    }
    attach(b, n);
    if (result == 0) {
        b->levels[b->depth++] = (struct level){.node = n};
    }
    return result;
}

static void on_end(struct builder *b)
{
    struct node *n = b->levels[--b->depth].node;
    for (size_t i = 0; i < b->anchor_count; i++) {
        if (b->anchors[i].node == n) {
            b->anchors[i].open = false;
        }
    }
}

/* Recursion is as deep as the tree. NULL where a limit is reached, after a complaint at the alias. */
static struct node *copy(struct builder *b, const struct node *from, struct place alias, size_t depth)
{
    bool deeper = from->kind != NODE_SCALAR;
    if (count_node(b, alias, from->text ? strlen(from->text) : 0) != 0 ||
        (deeper && check_depth(b, alias, depth + 1) != 0)) {
        return NULL;
    }
    struct node *n = node_new(from->kind, from->place);
    n->bad = from->bad;
    n->plain = from->plain;
    n->text = from->text ? mem_strdup(from->text) : NULL;
    for (size_t i = 0; i < from->count; i++) {
        struct node *key = from->keys ? copy(b, from->keys[i], alias, depth + 1) : NULL;
        struct node *item = key || !from->keys ? copy(b, from->items[i], alias, depth + 1) : NULL;
        if (item == NULL) {
            node_free(key);
            node_free(n);
            return NULL;
        }
        node_add(n, key, item);
    }
    return n;
}

static int on_alias(struct builder *b, const yaml_event_t *event)
{
    struct place place = to_place(b, &event->start_mark);
    const char *name = (const char *)event->data.alias.anchor;
    const struct anchor *found = NULL;
    struct step steps[SCENARIO_DEPTH_MAX];
    struct node *n;
    for (size_t i = b->anchor_count; found == NULL && i > 0; i--) {
        if (strcmp(b->anchors[i - 1].name, name) == 0) {
            found = &b->anchors[i - 1];
        }
    }
    if (found && !found->open) {
        n = copy(b, found->node, place, b->depth);
        if (n == NULL) {
            return -1;
        }
        attach(b, n);
        return 0;
    }
    struct buf shown = {0};
    show_value(&shown, name, strlen(name));
    complain(b->complaints, place, here(b, steps, b->depth),
             found ? "alias `*%s` inside of what it names, expected it after the end of that"
                   : "alias `*%s`, and nothing before it is named `&%s`",
             shown.data, shown.data);
    buf_fini(&shown);
    n = node_new_scalar("", true, place);
    n->bad = true;
    attach(b, n);
    return 0;
}

static int on_document(struct builder *b, const yaml_event_t *event)
{
    if (++b->documents == 1) {
        return 0;
    }
    complain(b->complaints, to_place(b, &event->start_mark), NULL,
             "a second document begins here, expected one %s in a file", wanted(b) + strlen("a "));
    return -1;
}

/* Returns 1 at the end of the text, -1 where nothing more can be read. */
static int on_event(struct builder *b, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return on_document(b, event);
    case YAML_SCALAR_EVENT:
        return on_scalar(b, event);
    case YAML_ALIAS_EVENT:
        return on_alias(b, event);
    case YAML_SEQUENCE_START_EVENT:
        return on_begin(b, event, NODE_LIST, event->data.sequence_start.tag, event->data.sequence_start.anchor);
    case YAML_MAPPING_START_EVENT:
        return on_begin(b, event, NODE_MAP, event->data.mapping_start.tag, event->data.mapping_start.anchor);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        on_end(b);
        return 0;
    case YAML_STREAM_END_EVENT:
        return 1;
    default:
        return 0;
    }
}

static int read_events(struct builder *b)
{
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&b->parser, &event)) {
            syntax_complain(b->complaints, &b->parser, b->override);
            return -1;
        }
        int result = on_event(b, &event);
        yaml_event_delete(&event);
        if (result != 0) {
            return result;
        }
    }
}

/* Keys that still wait for their value, where reading ended early, belong to no mapping yet. */
static void builder_fini(struct builder *b)
{
    for (size_t i = 0; i < b->depth; i++) {
        node_free(b->levels[i].key);
    }
    for (size_t i = 0; i < b->anchor_count; i++) {
        free(b->anchors[i].name);
    }
    node_free(b->dropped);
    yaml_parser_delete(&b->parser);
    free(b);
}

struct node *tree_read(struct complaints *c, const struct scenario_override *override)
{
    if (!encoding_check(c, override)) {
        return NULL;
    }
    struct builder *b = mem_calloc(1, sizeof *b);
    struct place start = {1, 1, override};
    b->complaints = c;
    b->override = override;
    b->dropped = node_new(NODE_LIST, start);
    if (!yaml_parser_initialize(&b->parser)) {
        abort(); /* out of memory, as in base/mem.h */
    }
    yaml_parser_set_encoding(&b->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b->parser, (const unsigned char *)c->bytes, c->size);
    int result = read_events(b);
    struct node *root = b->root;
    if (result < 0) {
        node_free(root);
        root = NULL;
    } else if (root == NULL && override == NULL) {
        complain(c, start, NULL, "the file is empty, expected %s with at least %s", wanted(b),
                 c->keys ? c->keys : "`name` and `workers`");
    } else if (root == NULL) {
        root = node_new_scalar("", true, start);
    }
    builder_fini(b);
    return root;
}
