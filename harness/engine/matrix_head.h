/* SPDX-License-Identifier: Apache-2.0 */
/* matrix.json: which part of which matrix lies in a directory. */
#ifndef LOCKTRAIL_ENGINE_MATRIX_HEAD_H
#define LOCKTRAIL_ENGINE_MATRIX_HEAD_H

#include "engine/matrix_record.h"

struct matrix_head {
    char *path; /* of the matrix file, as it was given */
    char *hash, *plan;
    char **only;
    size_t only_count;
    unsigned shard, shards;
    bool interrupted;
    unsigned *missing;
    size_t missing_count;
    bool all;    /* each chosen cell is there; else: */
    char **mine; /* ids */
    size_t mine_count;
};

/* Of DIRECTORY. ERR_INPUT, ERR_MISSING. */
int matrix_head_read(const char *directory, struct matrix_head *out, struct err *e);
void matrix_head_fini(struct matrix_head *h);
void matrix_head_print(const struct matrix_record *r, struct buf *out);

/* Cells by id. */
struct matrix_ids {
    const struct matrix *matrix;
    size_t *sorted; /* indexes of cells */
};
void matrix_ids_init(struct matrix_ids *ids, const struct matrix *m);
/* The cell's index, or -1. */
int64_t matrix_ids_find(const struct matrix_ids *ids, const char *id);
void matrix_ids_fini(struct matrix_ids *ids);

/* The parts of reading: the matrix of a directory as a record without attempts, then the attempts of each directory.
 * `add` gets each line's cell and attempt, which it takes, and may refuse. */
int matrix_record_open(const char *directory, const struct matrix_head *h, struct matrix_record **out, struct err *e);
typedef int (*matrix_add_fn)(size_t cell, struct matrix_attempt *attempt, void *data, struct err *e);
/* *whole: bytes of whole lines (NULL: not asked for). */
int matrix_record_read_cells(const char *directory, const struct matrix_ids *ids, matrix_add_fn add, void *data,
                             size_t *whole, struct err *e);
/* Puts an attempt behind the others of its cell. */
void matrix_record_add(struct matrix_record *r, size_t cell, struct matrix_attempt *attempt);
/* DIRECTORY/cells.jsonl anew, in the order of the cells. ERR_WRITE. */
int matrix_record_write_cells(const struct matrix_record *r, const char *directory, struct err *e);
/* The cells of the head are marked as `mine`. ERR_INPUT. */
int matrix_record_mark(struct matrix_record *r, const struct matrix_ids *ids, const struct matrix_head *h,
                       struct err *e);

#endif
