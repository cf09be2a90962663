/* SPDX-License-Identifier: Apache-2.0 */
/* `--set` on the tree, before anything is checked: what it says is checked as if it stood in the file. */
#ifndef LOCKTRAIL_SCENARIO_OVERRIDE_H
#define LOCKTRAIL_SCENARIO_OVERRIDE_H

#include "scenario/tree.h"

/* Replaces or adds the node at each path, in order: a later override sees an earlier one. Mappings that are missing on
 * the way are made, workers are not (a mistyped name would start a second worker). Elements of a list are counted from
 * 0; the number one past the last appends. Complains of what can't be done and goes on with the next. */
void override_apply(struct complaints *c, struct node *root, const struct scenario_override *overrides, size_t count);

/* The two halves of it for one override: its value as a tree (NULL after a complaint), and that value put into its
 * place, which takes it. `root` is a mapping. */
struct node *override_value(struct complaints *c, const struct scenario_override *o);
void override_place(struct complaints *c, struct node *root, const struct scenario_override *o, struct node *n);

#endif
