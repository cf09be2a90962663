/* SPDX-License-Identifier: Apache-2.0 */
/* A matrix file's bytes in, checked axes and cells out. Pure, any thread. docs/guide-matrix.md describes the file. */
#ifndef LOCKTRAIL_SCENARIO_MATRIX_H
#define LOCKTRAIL_SCENARIO_MATRIX_H

#include "scenario/scenario.h"

/* More than a farm runs in a week; a slip (four axes of a hundred) ends here, with the product. */
#define MATRIX_CELLS_MAX 100000
#define MATRIX_AXES_MAX 16
#define MATRIX_VALUES_MAX 1000
#define MATRIX_REPEAT_MAX 1000
/* Combinations that are read as scenarios when the matrix is checked, 20 us each; of more, as many at equal distances.
 * A cell that is not among them says itself what is wrong with it when it is run. */
#define MATRIX_CHECKED_MAX 10000
/* A value's name stands in keys, tables and file lists. */
#define MATRIX_LABEL_MAX 200
/* Digits of a cell's id: of 100,000 cells two are the same once in 50,000 matrices, which is then refused. */
#define MATRIX_ID_DIGITS 12
#define MATRIX_HASH_SIZE 65

/* How the values of an axis are ordered; what conditions can be said of it (trail/explain.h). */
enum axis_order { AXIS_WORDS, AXIS_NUMBERS, AXIS_VERSIONS };

struct matrix_value {
    char *label;                         /* "4.16.0", "false", or the name that the file gives it; one line */
    struct scenario_override *overrides; /* path and value are the matrix's; `shown` names axis and value */
    size_t override_count;
    unsigned line, column; /* in the matrix file */
    bool included;         /* only under `include`: no part of the product */
};

struct matrix_axis {
    char *name; /* "ddtrace" */
    enum axis_order order;
    struct matrix_value *values; /* in the order of the file; numbers and versions ascending */
    size_t value_count;
    unsigned line, column;
};

/* One combination. */
struct matrix_cell {
    char *id;    /* MATRIX_ID_DIGITS hex digits of the hash of `key`, axes by name: its directory, the same in each
                    shard, each run, and whatever the order of axes and values */
    char *key;   /* "ddtrace=4.16.0 inspect_dir=false seed=1": unique */
    int *values; /* for each axis the index of its value; -1: an include that leaves the axis as the scenario has it */
    uint64_t seed;
    unsigned repeat; /* from 1; cells that differ in nothing else belong together */
};

struct matrix {
    char *path, *name, *description;
    char *scenario; /* path of the scenario file: as given, below the matrix file's directory */
    struct matrix_axis *axes;
    size_t axis_count;
    unsigned repeat; /* each cell so often, with seeds from `seed` on */
    uint64_t seed;
    unsigned retries;          /* a cell that is not a success runs so often again: other outcomes make it flaky */
    double cpus;               /* what one cell needs; 0: 1 */
    uint64_t memory;           /* bytes that one cell needs; 0: not looked at */
    int64_t timeout_ms;        /* of one cell: its duration and half a minute on top by default (0) */
    struct matrix_cell *cells; /* in the order of the axes, the last one fastest, then includes */
    size_t cell_count;
    char *hash; /* SHA-256 (hex) of all that decides what the cells are: matrices with the same hash can be merged */
};

/* SHA-256, as io/hash.h's hash_text, which is above this folder. */
typedef void (*matrix_hash_fn)(const void *bytes, size_t size, char out[MATRIX_HASH_SIZE]);

/* The path of the scenario file as it stands in the matrix file, for the caller to free. -1: diagnostics, as
 * matrix_read would give them. */
int matrix_read_scenario_path(const char *path, const char *bytes, size_t size, char **scenario,
                              struct diagnostics *diagnostics);

/* Reads and expands. `scenario_bytes` is the text of the scenario file. With `check` each value and each combination is
 * read as a scenario too: what is wrong with one is told once, at its place in the matrix file; a matrix that is read
 * back was checked when it was recorded. Returns 0, or -1 with at least one diagnostic. */
int matrix_read(const char *path, const char *bytes, size_t size, const char *scenario_bytes, size_t scenario_size,
                matrix_hash_fn hash, bool check, struct matrix **out, struct diagnostics *diagnostics);
void matrix_free(struct matrix *m);

/* The index of the axis with this name, or -1. */
int matrix_find_axis(const struct matrix *m, const char *name);

/* The keys of a matrix file as text for `locktrail help matrix-file`. */
void matrix_describe_keys(struct buf *out);

/* The overrides of a cell but its seed, which goes with --seed: an array for the caller to free (its strings are the
 * matrix's). */
struct scenario_override *matrix_cell_overrides(const struct matrix *m, const struct matrix_cell *cell, size_t *count);

/* `AXIS=GLOB`, as in "ddtrace=4.*", "seed=1", "id=3f*": whether a cell is chosen. Of several filters on one axis one
 * has to match, of those on different axes all. ERR_USAGE: no such axis (with the nearest), nothing that matches. */
int matrix_filter(const struct matrix *m, const char *const *filters, size_t count, bool *chosen, struct err *e);

/* Versions as PEP 440 orders them ("3.17.3" < "3.19.9" < "4.0.0rc1" < "4.0.0"), numbers, else as texts. */
int axis_compare(enum axis_order order, const char *a, const char *b);

/* Whether a version is a final release: no a, b, rc, dev of PEP 440. False where it is no version. */
bool version_is_final(const char *text);

/* Most shards: Slurm's default MaxArraySize is 1001, GitHub runs 256 jobs of one matrix. */
#define MATRIX_SHARDS_MAX 10000
/* The shard of each cell, 1..n (0: not chosen): balanced by `durations_ms` (0 unknown: taken as the mean of the known
 * ones), the same for everybody who has the same matrix and durations; stays where it is when others' durations change
 * little. */
void matrix_shard(const struct matrix *m, const bool *chosen, const int64_t *durations_ms, unsigned n,
                  unsigned *shards);

#endif
