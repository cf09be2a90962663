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
#include "engine/host.h"
#include "engine/instances.h"
#include "engine/native.h"
#include "engine/orders.h"
#include "engine/passage.h"
#include "engine/python_env.h"
#include "engine/run_directory.h"
#include "engine/worker.h"
#include "io/child.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

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

#define STOP_SIGNALS 3

struct run {
    struct host host;
    struct run_options options; /* with `directory` in place of the one that was given */
    char *directory;            /* absolute; NULL until it is made */
    uv_loop_t loop;
    enum run_state state;
    uv_signal_t signals[STOP_SIGNALS];
    unsigned interrupts;

    struct python_env *envs; /* one for each worker of the scenario */
    size_t preparing;        /* index of the worker whose environment is being made */
    struct python_env_work *env_work;
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
    struct worker_options options = {.host = &run->host,
                                     .planned = planned,
                                     .env = &run->envs[planned->def - run->options.scenario->workers],
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
        run->control = control_start(&run->host, run->envs, on_control, run);
    }
}

static void open_passage(struct run *run)
{
    move(run, RUN_OPENING);
    run->passage = passage_open(&run->host, on_open, run);
}

/* --- environments --- */

static void prepare_next(struct run *run);

static void leave_out(struct run *run, const struct err *e)
{
    const struct scenario_worker *w = &run->options.scenario->workers[run->preparing];
    char *who = mem_printf("worker %s: ", w->name);
    const char *why = strncmp(e->text, who, strlen(who)) == 0 ? e->text + strlen(who) : e->text;
    char *text = mem_printf("%s is left out: %s", w->name, why);
    free(who);
    run->host.left_out[run->preparing] = true;
    instances_leave_out(&run->plan, w);
    struct json_out out = journal_begin(&run->host.journal, "left_out");
    json_put_string(&out, "worker", w->name);
    json_put_string(&out, "why", why);
    journal_end(&run->host.journal, &out, true);
    host_notify(&run->host, RUN_STATE, "run", text);
    free(text);
    run->preparing++;
    if (run->plan.count == 0)
        fail(run, e);
    else
        prepare_next(run);
}

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

static void on_env(struct python_env *env, const struct err *e, void *data)
{
    struct run *run = data;
    run->env_work = NULL;
    if (!env && run->interrupts > 0) {
        close_run(run);
        return;
    }
    if (!env && run->options.scenario->workers[run->preparing].optional && e->code == ERR_MISSING) {
        leave_out(run, e);
        return;
    }
    if (!env) {
        fail(run, e);
        return;
    }
    run->envs[run->preparing] = *env;
    const struct scenario_worker *w = &run->options.scenario->workers[run->preparing];
    struct json_out out = journal_begin(&run->host.journal, "environment");
    json_put_string(&out, "worker", w->name);
    json_put_string(&out, "python", env->python);
    json_put_string(&out, "version", env->version);
    json_put_bool(&out, "pinned", env->pinned);
    journal_end(&run->host.journal, &out, false);
    run->preparing++;
    if (run->interrupts > 0)
        close_run(run);
    else
        prepare_next(run);
}

static void prepare_next(struct run *run)
{
    const struct scenario *s = run->options.scenario;
    while (run->preparing < s->worker_count && s->workers[run->preparing].runtime != RUNTIME_DDTRACE)
        run->preparing++;
    if (run->preparing == s->worker_count) {
        open_passage(run);
        return;
    }
    const struct scenario_worker *w = &s->workers[run->preparing];
    char *text = mem_printf("virtual environment with ddtrace %s for %s", w->version, w->name);
    host_notify(&run->host, RUN_PREPARING, w->name, text);
    free(text);
    run->env_work = python_env_prepare(&run->host, w, on_env, run);
}

static void start_preparing(struct run *run)
{
    struct err e;
    if (check_native(run, &e) < 0 || passage_check(&run->options, &e) < 0)
        fail(run, &e);
    else
        prepare_next(run);
}

/* --- signals --- */

static void on_signal(uv_signal_t *handle, int number)
{
    struct run *run = handle->data;
    (void)number;
    if (run->sealed)
        return; /* over in a moment */
    bool now = ++run->interrupts > 1;
    struct json_out out = journal_begin(&run->host.journal, "interrupted");
    json_put_uint(&out, "times", run->interrupts);
    journal_end(&run->host.journal, &out, true);
    host_notify(&run->host, RUN_STATE, "run", now ? "killing the workers" : "stopping (again: at once)");
    if (run->env_work)
        python_env_stop(run->env_work, now);
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

static const int stop_signals[STOP_SIGNALS] = {SIGINT, SIGTERM, SIGHUP};

static void start_signals(struct run *run)
{
    for (size_t i = 0; i < STOP_SIGNALS; i++) {
        uv_signal_init(&run->loop, &run->signals[i]);
        run->signals[i].data = run;
        uv_signal_start(&run->signals[i], on_signal, stop_signals[i]);
    }
}

static void mask_signals(int how)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < STOP_SIGNALS; i++)
        sigaddset(&set, stop_signals[i]);
    pthread_sigmask(how, &set, NULL);
}

/* libuv gives each signal its default back. They are held off until it is known what is to become of them. */
static void end_signals(struct run *run)
{
    mask_signals(SIG_BLOCK);
    for (size_t i = 0; i < STOP_SIGNALS; i++)
        uv_close((uv_handle_t *)&run->signals[i], NULL);
}

/* Who has interrupted a run wants its report: the next impatient Ctrl-C must not take it away. */
static void settle_signals(const struct run *run)
{
    for (size_t i = 0; i < STOP_SIGNALS && run->interrupts > 0; i++)
        signal(stop_signals[i], SIG_IGN);
    mask_signals(SIG_UNBLOCK);
}

/* --- the end --- */

static void on_disk_closed(void *data)
{
    struct run *run = data;
    run->host.disk = NULL;
    end_signals(run);
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

static int make_run_id(char out[RUN_ID_SIZE], struct err *e)
{
    unsigned char bytes[(RUN_ID_SIZE - 1) / 2];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return err_sys(e, ERR_INTERNAL, errno, "can't make a run id");
    for (size_t i = 0; i < sizeof bytes; i++)
        sprintf(out + 2 * i, "%02x", bytes[i]);
    return 0;
}

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
    if (!run->directory || make_run_id(run->host.run_id, e) < 0 ||
        child_raise_descriptors((unsigned)run->plan.count, e) < 0)
        return -1;
    run->options.directory = run->directory;
    int status = uv_loop_init(&run->loop);
    if (status < 0)
        return err_set(e, ERR_INTERNAL, "can't make an event loop: %s", uv_strerror(status));
    run->host.loop = &run->loop;
    run->host.options = &run->options;
    run->host.guard = mem_printf("%s/locktrail-guard", run->options.build);
    run->host.disk = disk_new(&run->loop);
    journal_init(&run->host.journal, run->host.disk, run->options.directory);
    run->envs = mem_calloc(run->options.scenario->worker_count, sizeof *run->envs);
    run->host.left_out = mem_calloc(run->options.scenario->worker_count, sizeof *run->host.left_out);
    return 0;
}

static void free_run(struct run *run)
{
    for (size_t i = 0; i < run->started; i++)
        worker_free(run->workers[i]);
    free(run->workers);
    for (size_t i = 0; run->envs && i < run->options.scenario->worker_count; i++)
        python_env_fini(&run->envs[i]);
    free(run->envs);
    free(run->host.left_out);
    instance_plan_fini(&run->plan);
    journal_fini(&run->host.journal);
    free(run->host.guard);
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
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    if (open_run(&run, e) < 0) {
        free_run(&run);
        return -1;
    }
    start_signals(&run);
    journal_start(&run);
    start_preparing(&run);
    uv_run(&run.loop, UV_RUN_DEFAULT);
    int status = uv_loop_close(&run.loop);
    assert(status == 0); /* a handle was left open */
    (void)status;
    settle_signals(&run);
    int result = conclude(&run, happened, e);
    free_run(&run);
    return result;
}
