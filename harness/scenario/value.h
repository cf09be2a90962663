/* SPDX-License-Identifier: Apache-2.0 */
/* One scalar of the tree into one member of a struct, as its row of the key table says. */
#ifndef LOCKTRAIL_SCENARIO_VALUE_H
#define LOCKTRAIL_SCENARIO_VALUE_H

#include "scenario/keys.h"
#include "scenario/tree.h"

/* Reads a row of a scalar type (KEY_TEXT to KEY_SITE). False, the member untouched and the message in *why ("`four`
 * found, expected a whole number from 2 to 1024") where the node is not what the row wants. A text that was there is
 * freed. */
bool value_read(const struct key *key, const struct node *node, void *base, struct buf *why);

/* A text as the row wants it, without storing it: for the elements of KEY_TEXTS. */
bool value_check_text(const struct key *key, const struct node *node, size_t max, struct buf *why);

/* The member at an offset of the struct. */
static inline void *value_at(const void *base, size_t offset)
{
    return (char *)base + offset;
}

/* "`pared` found, expected `paired` or `tee`": what stands there and what should. */
void value_found(struct buf *why, const struct key *key, const struct node *node);

/* The number of a word, or -1 after a message with the nearest one. */
int value_find_word(const struct key *key, const struct node *node, struct buf *why);

#endif
