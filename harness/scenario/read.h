/* SPDX-License-Identifier: Apache-2.0 */
/* The tree into a struct, row by row of the key tables. */
#ifndef LOCKTRAIL_SCENARIO_READ_H
#define LOCKTRAIL_SCENARIO_READ_H

#include "scenario/keys.h"
#include "scenario/tree.h"

/* Fills the struct at `base` (zeroed) from a mapping: first the default of each row, then what the mapping has.
 * Complains of keys that are unknown, missing, without a meaning here, or of a wrong value, and marks those nodes and
 * what they stand in as bad. A bare text that stands for a mapping becomes one in the tree. `base` must be
 * freed (read_fini) in any case. */
void read_table(struct complaints *c, const struct key_table *table, struct node *map, void *base);
/* The same for a mapping at `step`. */
void read_table_at(struct complaints *c, const struct key_table *table, struct node *map, void *base,
                   const struct step *step);

/* A whole scenario from its tree, a mapping; complained of or not, for scenario_free. */
struct scenario *scenario_read_tree(struct complaints *c, const char *path, struct node *root);

/* Frees what the rows of a table hold in the struct at `base`, not the struct. */
void read_fini(const struct key_table *table, void *base);

#endif
