/* SPDX-License-Identifier: Apache-2.0 */
/* Looks along one axis for the first value at which a lock loses, or gains, its name: which value is next says
 * bisect_search.h, each try is a cell of a matrix, and what came of it says its report. */
#ifndef LOCKTRAIL_ENGINE_BISECT_H
#define LOCKTRAIL_ENGINE_BISECT_H

#include "engine/bisect_search.h"
#include "engine/matrix_record.h"

/* The values that are searched, and the cells in which each can be tried; the other axes have the one value that was
 * asked for, or stay as the scenario has them. */
struct bisect_line {
    struct matrix *matrix; /* owned; its cells are the tries: `repeat` of them for each value, value by value */
    size_t axis;
    size_t *values; /* of the axis, in its order */
    size_t count;
    int *fixed; /* for each axis the value that it has in all cells; -1: as the scenario has it */
    unsigned repeat;
};

/* What a search is asked for; all of it is borrowed. */
struct bisect_choice {
    const char *axis;
    const char *const *labels; /* only these values of it (none: all) */
    size_t label_count;
    const char *const *only; /* AXIS=GLOB of other axes, each of which has to match one value */
    size_t only_count;
    unsigned repeat;
};

/* Takes the matrix, also where it fails, and gives it the cells of this search. ERR_USAGE: no such axis or value (with
 * the nearest), fewer than two values, more tries than a matrix has cells. */
int bisect_line_init(struct bisect_line *line, struct matrix *matrix, const struct bisect_choice *choice,
                     struct err *e);
void bisect_line_fini(struct bisect_line *line);
const char *bisect_line_label(const struct bisect_line *line, size_t value);

/* One try of one value. */
struct bisect_probe {
    size_t value; /* of the line */
    size_t cell;  /* of the matrix: another seed at each try */
    enum bisect_outcome outcome;
    enum stage stage; /* BISECT_LOST */
    enum mechanism mechanism;
    char *why; /* BISECT_UNKNOWN; else NULL */
};

/* All that was tried, in its order. */
struct bisect_log {
    struct bisect_probe *probes;
    size_t count, capacity;
    struct bisect_tries *tries; /* for each value of the line */
};
void bisect_log_fini(struct bisect_log *log);

struct bisect_options {
    const struct bisect_line *line;                     /* borrowed */
    const char *lock;                                   /* its name, or its id */
    const char *directory;                              /* is there, with scenario.yaml; tries go to cells/ in it */
    const char *root, *build, *program;                 /* as matrix_run_options */
    void (*on_preparing)(const char *text, void *data); /* may be NULL */
    void (*on_probe)(const struct bisect_log *log, void *data); /* the last one of it is new; may be NULL */
    void *data;
};

/* Blocks; handles signals as matrix_run_execute. Errors: its; ERR_INPUT (no worker declares the lock); ERR_INTERRUPTED.
 * *log has what was tried before, and is the caller's in any case: `{0}` before. */
int bisect_run(const struct bisect_options *options, struct bisect_log *log, struct bisect_result *result,
               struct err *e);

#endif
