/* SPDX-License-Identifier: Apache-2.0 */
/* Happy path: PREPARING (virtual environments) → OPENING (intake, or taps, agents and stores) → CONTROL → RUNNING
 * (workers, uploads) → PASSING (what was sent has arrived, is read back and looked at) → CLOSING (services, forwards,
 * disk) → DONE. Failure modes: an environment can't be made, or what a native worker or the pipeline needs is not there
 * (nothing is run, the error is the caller's; an optional worker is left out instead, as long as another one is left);
 * intake, tap or agent can't be started (likewise); the control fails (the workers are not started, the verdict is
 * critical); a worker or an agent fails (a problem, the others go on); the disk is full (the run goes on, the error is
 * the caller's beside what there is to report). SIGINT, SIGTERM or SIGHUP: workers are stopped and their copies
 * collected; a second one kills them and ends whatever is waited for. */
#include "engine/run.h"

#include "base/log.h"
#include "base/mem.h"
#include "engine/control.h"
#include "engine/environments.h"
#include "engine/host.h"
#include "engine/instances.h"
#include "engine/native.h"
#include "engine/orders.h"
#include "engine/passage.h"
#include "engine/run_directory.h"
#include "engine/stop_signals.h"
#include "engine/worker.h"
#include "io/child.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum run_state { RUN_PREPARING_ENVS, RUN_OPENING, RUN_CONTROLLING, RUN_RUNNING, RUN_PASSING, RUN_CLOSING, RUN_DONE };

static const char *const state_names[] = {"preparing", "opening", "control", "running", "passing", "closing", "done"};

static const unsigned allowed_moves[] = {
    [RUN_PREPARING_ENVS] = 1u << RUN_OPENING | 1u << RUN_CLOSING,
    [RUN_OPENING] = 1u << RUN_CONTROLLING | 1u << RUN_RUNNING | 1u << RUN_CLOSING,
    [RUN_CONTROLLING] = 1u << RUN_RUNNING | 1u << RUN_CLOSING,
    [RUN_RUNNING] = 1u << RUN_PASSING,
    [RUN_PASSING] = 1u << RUN_CLOSING,
    [RUN_CLOSING] = 1u << RUN_DONE,
    [RUN_DONE] = 0,
};

struct run {
    struct host host;
    struct run_options options; /* with `directory` in place of the one that was given */
    char *directory;            /* absolute; NULL until it is made */
    uv_loop_t loop;
    enum run_state state;
    struct stop_signals signals;
    unsigned interrupts;

    struct environments *environments;
    struct control *control;
    struct passage *passage;
    struct instance_plan plan;
    struct worker **workers; /* those of the plan that were started */
    size_t started, running;
    bool starting;
    uv_idle_t starter; /* open while `starting` */
    bool failed;       /* nothing could be run: `error` says why */
    struct err error;
    bool sealed; /* the journal takes no further line */
};

static void end_work(struct run *run);
static void close_run(struct run *run);

static void move(struct run *run, enum run_state next)
{
    assert(allowed_moves[run->state] & 1u << next);
    log_line(LOG_DEBUG, "run", "%s -> %s", state_names[run->state], state_names[next]);
    run->state = next;
    host_notify(&run->host, RUN_STATE, "run", state_names[next]);
}

static void fail(struct run *run, const struct err *e)
{
    run->failed = true;
    run->error = *e;
    close_run(run);
}

/* --- workers --- */

static void on_worker_end(struct worker *worker, bool good, void *data)
{
    struct run *run = data;
    (void)worker;
    (void)good;
    if (--run->running == 0 && !run->starting)
        end_work(run);
}

static void stop_starting(struct run *run)
{
    run->starting = false;
    uv_close((uv_handle_t *)&run->starter, NULL);
}

/* One in each turn of the loop: a start waits until the child is executed, and beside hundreds of others that takes
 * its time, in which lines, uploads and signals would wait too. */
static void on_start_next(uv_idle_t *starter)
{
    struct run *run = starter->data;
    const struct planned_instance *planned = &run->plan.items[run->started];
    struct worker_options options = {
        .host = &run->host,
        .planned = planned,
        .env = &environments_all(run->environments)[planned->def - run->options.scenario->workers],
        .on_end = on_worker_end,
        .data = run};
    run->workers[run->started++] = worker_start(&options);
    run->running++;
    passage_set_workers(run->passage, run->workers, run->started);
    if (run->started == run->plan.count)
        stop_starting(run);
}

static void start_workers(struct run *run)
{
    move(run, RUN_RUNNING);
    run->workers = mem_calloc(run->plan.count, sizeof *run->workers);
    run->starting = true;
    uv_idle_init(&run->loop, &run->starter);
    run->starter.data = run;
    uv_idle_start(&run->starter, on_start_next);
}

/* --- control --- */

static void on_control(struct control *control, enum control_outcome outcome, void *data)
{
    struct run *run = data;
    control_free(control);
    run->control = NULL;
    if (outcome == CONTROL_PASSED)
        start_workers(run);
    else
        close_run(run);
}

static bool has_control(const struct run *run)
{
    const struct scenario *s = run->options.scenario;
    if (s->control.kind == CONTROL_NONE)
        return false;
    if (s->control.kind == CONTROL_COMMAND)
        return true;
    for (size_t i = 0; i < s->worker_count; i++)
        if (scenario_worker_is_ours(&s->workers[i]) && !run->host.left_out[i])
            return true;
    return false;
}

static void on_open(const struct err *e, void *data)
{
    struct run *run = data;
    if (run->interrupts > 0) {
        close_run(run);
    } else if (e) {
        fail(run, e);
    } else if (!has_control(run)) {
        start_workers(run);
    } else {
        move(run, RUN_CONTROLLING);
        run->control = control_start(&run->host, environments_all(run->environments), on_control, run);
    }
}

static void open_passage(struct run *run)
{
    move(run, RUN_OPENING);
    run->passage = passage_open(&run->host, on_open, run);
}

/* --- environments --- */

static int check_native(const struct run *run, struct err *e)
{
    const struct scenario *s = run->options.scenario;
    bool control = s->control.kind == CONTROL_BUILTIN;
    for (size_t i = 0; i < s->worker_count; i++) {
        if (s->workers[i].runtime != RUNTIME_NATIVE)
            continue;
        if (native_check(run->options.build, s->workers[i].build, e) < 0 ||
            (control && native_check(run->options.build, NATIVE_CONTROL_BUILD, e) < 0))
            return err_wrap(e, "worker %s", s->workers[i].name);
    }
    return 0;
}

static void on_environments(const struct err *e, void *data)
{
    struct run *run = data;
    const struct scenario *s = run->options.scenario;
    for (size_t i = 0; i < s->worker_count; i++)
        if (run->host.left_out[i])
            instances_leave_out(&run->plan, &s->workers[i]);
    if (run->interrupts > 0)
        close_run(run);
    else if (e)
        fail(run, e);
    else
        open_passage(run);
}

static void start_preparing(struct run *run)
{
    struct err e;
    if (check_native(run, &e) < 0 || passage_check(&run->options, &e) < 0)
        fail(run, &e);
    else
        environments_prepare(run->environments);
}

/* --- signals --- */

static void on_signal(int number, void *data)
{
    struct run *run = data;
    (void)number;
    if (run->sealed)
        return; /* over in a moment */
    bool now = ++run->interrupts > 1;
    struct json_out out = journal_begin(&run->host.journal, "interrupted");
    json_put_uint(&out, "times", run->interrupts);
    journal_end(&run->host.journal, &out, true);
    host_notify(&run->host, RUN_STATE, "run", now ? "killing the workers" : "stopping (again: at once)");
    environments_stop(run->environments, now);
    if (run->control)
        control_interrupt(run->control, now);
    for (size_t i = 0; i < run->started; i++)
        worker_interrupt(run->workers[i], now);
    if (run->starting) {
        stop_starting(run);
        if (run->running == 0)
            end_work(run);
    }
    /* Once the workers are gone only what is behind them is left, and nobody asks a second time to be rid of that. */
    if (run->passage)
        passage_stop(run->passage, now || run->state == RUN_CLOSING);
}

/* --- the end --- */

static void on_disk_closed(void *data)
{
    struct run *run = data;
    run->host.disk = NULL;
    stop_signals_end(&run->signals);
    run->state = RUN_DONE;
}

static void keep_write_error(struct run *run, int status, const struct err *e)
{
    if (status < 0)
        host_write_failed(&run->host, e);
}

/* The journal may be what could not be written, so the error goes to the caller. */
static void on_journal_written(int status, const struct err *e, void *data)
{
    struct run *run = data;
    keep_write_error(run, status, e);
    run->sealed = true;
    disk_close(run->host.disk, on_disk_closed, run);
}

static void on_all_written(int status, const struct err *e, void *data)
{
    struct run *run = data;
    keep_write_error(run, status, e);
    struct json_out out = journal_begin(&run->host.journal, "run_ended");
    json_put_bool(&out, "interrupted", run->interrupts > 0);
    json_put_string(&out, "failed", run->failed ? run->error.text : "");
    json_put_string(&out, "unwritten", run->host.unwritten ? run->host.write_error.text : "");
    journal_end(&run->host.journal, &out, true);
    disk_flush(run->host.disk, on_journal_written, run);
}

/* What is being written puts further lines into the journal when it is done. */
static void on_passage_closed(void *data)
{
    struct run *run = data;
    run->passage = NULL;
    disk_flush(run->host.disk, on_all_written, run);
}

static void close_run(struct run *run)
{
    move(run, RUN_CLOSING);
    if (run->passage)
        passage_close(run->passage, on_passage_closed, run);
    else
        on_passage_closed(run);
}

static void on_passed(void *data)
{
    close_run(data);
}

static void end_work(struct run *run)
{
    move(run, RUN_PASSING);
    passage_finish(run->passage, on_passed, run);
}

/* --- the beginning --- */

static void journal_start(struct run *run)
{
    char *dropped = orders_dropped_variables();
    struct json_out out = journal_begin(&run->host.journal, "run_started");
    json_put_string(&out, "run_id", run->host.run_id);
    json_put_string(&out, "scenario", run->options.scenario->name);
    json_put_bool(&out, "no_control", !has_control(run));
    const struct forward_target *forward = run->options.forward;
    const struct site *site = run->options.site;
    const char *url = site ? site->profiles_url : forward ? forward->profiles_url : NULL;
    json_put_string(&out, "forward", forward && forward->described ? forward->described : "");
    json_put_string(&out, "site", site ? site->described : "");
    json_put_string(&out, "profiles_url", url ? url : "");
    json_put_string(&out, "variables_not_passed_on", dropped);
    journal_end(&run->host.journal, &out, true);
    if (dropped[0]) {
        char *text = mem_printf("%s of the environment not passed on: workers.NAME.environment is the place", dropped);
        host_notify(&run->host, RUN_STATE, "run", text);
        free(text);
    }
    free(dropped);
}

static int open_run(struct run *run, struct err *e)
{
    instances_plan(run->options.scenario, &run->plan);
    run->directory = run_directory_make(run->options.directory, run->options.scenario, &run->plan, e);
    if (!run->directory || child_raise_descriptors((unsigned)run->plan.count, e) < 0)
        return -1;
    run->options.directory = run->directory;
    int status = uv_loop_init(&run->loop);
    if (status < 0)
        return err_set(e, ERR_INTERNAL, "can't make an event loop: %s", uv_strerror(status));
    if (host_open(&run->host, &run->options, &run->loop, e) < 0)
        return -1;
    run->environments = environments_new(&run->host, on_environments, run);
    return 0;
}

static void free_run(struct run *run)
{
    for (size_t i = 0; i < run->started; i++)
        worker_free(run->workers[i]);
    free(run->workers);
    environments_free(run->environments);
    instance_plan_fini(&run->plan);
    host_fini(&run->host);
    free(run->directory);
}

/* The loop is done: what comes of it for the caller. */
static int conclude(const struct run *run, bool *happened, struct err *e)
{
    if (run->failed) {
        *e = run->error;
        return -1;
    }
    if (run_directory_check(run->options.directory, e) < 0)
        return -1;
    *happened = true;
    if (!run->host.unwritten)
        return 0;
    *e = run->host.write_error;
    return err_wrap(e, "the run directory is not complete");
}

int run_execute(const struct run_options *options, bool *happened, struct err *e)
{
    struct run run = {.options = *options};
    *happened = false;
    host_ignore_signals();
    if (open_run(&run, e) < 0) {
        free_run(&run);
        return -1;
    }
    stop_signals_start(&run.signals, &run.loop, on_signal, &run);
    journal_start(&run);
    start_preparing(&run);
    uv_run(&run.loop, UV_RUN_DEFAULT);
    int status = uv_loop_close(&run.loop);
    assert(status == 0); /* a handle was left open */
    (void)status;
    stop_signals_settle(run.interrupts > 0);
    int result = conclude(&run, happened, e);
    free_run(&run);
    return result;
}
