/* SPDX-License-Identifier: Apache-2.0 */
/* `--set` on the tree, before anything is checked: what it says is checked as if it stood in the file. */
#ifndef LOCKTRAIL_SCENARIO_OVERRIDE_H
#define LOCKTRAIL_SCENARIO_OVERRIDE_H

#include "scenario/tree.h"

/* Replaces or adds the node at each path, in order: a later override sees an earlier one. Mappings that are missing on
 * the way are made, workers are not (a mistyped name would start a second worker). Elements of a list are counted from
 * 0; the number one past the last appends. Complains of what can't be done and goes on with the next. */
void override_apply(struct complaints *c, struct node *root, const struct scenario_override *overrides, size_t count);

#endif
