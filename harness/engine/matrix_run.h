/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the cells of a matrix side by side: each is a `locktrail run` of its own (own process group, directory, ports),
 * so that nothing of one can touch another, within a budget of processors and memory.
 *
 * Happy path: PREPARING (each virtual environment once, one after the other) → RUNNING (as many cells as fit; the
 * longest first; a cell that is no success at once again, unless it can't be run at all) → ENDING → DONE. Failure
 * modes: an environment can't be made (its cells are errors that say so, the others run); a cell hangs (SIGTERM,
 * SIGKILL after its timeout: an error); Ctrl-C (the cells end and are not recorded: --resume runs them again);
 * locktrail is killed (likewise; the guard ends the cells). */
#ifndef LOCKTRAIL_ENGINE_MATRIX_RUN_H
#define LOCKTRAIL_ENGINE_MATRIX_RUN_H

#include "engine/matrix_record.h"

struct matrix_run_options {
    struct matrix_record *record; /* borrowed; attempts are added. Cells with enough attempts are not run again */
    const bool *mine;             /* which cells: chosen, and of this shard */
    const char *directory;        /* is there, with matrix.yaml, scenario.yaml, matrix.json */
    const char *root, *build;     /* as run_options */
    const char *program;          /* locktrail itself */
    unsigned jobs;                /* cells at once; 0: as the budgets allow */
    double cpus;                  /* 0: the machine's */
    uint64_t memory;              /* 0: what is free */
    bool fail_fast;               /* after the first cell that is no success none is started */
    const int64_t *durations_ms;  /* recorded ones, for the order; 0 unknown */
    void (*on_preparing)(const char *text, void *data); /* a virtual environment is being made: one line; may be NULL */
    void (*on_event)(
        const struct matrix_record *record, size_t cell, const struct matrix_attempt *ended, size_t running,
        size_t left,
        void *data); /* a cell has started (`ended` NULL) or an attempt has ended; `left` wait; may be NULL */
    void *data;
};

/* Whether the cell has all the attempts that it is to have: one if that is a success, else `retries` further ones, or
 * up to one that was refused. */
bool matrix_run_has_enough(const struct matrix *matrix, const struct matrix_cell_record *cell);

/* Blocks; handles SIGINT, SIGTERM, SIGHUP: the first ends the cells that run, a second kills them; afterwards they are
 * ignored, so that the report comes. Errors: ERR_WRITE (a line of cells.jsonl; the cells that run are ended),
 * ERR_MISSING, ERR_INPUT (scenario.yaml). *interrupted: the user has, and not all were run; as long as it is false and
 * there is no error, every cell has enough attempts (but where fail_fast has ended it). */
int matrix_run_execute(const struct matrix_run_options *options, bool *interrupted, struct err *e);

#endif
