/* SPDX-License-Identifier: Apache-2.0 */
/* What is seen of a matrix while it runs: a line for each attempt that ends; on a terminal below them one that says how
 * far it is. Turns events into bytes; writes nothing itself. */
#ifndef LOCKTRAIL_COMMANDS_MATRIX_PROGRESS_H
#define LOCKTRAIL_COMMANDS_MATRIX_PROGRESS_H

#include "engine/matrix_record.h"

struct matrix_progress {
    bool terminal;
    size_t columns; /* of the terminal */
    size_t total;   /* cells of this shard */

    /* its own */
    size_t done, bad; /* cells that have all their attempts; those that are no success */
    size_t running, left;
    bool drawn; /* the last line stands there */
};

/* Counts what a record that goes on has already. */
void matrix_progress_begin(struct matrix_progress *p, const struct matrix_record *r);
/* A cell has started (`ended` NULL) or an attempt has ended. */
void matrix_progress_event(struct matrix_progress *p, const struct matrix_record *r, size_t cell,
                           const struct matrix_attempt *ended, size_t running, size_t left, struct buf *out);
/* A line of its own: a virtual environment is made. */
void matrix_progress_note(struct matrix_progress *p, const char *text, struct buf *out);
/* Takes the last line away. */
void matrix_progress_end(struct matrix_progress *p, struct buf *out);

#endif
