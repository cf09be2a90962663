/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/matrix_run.h"

#include "base/log.h"
#include "base/mem.h"
#include "engine/host.h"
#include "engine/matrix_budget.h"
#include "engine/matrix_child.h"
#include "engine/matrix_envs.h"
#include "engine/matrix_plan.h"
#include "engine/matrix_result.h"
#include "engine/stop_signals.h"
#include "io/child.h"
#include "io/disk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum state { MATRIX_IS_PREPARING, MATRIX_IS_RUNNING, MATRIX_IS_ENDING, MATRIX_IS_DONE };
#define STATE_COUNT (MATRIX_IS_DONE + 1)
static const char *const state_names[STATE_COUNT] = {"preparing", "running", "ending", "done"};

/* Allowed moves: a bit for each next state. */
static const unsigned allowed_moves[STATE_COUNT] = {
    [MATRIX_IS_PREPARING] = 1u << MATRIX_IS_RUNNING,
    [MATRIX_IS_RUNNING] = 1u << MATRIX_IS_ENDING,
    [MATRIX_IS_ENDING] = 1u << MATRIX_IS_DONE,
};

struct matrix_run {
    const struct matrix_run_options *options;
    struct matrix_plan plan;
    uv_loop_t loop;
    enum state state;
    struct stop_signals signals;
    unsigned interrupts;
    struct disk *disk;
    struct matrix_envs *envs;
    char *guard, *cells_path;

    size_t *queue; /* cells that have not begun here, the longest first */
    size_t queued, next;
    struct slot {
        struct matrix_run *run;
        struct matrix_child *child; /* NULL: nothing runs in it */
        size_t cell;
    } * slots;
    size_t slot_count, running;
    bool stopped; /* nothing is started any more */
    bool failed;  /* `error` says why */
    struct err error;
};

static void start_cells(struct matrix_run *run);

static void move(struct matrix_run *run, enum state next)
{
    assert(allowed_moves[run->state] & 1u << next);
    log_line(LOG_DEBUG, "matrix", "%s -> %s", state_names[run->state], state_names[next]);
    run->state = next;
}

static void stop(struct matrix_run *run, bool now)
{
    run->stopped = true;
    if (run->state == MATRIX_IS_PREPARING)
        matrix_envs_stop(run->envs, now);
    for (size_t i = 0; i < run->slot_count; i++)
        if (run->slots[i].child)
            matrix_child_stop(run->slots[i].child, now);
}

static void fail(struct matrix_run *run, const struct err *e)
{
    if (run->failed)
        return;
    run->failed = true;
    run->error = *e;
    stop(run, false);
}

/* --- the end ---------------------------------------------------------------------------------------------------- */

static void on_disk_closed(void *data)
{
    struct matrix_run *run = data;
    stop_signals_end(&run->signals);
    move(run, MATRIX_IS_DONE);
}

static void on_flushed(int status, const struct err *e, void *data)
{
    struct matrix_run *run = data;
    if (status < 0)
        fail(run, e);
    disk_close(run->disk, on_disk_closed, run);
}

static void end_if_over(struct matrix_run *run)
{
    if (run->state != MATRIX_IS_RUNNING || run->running > 0 || (!run->stopped && run->next < run->queued))
        return;
    move(run, MATRIX_IS_ENDING);
    disk_flush(run->disk, on_flushed, run);
}

/* --- attempts --------------------------------------------------------------------------------------------------- */

bool matrix_run_has_enough(const struct matrix *matrix, const struct matrix_cell_record *cell)
{
    return cell->attempt_count > 0 &&
           (cell->attempts[0].verdict == VERDICT_SUCCESS || cell->attempt_count > matrix->retries ||
            matrix_attempt_refused(&cell->attempts[cell->attempt_count - 1]));
}

static void notify(struct matrix_run *run, size_t cell, const struct matrix_attempt *ended)
{
    const struct matrix_run_options *o = run->options;
    if (o->on_event)
        o->on_event(o->record, cell, ended, run->running, run->queued - run->next, o->data);
}

static void on_appended(int status, const struct err *e, void *data)
{
    if (status < 0)
        fail(data, e);
}

/* Takes *attempt. */
static void record(struct matrix_run *run, size_t cell, struct matrix_attempt *attempt)
{
    struct matrix_cell_record *r = &run->options->record->cells[cell];
    struct buf line = {0};
    attempt->number = (unsigned)r->attempt_count + 1;
    r->attempts = mem_grow(r->attempts, r->attempt_count, &r->attempt_capacity, sizeof *r->attempts);
    r->attempts[r->attempt_count++] = *attempt;
    *attempt = (struct matrix_attempt){0};
    const struct matrix_attempt *kept = &r->attempts[r->attempt_count - 1];
    matrix_attempt_write(&run->options->record->matrix->cells[cell], kept, &line);
    buf_add_char(&line, '\n');
    disk_append(run->disk, run->cells_path, line.data, line.size, true, on_appended, run);
    buf_fini(&line);
    if (kept->verdict != VERDICT_SUCCESS && run->options->fail_fast)
        run->stopped = true;
    notify(run, cell, kept);
}

static void record_error(struct matrix_run *run, size_t cell, const struct err *e)
{
    struct matrix_attempt attempt = {
        .verdict = VERDICT_ERROR, .exit_code = (int)e->code, .conclusion = mem_strdup(e->text)};
    record(run, cell, &attempt);
}

/* --- cells ------------------------------------------------------------------------------------------------------ */

static void start_child(struct matrix_run *run, struct slot *slot, size_t cell);

static void on_child(struct matrix_child *child, struct matrix_attempt *attempt, bool interrupted, void *data)
{
    struct slot *slot = data;
    struct matrix_run *run = slot->run;
    size_t cell = slot->cell;
    (void)child;
    slot->child = NULL;
    run->running--;
    if (!interrupted)
        record(run, cell, attempt);
    const struct matrix_record *r = run->options->record;
    if (!run->stopped && !matrix_run_has_enough(r->matrix, &r->cells[cell]))
        start_child(run, slot, cell);
    start_cells(run);
}

/* What a cell can't be run with is known before: no child is started for that. */
static int check_cell(const struct matrix_run *run, size_t cell, int64_t *timeout_ms, struct err *e)
{
    struct scenario *s;
    if (matrix_plan_scenario(&run->plan, &run->options->record->matrix->cells[cell], &s, e) < 0)
        return -1;
    const struct err *failure = matrix_envs_failure(run->envs, s);
    if (failure)
        *e = *failure;
    else
        *timeout_ms = matrix_plan_timeout_ms(&run->plan, s);
    scenario_free(s);
    return failure ? -1 : 0;
}

static void start_child(struct matrix_run *run, struct slot *slot, size_t cell)
{
    const struct matrix_run_options *o = run->options;
    const struct matrix_cell *c = &o->record->matrix->cells[cell];
    struct err e;
    int64_t timeout_ms;
    if (check_cell(run, cell, &timeout_ms, &e) < 0) {
        record_error(run, cell, &e);
        return;
    }
    char *directory = mem_printf("%s/cells/%s/%zu", o->directory, c->id, o->record->cells[cell].attempt_count + 1);
    char **args = matrix_plan_args(&run->plan, c, o->program, directory);
    const struct matrix_child_options options = {.loop = &run->loop,
                                                 .guard = run->guard,
                                                 .args = (const char *const *)args,
                                                 .directory = directory,
                                                 .timeout_ms = timeout_ms,
                                                 .done = on_child,
                                                 .data = slot};
    slot->cell = cell;
    slot->child = matrix_child_start(&options, &e);
    matrix_plan_free_args(args);
    free(directory);
    if (!slot->child) {
        record_error(run, cell, &e);
        return;
    }
    run->running++;
    notify(run, cell, NULL);
}

static struct slot *free_slot(struct matrix_run *run)
{
    for (size_t i = 0; i < run->slot_count; i++)
        if (!run->slots[i].child)
            return &run->slots[i];
    return NULL;
}

static void start_cells(struct matrix_run *run)
{
    struct slot *slot;
    while (!run->stopped && run->next < run->queued && (slot = free_slot(run)))
        start_child(run, slot, run->queue[run->next++]);
    end_if_over(run);
}

static void on_preparing(const char *text, void *data)
{
    const struct matrix_run_options *o = ((struct matrix_run *)data)->options;
    if (o->on_preparing)
        o->on_preparing(text, o->data);
}

static void on_prepared(void *data)
{
    struct matrix_run *run = data;
    move(run, MATRIX_IS_RUNNING);
    start_cells(run);
}

/* --- signals ---------------------------------------------------------------------------------------------------- */

static void on_signal(int number, void *data)
{
    struct matrix_run *run = data;
    (void)number;
    if (run->state < MATRIX_IS_ENDING)
        stop(run, ++run->interrupts > 1);
    if (run->state == MATRIX_IS_RUNNING)
        end_if_over(run);
}

/* --- the beginning ---------------------------------------------------------------------------------------------- */

struct queued_cell {
    size_t cell;
    int64_t duration_ms;
};

/* The longest first: what is left at the end is short, and all processors have work to the end. */
static int compare_queued(const void *a, const void *b)
{
    const struct queued_cell *x = a, *y = b;
    if (x->duration_ms != y->duration_ms)
        return x->duration_ms > y->duration_ms ? -1 : 1;
    return x->cell < y->cell ? -1 : x->cell > y->cell;
}

/* A cell of which nothing is known takes as long as the others do. */
static int64_t mean_duration(const struct matrix_run_options *o)
{
    double sum = 0, count = 0;
    for (size_t i = 0; o->durations_ms && i < o->record->matrix->cell_count; i++) {
        if (o->durations_ms[i] > 0) {
            sum += (double)o->durations_ms[i];
            count++;
        }
    }
    return count > 0 ? (int64_t)(sum / count) : 0;
}

static void make_queue(struct matrix_run *run)
{
    const struct matrix_run_options *o = run->options;
    size_t count = o->record->matrix->cell_count;
    int64_t mean = mean_duration(o);
    struct queued_cell *cells = mem_calloc(count, sizeof *cells);
    for (size_t i = 0; i < count; i++)
        if (o->mine[i] && !matrix_run_has_enough(o->record->matrix, &o->record->cells[i]))
            cells[run->queued++] = (struct queued_cell){
                .cell = i, .duration_ms = o->durations_ms && o->durations_ms[i] > 0 ? o->durations_ms[i] : mean};
    if (run->queued > 1)
        qsort(cells, run->queued, sizeof *cells, compare_queued);
    run->queue = mem_calloc(run->queued, sizeof *run->queue);
    for (size_t i = 0; i < run->queued; i++)
        run->queue[i] = cells[i].cell;
    free(cells);
}

/* The scenarios that can't be read are told of when their cell's turn comes. */
static void collect_environments(struct matrix_run *run)
{
    struct scenario *s;
    struct err e;
    for (size_t i = 0; i < run->queued; i++)
        if (matrix_plan_scenario(&run->plan, &run->options->record->matrix->cells[run->queue[i]], &s, &e) == 0)
            matrix_envs_add(run->envs, s);
}

static unsigned count_at_once(const struct matrix_run *run)
{
    const struct matrix_run_options *o = run->options;
    const struct matrix *m = o->record->matrix;
    struct matrix_budget budget = {.jobs = o->jobs,
                                   .cpus = o->cpus > 0 ? o->cpus : matrix_budget_cpus(""),
                                   .cell_cpus = m->cpus > 0 ? m->cpus : 1,
                                   .memory = o->memory > 0 ? o->memory : matrix_budget_memory(""),
                                   .cell_memory = m->memory};
    unsigned at_once = matrix_budget_at_once(&budget);
    return at_once < run->queued ? at_once : (unsigned)run->queued;
}

static bool is_incomplete(const struct matrix_run *run)
{
    const struct matrix_record *r = run->options->record;
    for (size_t i = 0; i < run->queued; i++)
        if (!matrix_run_has_enough(r->matrix, &r->cells[run->queue[i]]))
            return true;
    return false;
}

static void open_run(struct matrix_run *run)
{
    const struct matrix_run_options *o = run->options;
    run->guard = mem_printf("%s/locktrail-guard", o->build);
    run->cells_path = mem_printf("%s/cells.jsonl", o->directory);
    run->disk = disk_new(&run->loop);
    run->slots = mem_calloc(run->slot_count, sizeof *run->slots);
    for (size_t i = 0; i < run->slot_count; i++)
        run->slots[i].run = run;
    stop_signals_start(&run->signals, &run->loop, on_signal, run);
    const struct matrix_envs_options envs = {.loop = &run->loop,
                                             .directory = o->directory,
                                             .root = o->root,
                                             .build = o->build,
                                             .on_preparing = on_preparing,
                                             .done = on_prepared,
                                             .data = run};
    run->envs = matrix_envs_new(&envs);
    collect_environments(run);
}

static void close_run(struct matrix_run *run)
{
    int status = uv_loop_close(&run->loop);
    assert(status == 0); /* a handle was left open */
    (void)status;
    stop_signals_settle(run->interrupts > 0);
    matrix_envs_free(run->envs);
    free(run->guard);
    free(run->cells_path);
    free(run->slots);
}

int matrix_run_execute(const struct matrix_run_options *options, bool *interrupted, struct err *e)
{
    struct matrix_run run = {.options = options};
    *interrupted = false;
    if (matrix_plan_init(&run.plan, options->record->matrix, options->directory, e) < 0) {
        matrix_plan_fini(&run.plan);
        return -1;
    }
    make_queue(&run);
    int result = 0;
    if (run.queued > 0) {
        run.slot_count = count_at_once(&run);
        result = child_raise_descriptors((unsigned)run.slot_count, e);
    }
    if (run.queued > 0 && result == 0) {
        host_ignore_signals();
        uv_loop_init(&run.loop);
        open_run(&run);
        matrix_envs_prepare(run.envs);
        uv_run(&run.loop, UV_RUN_DEFAULT);
        close_run(&run);
        *interrupted = run.interrupts > 0 && is_incomplete(&run);
    }
    if (run.failed) {
        *e = run.error;
        result = -1;
    }
    free(run.queue);
    matrix_plan_fini(&run.plan);
    return result;
}
