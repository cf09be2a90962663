/* SPDX-License-Identifier: Apache-2.0 */
/* What a matrix leaves: DIRECTORY/matrix.yaml and scenario.yaml (as given), matrix.json (hash, shard, which cells),
 * cells.jsonl (a line for each attempt that has ended, appended and synced), cells/ID/N/ (run directories of the
 * attempts), durations.json, and the reports made from the record alone. */
#ifndef LOCKTRAIL_ENGINE_MATRIX_RECORD_H
#define LOCKTRAIL_ENGINE_MATRIX_RECORD_H

#include "base/err.h"
#include "scenario/matrix.h"
#include "trail/words.h"

#define MATRIX_SCHEMA "locktrail/matrix/1"
/* Losses of one attempt that are recorded: the locks of a scenario, for each process. The rest is counted. */
#define MATRIX_LOSSES_MAX 1000
/* Three years, for an attempt and for a cell: a hundred attempts with the longest timeout, a week, are two. Sums over
 * what a cells.jsonl can hold fit in 63 bits. */
#define MATRIX_DURATION_MAX_MS ((int64_t)100000000000)

struct matrix_loss {
    char *worker, *lock; /* id */
    enum stage stage;
    enum mechanism mechanism;
};

/* One run of a cell. */
struct matrix_attempt {
    unsigned number; /* from 1 */
    enum verdict verdict;
    int exit_code; /* of `locktrail run`; -1: killed (timeout) */
    int64_t duration_ms;
    char *conclusion;           /* of its report; or why it has none */
    struct matrix_loss *losses; /* ordered by worker, lock, stage, mechanism */
    size_t loss_count;
    uint64_t losses_dropped;
};

struct matrix_cell_record {
    size_t cell;                     /* index in matrix->cells */
    struct matrix_attempt *attempts; /* ordered by number */
    size_t attempt_count, attempt_capacity;
};

struct matrix_record {
    struct matrix *matrix;            /* owned */
    struct matrix_cell_record *cells; /* all of the matrix, in its order; those of other shards without attempts */
    bool *chosen;                     /* by --only: the others are no part of it */
    bool *mine;                       /* chosen, and of this shard (of a merge: of a shard that is there) */
    char **only;                      /* the filters of --only */
    size_t only_count;
    char *plan;             /* SHA-256 (hex) of the shard of each cell; "": unsharded. Shards of other plans overlap */
    unsigned shard, shards; /* 1, 1: all; 0, n: a merge that lacks some of n */
    bool interrupted;       /* or killed: not ended by itself */
    unsigned *missing;      /* shards that a merge lacks */
    size_t missing_count;
};

/* Reads a directory back: what a kill has left (a torn last line) is left out. Fast: 100 shards of 100 cells in a
 * second. ERR_INPUT, ERR_MISSING. Blocking. */
int matrix_record_load(const char *directory, struct matrix_record **out, struct err *e);
/* Several shards of one matrix as one record. Refuses other hashes, other numbers of shards, a shard that is there
 * twice with other results: ERR_INPUT, which names the directories. Missing shards stand in `missing`. */
int matrix_record_merge(const char *const *directories, size_t count, struct matrix_record **out, struct err *e);
/* A new record of this matrix, which it takes, without attempts: `only` (copied) chooses, `shards` of the sharding by
 * `durations_ms` (NULL: unknown). ERR_USAGE: the filters are wrong or leave no cell (a shard may be left without); the
 * matrix is freed then too. */
int matrix_record_new(struct matrix *matrix, const char *const *only, size_t only_count, unsigned shard,
                      unsigned shards, const int64_t *durations_ms, struct matrix_record **out, struct err *e);
/* DIRECTORY/matrix.json. Blocking. ERR_WRITE. */
int matrix_record_write_head(const struct matrix_record *r, const char *directory, struct err *e);
/* matrix_record_load for one that is to go on: a torn last line is cut off the file, so that the next begins a line,
 * and a last attempt that was refused is taken out of file and record, so that it is made anew. */
int matrix_record_resume(const char *directory, struct matrix_record **out, struct err *e);

/* What each cell took, all attempts together, by id: DIRECTORY/durations.json. Cells without attempts keep what
 * `known_ms` (NULL: nothing) says. Blocking. */
int matrix_durations_write(const struct matrix_record *r, const int64_t *known_ms, const char *directory,
                           struct err *e);
/* For each cell of the matrix (0: not there); `path` is such a file or a directory with one. ERR_INPUT. */
int matrix_durations_read(const char *path, const struct matrix *m, int64_t *durations_ms, struct err *e);

/* Makes a merge's directory, which reads back as this record: matrix.yaml and scenario.yaml of `from` (one that was
 * merged), matrix.json, cells.jsonl in the order of the cells. ERR_WRITE, ERR_INPUT. Blocking. */
int matrix_record_write(const struct matrix_record *r, const char *from, const char *directory, struct err *e);
void matrix_record_free(struct matrix_record *r);

/* A cell is flaky when its attempts have different verdicts or losses. Its verdict is the worst. Not run: VERDICT_ERROR
 * with no attempt; ask attempt_count. */
enum verdict matrix_cell_verdict(const struct matrix_cell_record *cell);
bool matrix_cell_flaky(const struct matrix_cell_record *cell);
int64_t matrix_cell_duration_ms(const struct matrix_cell_record *cell); /* of all attempts together */
/* error, critical, failure, partial, inconclusive, success: the worse first. */
int verdict_compare(enum verdict a, enum verdict b);

/* One line of cells.jsonl, without its end; and back: *id is for the caller to free. ERR_INPUT. */
void matrix_attempt_write(const struct matrix_cell *cell, const struct matrix_attempt *attempt, struct buf *out);
int matrix_attempt_read(const char *line, size_t size, char **id, struct matrix_attempt *out, struct err *e);
void matrix_attempt_fini(struct matrix_attempt *attempt);
/* The cell could not be run at all: something it needs is not there, or its scenario is wrong. That says nothing of its
 * locks, and another attempt would say the same until somebody has mended it. */
bool matrix_attempt_refused(const struct matrix_attempt *attempt);
bool matrix_attempt_same(const struct matrix_attempt *a, const struct matrix_attempt *b); /* verdict and losses */

#endif
