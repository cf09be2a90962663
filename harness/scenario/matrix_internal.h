/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parts that read a matrix file: form → axes → cells → checks. */
#ifndef LOCKTRAIL_SCENARIO_MATRIX_INTERNAL_H
#define LOCKTRAIL_SCENARIO_MATRIX_INTERNAL_H

#include "scenario/matrix.h"
#include "scenario/tree.h"

/* Elements of `include` and of `exclude`: each is held against all values and cells. */
#define MATRIX_ENTRIES_MAX 1000

/* One file being read. */
struct matrix_reading {
    struct complaints complaints; /* of the matrix file */
    struct matrix *m;
    struct node *root; /* a mapping */
    const struct scenario *base;
    const char *scenario_bytes;
    size_t scenario_size;
    matrix_hash_fn hash;
};

/* Reads `axes`, and values that only `include` has. Axes with values of which a complaint was given are incomplete. */
void matrix_read_axes(struct matrix_reading *r);

/* Whether an axis of this name has paths by itself: a key of the scenario, of its workers, or a short name. The paths
 * for the caller to free; `wrap`: a value stands in a list there. -1: none, *nearest is a word that is near (NULL:
 * none). -2 after a complaint at `node`. */
int matrix_axis_paths(struct matrix_reading *r, const struct node *node, char ***paths, size_t *count, bool *wrap,
                      const char **nearest);

/* Expands the axes into cells; `exclude` and `include` are read. */
void matrix_read_cells(struct matrix_reading *r);

/* A value's label from its node; false where it has none (a mapping, several lines, too long). */
bool matrix_label(const struct node *n, struct buf *out);
/* The node as YAML of one line. */
void matrix_print_node(struct buf *out, const struct node *n);

/* Reads each value and each combination as a scenario. */
void matrix_check(struct matrix_reading *r);

/* The order that fits all labels of an axis. */
enum axis_order axis_order_find(const struct matrix_axis *axis, bool of_versions);
void matrix_free_axis(struct matrix_axis *axis);
int matrix_find_value(const struct matrix_axis *axis, const char *label);

#endif
