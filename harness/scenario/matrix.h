/* SPDX-License-Identifier: Apache-2.0 */
/* A matrix file's bytes in, checked axes and cells out. Pure. docs/guide-matrix.md describes the file. */
#ifndef LOCKTRAIL_SCENARIO_MATRIX_H
#define LOCKTRAIL_SCENARIO_MATRIX_H

#include "scenario/scenario.h"

/* More than a farm runs in a week; a slip (four axes of a hundred) ends here, with the product. */
#define MATRIX_CELLS_MAX 100000
#define MATRIX_AXES_MAX 16
#define MATRIX_VALUES_MAX 1000
#define MATRIX_REPEAT_MAX 1000

/* How the values of an axis are ordered; what conditions can be said of it (trail/explain.h). */
enum axis_order { AXIS_WORDS, AXIS_NUMBERS, AXIS_VERSIONS };

struct matrix_value {
    char *label;                         /* "4.16.0", "false", or the name that the file gives it */
    struct scenario_override *overrides; /* path and value are the matrix's; `shown` names axis and value */
    size_t override_count;
};

struct matrix_axis {
    char *name; /* "ddtrace" */
    enum axis_order order;
    struct matrix_value *values; /* in the order of the file; numbers and versions ascending */
    size_t value_count;
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

/* One combination. */
struct matrix_cell {
    char *id;    /* 12 hex digits of the hash of `key`: its directory; the same in each shard and each run */
    char *key;   /* "ddtrace=4.16.0 inspect_dir=false seed=1": unique */
    int *values; /* for each axis the index of its value; -1: an include that leaves the axis as the scenario has it */
    uint64_t seed;
    unsigned repeat; /* from 1; cells that differ in nothing else belong together */
};

/* Reads, checks, expands. `scenario_bytes` is the text of the scenario file (the caller reads `scenario` first with
 * matrix_read_head). Errors of a value are told once, at its place in the matrix file. */
int matrix_read_scenario_path(const char *path, const char *bytes, size_t size, char **scenario,
                              struct diagnostics *diagnostics);
int matrix_read(const char *path, const char *bytes, size_t size, const char *scenario_bytes, size_t scenario_size,
                struct matrix **out, struct diagnostics *diagnostics);
void matrix_free(struct matrix *m);

/* The overrides of a cell, with its seed: an array for the caller to free (its strings are the matrix's). */
struct scenario_override *matrix_cell_overrides(const struct matrix *m, const struct matrix_cell *cell, size_t *count);

/* `AXIS=GLOB`, as in "ddtrace=4.*": whether a cell is chosen. Of several filters on one axis one has to match, of those
 * on different axes all. ERR_USAGE: no such axis, with the nearest. */
int matrix_filter(const struct matrix *m, const char *const *filters, size_t count, bool *chosen, struct err *e);

/* Versions as PEP 440 orders them ("3.17.3" < "3.19.9" < "4.0.0rc1" < "4.0.0"), numbers, else as texts. */
int axis_compare(enum axis_order order, const char *a, const char *b);

/* The shard of each cell, 1..n: balanced by `durations_ms` (0 unknown: taken as the mean of the known ones), the same
 * for everybody who has the same matrix and durations; stays where it is when others' durations change little. */
void matrix_shard(const struct matrix *m, const bool *chosen, const int64_t *durations_ms, unsigned n,
                  unsigned *shards);

#endif
