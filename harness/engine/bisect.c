/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/bisect.h"

#include "base/mem.h"
#include "engine/matrix_result.h"
#include "engine/matrix_run.h"

#include <stdlib.h>

void bisect_log_fini(struct bisect_log *log)
{
    for (size_t i = 0; i < log->count; i++)
        free(log->probes[i].why);
    free(log->probes);
    free(log->tries);
    *log = (struct bisect_log){0};
}

static int read_outcome(const struct bisect_options *o, const struct matrix_attempt *attempt,
                        struct bisect_probe *probe, struct err *e)
{
    struct matrix_lock_result lock;
    probe->outcome = BISECT_UNKNOWN;
    if (attempt->verdict == VERDICT_ERROR) {
        probe->why = mem_strdup(attempt->conclusion);
        return 0;
    }
    char *directory =
        mem_printf("%s/cells/%s/%u", o->directory, o->line->matrix->cells[probe->cell].id, attempt->number);
    int result = matrix_result_read_lock(directory, o->lock, &lock, e);
    free(directory);
    if (result < 0)
        return -1;
    if (lock.fate == LOCK_UNDECLARED)
        result = err_set(e, ERR_INPUT, "%s", lock.why);
    probe->outcome = lock.fate == LOCK_LOST ? BISECT_LOST : lock.fate == LOCK_NAMED ? BISECT_NAMED : BISECT_UNKNOWN;
    probe->stage = lock.stage;
    probe->mechanism = lock.mechanism;
    probe->why = mem_strdup_null(lock.why);
    matrix_lock_result_fini(&lock);
    return result;
}

/* Runs one cell of the record. */
static int run_cell(const struct bisect_options *o, struct matrix_record *record, size_t cell, struct err *e)
{
    bool interrupted, *mine = mem_calloc(o->line->matrix->cell_count, sizeof *mine);
    mine[cell] = true;
    const struct matrix_run_options run = {.record = record,
                                           .mine = mine,
                                           .directory = o->directory,
                                           .root = o->root,
                                           .build = o->build,
                                           .program = o->program,
                                           .jobs = 1,
                                           .on_preparing = o->on_preparing,
                                           .data = o->data};
    int result = matrix_run_execute(&run, &interrupted, e);
    free(mine);
    if (result == 0 && record->cells[cell].attempt_count == 0)
        return err_set(e, ERR_INTERRUPTED, "interrupted before the search was over");
    return result;
}

static int try_value(const struct bisect_options *o, struct matrix_record *record, size_t value, struct bisect_log *log,
                     struct err *e)
{
    const struct bisect_tries *before = &log->tries[value];
    struct bisect_probe probe = {.value = value};
    probe.cell = value * o->line->repeat + before->named + before->lost + before->unknown;
    if (run_cell(o, record, probe.cell, e) < 0)
        return -1;
    if (read_outcome(o, &record->cells[probe.cell].attempts[0], &probe, e) < 0) {
        free(probe.why);
        return -1;
    }
    log->probes = mem_grow(log->probes, log->count, &log->capacity, sizeof *log->probes);
    log->probes[log->count++] = probe;
    return 0;
}

static int search_line(const struct bisect_options *o, struct matrix_record *record, struct bisect_search *search,
                       struct bisect_log *log, struct err *e)
{
    size_t value;
    while (bisect_search_next(search, &value)) {
        if (try_value(o, record, value, log, e) < 0)
            return -1;
        bisect_search_add(search, value, log->probes[log->count - 1].outcome);
        if (o->on_probe)
            o->on_probe(log, o->data);
    }
    return 0;
}

int bisect_run(const struct bisect_options *options, struct bisect_log *log, struct bisect_result *result,
               struct err *e)
{
    const struct bisect_line *line = options->line;
    struct matrix_record record = {.matrix = line->matrix, .shard = 1, .shards = 1};
    record.cells = mem_calloc(line->matrix->cell_count, sizeof *record.cells);
    log->tries = mem_calloc(line->count, sizeof *log->tries);
    struct bisect_search search = {.values = log->tries, .count = line->count, .repeats = line->repeat};
    int done = search_line(options, &record, &search, log, e);
    if (done == 0)
        *result = bisect_search_result(&search);
    for (size_t i = 0; i < line->matrix->cell_count; i++) {
        for (size_t a = 0; a < record.cells[i].attempt_count; a++)
            matrix_attempt_fini(&record.cells[i].attempts[a]);
        free(record.cells[i].attempts);
    }
    free(record.cells);
    return done;
}
