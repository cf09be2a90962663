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

/* The cell of this value that was not run yet. */
static size_t find_cell(const struct matrix_record *r, size_t value)
{
    size_t i = 0;
    while (i + 1 < r->matrix->cell_count &&
           (r->matrix->cells[i].values[0] != (int)value || r->cells[i].attempt_count > 0))
        i++;
    return i;
}

static int read_outcome(const struct bisect_options *o, struct bisect_probe *probe, struct err *e)
{
    const struct matrix_attempt *attempt = &o->record->cells[probe->cell].attempts[0];
    struct matrix_lock_result lock;
    probe->outcome = BISECT_UNKNOWN;
    if (attempt->verdict == VERDICT_ERROR) {
        probe->why = mem_strdup(attempt->conclusion);
        return 0;
    }
    char *directory =
        mem_printf("%s/cells/%s/%u", o->directory, o->record->matrix->cells[probe->cell].id, attempt->number);
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

static int try_value(const struct bisect_options *o, size_t value, struct bisect_log *log, struct err *e)
{
    struct bisect_probe probe = {.value = value, .cell = find_cell(o->record, value)};
    bool *mine = mem_calloc(o->record->matrix->cell_count, sizeof *mine);
    mine[probe.cell] = true;
    const struct matrix_run_options run = {.record = o->record,
                                           .mine = mine,
                                           .directory = o->directory,
                                           .root = o->root,
                                           .build = o->build,
                                           .program = o->program,
                                           .jobs = 1,
                                           .on_preparing = o->on_preparing,
                                           .data = o->data};
    bool interrupted;
    int result = matrix_run_execute(&run, &interrupted, e);
    free(mine);
    if (result == 0 && o->record->cells[probe.cell].attempt_count == 0)
        result = err_set(e, ERR_INTERRUPTED, "interrupted before the search was over");
    if (result == 0)
        result = read_outcome(o, &probe, e);
    if (result < 0) {
        free(probe.why);
        return -1;
    }
    log->probes = mem_grow(log->probes, log->count, &log->capacity, sizeof *log->probes);
    log->probes[log->count++] = probe;
    return 0;
}

int bisect_run(const struct bisect_options *options, struct bisect_log *log, struct bisect_result *result,
               struct err *e)
{
    const struct matrix *m = options->record->matrix;
    size_t value;
    log->tries = mem_calloc(m->axes[0].value_count, sizeof *log->tries);
    struct bisect_search search = {.values = log->tries, .count = m->axes[0].value_count, .repeats = m->repeat};
    while (bisect_search_next(&search, &value)) {
        if (try_value(options, value, log, e) < 0)
            return -1;
        bisect_search_add(&search, value, log->probes[log->count - 1].outcome);
        if (options->on_probe)
            options->on_probe(log, options->data);
    }
    *result = bisect_search_result(&search);
    return 0;
}
