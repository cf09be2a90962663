/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/worker.h"

#include "base/log.h"
#include "base/mem.h"
#include "engine/copies.h"
#include "engine/worker_exit.h"
#include "engine/worker_internal.h"
#include "io/child.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_names[WORKER_STATE_COUNT] = {"starting", "working", "leaving", "collecting", "ended"};

/* Allowed moves: a bit for each next state. */
static const unsigned allowed_moves[WORKER_STATE_COUNT] = {
    [WORKER_STARTING] = 1u << WORKER_WORKING | 1u << WORKER_LEAVING | 1u << WORKER_COLLECTING,
    [WORKER_WORKING] = 1u << WORKER_LEAVING | 1u << WORKER_COLLECTING,
    [WORKER_LEAVING] = 1u << WORKER_COLLECTING,
    [WORKER_COLLECTING] = 1u << WORKER_ENDED,
};

/* Problems of one process that are written out; a broken loop makes thousands of the same. */
#define PROBLEMS_MAX 20
static void on_deadline(uv_timer_t *timer);
/* Longer than any soak: years. */
#define SOAK_MS (INT64_C(1) << 40)

static bool speaks(const struct worker *w)
{
    return scenario_worker_speaks(w->def);
}

static void move(struct worker *w, enum worker_state next)
{
    assert(allowed_moves[w->state] & 1u << next);
    log_line(LOG_DEBUG, w->instance, "%s -> %s", state_names[w->state], state_names[next]);
    w->state = next;
}

void worker_problem(struct worker *w, const char *advice, const char *text)
{
    const char *tail = NULL;
    size_t size = 0;
    if (++w->problems > PROBLEMS_MAX)
        return;
    if (w->child) {
        tail = child_output_tail(w->child, 2, &size);
        if (size == 0)
            tail = child_output_tail(w->child, 1, &size);
    }
    host_problem(w->host, w->instance, advice, tail, size, "%s", text);
}

void worker_problem_text(struct worker *w, const char *advice, char *text)
{
    worker_problem(w, advice, text);
    free(text);
}

static void arm_deadline(struct worker *w, int64_t ms)
{
    w->due = false;
    if (w->paused)
        return; /* it can't do what is waited for */
    uv_timer_start(&w->deadline, on_deadline, (uint64_t)(ms > 0 ? ms : 1), 0);
}

/* How long it should take at most, from now. The control's phases are over in a moment, and a soak's never. */
static int64_t planned_ms(const struct worker *w)
{
    const struct scenario *s = w->host->options->scenario;
    if (w->host->soak)
        return SOAK_MS;
    if (w->arm == ARM_CONTROL)
        return 0;
    return (int64_t)((double)s->duration_ms * (1 + s->evidence.duration_tolerance));
}

void worker_arm_working(struct worker *w)
{
    int64_t now = journal_elapsed_ms(&w->host->journal);
    int64_t left = w->work_until_ms - now;
    arm_deadline(w, speaks(w) && w->def->silence_timeout_ms < left ? w->def->silence_timeout_ms : left);
}

void worker_begin_work(struct worker *w)
{
    int64_t now = journal_elapsed_ms(&w->host->journal);
    move(w, WORKER_WORKING);
    if (w->host->soak || speaks(w))
        w->work_until_ms = now + planned_ms(w) + w->def->stop_timeout_ms;
    else
        w->work_until_ms = now + w->host->options->scenario->duration_ms;
    worker_arm_working(w);
}

void worker_leave(struct worker *w)
{
    move(w, WORKER_LEAVING);
    arm_deadline(w, w->def->stop_timeout_ms);
}

static void stop(struct worker *w)
{
    w->stopped_by_us = true;
    child_stop(w->child, w->def->stop_timeout_ms);
}

static void stop_working(struct worker *w)
{
    move(w, WORKER_LEAVING);
    stop(w);
}

/* The end of its time is the normal one for a silent command that does not end by itself. */
static void judge_working(struct worker *w, int64_t now, double since_start)
{
    double planned = (double)w->host->options->scenario->duration_ms / 1000;
    if (!speaks(w) && !w->def->until_exit)
        return;
    if (!speaks(w))
        worker_problem_text(
            w, "give it less to do or a longer duration; or take until_exit away, and it is stopped then",
            mem_printf("still running %.1f s after its start, and it was to end by itself within %.1f s", since_start,
                       planned));
    else if (now >= w->work_until_ms)
        worker_problem_text(
            w, "fewer threads, a lower rate or a longer duration; or raise evidence.duration_tolerance",
            mem_printf("still working %.1f s after its start, planned were %.1f s", since_start, planned));
    else
        worker_problem_text(
            w, "look at its output; raise silence_timeout if it is only slow",
            mem_printf("hung: said nothing for %.1f s (silence_timeout)", (double)w->def->silence_timeout_ms / 1000));
}

static void on_deadline(uv_timer_t *timer)
{
    struct worker *w = timer->data;
    /* Where locktrail itself stood still (Ctrl-Z, a terminal that takes no output), the timer comes
     * before the lines that were said in time. */
    if (!w->due) {
        arm_deadline(w, 1);
        w->due = true;
        return;
    }
    int64_t now = journal_elapsed_ms(&w->host->journal);
    double since_start = (double)(now - w->started_ms) / 1000;
    switch (w->state) {
    case WORKER_STARTING:
        worker_problem_text(w, "look at its output; raise start_timeout on a slow machine",
                            mem_printf("hung: said nothing in %.1f s since its start (start_timeout)", since_start));
        stop_working(w);
        break;
    case WORKER_WORKING:
        judge_working(w, now, since_start);
        stop_working(w);
        break;
    case WORKER_LEAVING:
        worker_problem_text(w, "something keeps the program alive after its work: look at its output",
                            mem_printf("did not exit within %.1f s after it was done (stop_timeout)",
                                       (double)w->def->stop_timeout_ms / 1000));
        stop(w);
        break;
    default:
        break;
    }
}

/* --- the end --- */

static struct worker_exit exit_of(const struct worker *w)
{
    return (struct worker_exit){.child = &w->exit,
                                .start_error = w->start_failed ? w->start_error.text : NULL,
                                .program = w->program,
                                .directory = w->def->directory,
                                .interrupted = w->interrupted,
                                .killed_at_once = w->killed_at_once,
                                .stopped = w->stopped_by_us};
}

static uint64_t output_dropped(const struct worker *w)
{
    return w->child ? child_output_dropped(w->child, 1) + child_output_dropped(w->child, 2) : 0;
}

static void judge_exit(struct worker *w)
{
    struct worker_exit exit = exit_of(w);
    char *how = worker_exit_describe(&exit);
    double after = (double)(journal_elapsed_ms(&w->host->journal) - w->started_ms) / 1000;
    if (worker_exit_before_start(&exit))
        worker_problem(w, worker_exit_advice(&exit), how);
    else if (!worker_exit_is_good(&exit))
        worker_problem_text(w, worker_exit_advice(&exit),
                            mem_printf("ended by %s, %.1f s after its start", how, after));
    else if (speaks(w) && !w->said_done && !w->interrupted && w->problems == 0)
        worker_problem_text(w, "a worker says done before it exits",
                            mem_printf("ended (%s) %.1f s after its start without having said done", how, after));
    else if (!speaks(w) && !w->def->until_exit && !w->stopped_by_us && !w->interrupted)
        worker_problem_text(w, "let it work for the whole duration, or say until_exit: true if it ends by itself",
                            mem_printf("ended by itself (%s) %.1f s after its start, planned were %.1f s", how, after,
                                       (double)w->host->options->scenario->duration_ms / 1000));
    free(how);
}

static void judge_output(struct worker *w)
{
    uint64_t dropped = output_dropped(w);
    if (w->exit.output_error)
        worker_problem_text(
            w, "make room on the disk of the run directory",
            mem_printf("%s; %" PRIu64 " bytes of its output were dropped", w->exit.output_error, dropped));
    else if (dropped > 0)
        worker_problem_text(
            w, "raise limits.output, or make it say less",
            mem_printf("flooded its output: %" PRIu64 " bytes over limits.output were dropped", dropped));
}

static void note_further_problems(struct worker *w)
{
    if (w->problems > PROBLEMS_MAX)
        host_problem(w->host, w->instance, "mend those that are listed first", NULL, 0,
                     "%u more problems (PROBLEMS_MAX)", w->problems - PROBLEMS_MAX);
}

static void journal_ended(struct worker *w, bool good)
{
    struct worker_exit exit = exit_of(w);
    char *cause = worker_exit_describe(&exit);
    struct json_out out = journal_begin(&w->host->journal, "worker_ended");
    json_put_string(&out, "instance", w->instance);
    json_put_bool(&out, "good", good);
    json_put_bool(&out, "interrupted", w->interrupted);
    json_put_string(&out, "cause", cause);
    json_put_int(&out, "wall_ms", journal_elapsed_ms(&w->host->journal) - w->started_ms);
    json_put_int(&out, "cpu_ms", w->exit.user_ms + w->exit.system_ms);
    json_put_int(&out, "max_rss", w->exit.max_rss);
    json_put_uint(&out, "output_dropped", output_dropped(w));
    json_put_uint(&out, "bad_lines", w->bad_lines);
    json_put_uint(&out, "leftover", w->exit.leftover);
    journal_end(&w->host->journal, &out, true);
    char *text = mem_printf("ended: %s", cause);
    host_notify(w->host, RUN_WORKER, w->instance, text);
    free(text);
    free(cause);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct worker *w = handle->data;
    w->on_end(w, w->problems == 0, w->data);
}

static void end(struct worker *w)
{
    move(w, WORKER_ENDED);
    note_further_problems(w);
    journal_ended(w, w->problems == 0);
    uv_close((uv_handle_t *)&w->deadline, on_timer_closed);
}

static void on_collected(size_t count, const struct err *e, void *data)
{
    struct worker *w = data;
    log_line(LOG_INFO, w->instance, "%zu local profiles", count);
    if (e)
        worker_problem(w, "the files are still in the worker's directory", e->text);
    end(w);
}

static void collect(struct worker *w)
{
    move(w, WORKER_COLLECTING);
    uv_timer_stop(&w->deadline);
    worker_keep_progress(w);
    judge_exit(w);
    judge_output(w);
    if (w->exit.leftover > 0 && !w->interrupted)
        log_line(LOG_INFO, w->instance, "left %u processes behind, ended", w->exit.leftover);
    if (w->arm == ARM_UPLOAD)
        end(w);
    else
        copies_collect_local(w->host, w->directory, w->arm == ARM_CONTROL ? STAGE_CONTROL : STAGE_COLLECTOR,
                             w->instance, on_collected, w);
}

static void on_started(struct worker *w)
{
    struct json_out out = journal_begin(&w->host->journal, "worker_started");
    json_put_string(&out, "instance", w->instance);
    json_put_string(&out, "worker", w->def->name);
    json_put_string(&out, "arm", arm_name(w->arm));
    json_put_int(&out, "pid", child_pid(w->child));
    journal_end(&w->host->journal, &out, false);
    host_notify(w->host, RUN_WORKER, w->instance, "started");
    if (w->on_pid)
        w->on_pid(w, w->data);
    if (!speaks(w) && w->state == WORKER_STARTING)
        worker_begin_work(w);
}

static void on_child(struct child *child, const struct child_message *message, void *data)
{
    struct worker *w = data;
    (void)child;
    switch (message->event) {
    case CHILD_STARTED:
        on_started(w);
        break;
    case CHILD_LINE:
        if (speaks(w))
            worker_take_line(w, message->line, message->size);
        break;
    case CHILD_LONG_LINE:
        w->lines++;
        worker_bad_line(w, "is longer than CHILD_LINE_MAX (1 MiB)");
        break;
    case CHILD_CHANNEL_CLOSED:
        break;
    case CHILD_FINISHED:
        w->exit = *message->exit;
        collect(w);
        break;
    }
}

/* The guard could not be started: the end comes from the loop, as all others do. */
static void on_start_failed(uv_timer_t *timer)
{
    struct worker *w = timer->data;
    collect(w);
}

static void spawn(struct worker *w, const struct worker_options *options)
{
    struct host *host = w->host;
    char *prefix = mem_printf("%s/local.pprof", w->directory);
    char *stdout_path = mem_printf("%s/stdout", w->directory);
    char *stderr_path = mem_printf("%s/stderr", w->directory);
    struct orders orders;
    struct orders_context context = {.scenario = host->options->scenario,
                                     .worker = w->def,
                                     .arm = w->arm,
                                     .instance = w->instance,
                                     .run_id = host->run_id,
                                     .rounds = host->soak != NULL,
                                     .root = host->options->root,
                                     .build = host->options->build,
                                     .python = options->env->python,
                                     .ddtrace_run = options->env->ddtrace_run,
                                     .output_prefix = prefix,
                                     .intake_url = host->intake_url};
    orders_make(&context, &orders);
    w->program = mem_strdup(orders.args[0]);
    struct child_options child = {
        .guard = host->guard,
        .args = (const char *const *)orders.args,
        .env = (const char *const *)orders.env,
        .directory = w->def->directory,
        .stdout_path = stdout_path,
        .stderr_path = stderr_path,
        .output_max = w->def->limits.output,
        .channel = true,
        .limits = {.memory = w->def->limits.memory, .files = w->def->limits.files, .disk = w->def->limits.disk}};
    if (disk_make_dir(w->directory, &w->start_error) < 0 ||
        !(w->child = child_start(host->loop, &child, on_child, w, &w->start_error))) {
        w->start_failed = true;
        uv_timer_start(&w->deadline, on_start_failed, 0, 0);
    } else {
        arm_deadline(w, w->def->start_timeout_ms);
    }
    orders_free(&orders);
    free(prefix);
    free(stdout_path);
    free(stderr_path);
}

struct worker *worker_start(const struct worker_options *options)
{
    struct worker *w = mem_calloc(1, sizeof *w);
    w->host = options->host;
    w->def = options->planned->def;
    w->arm = options->planned->arm;
    w->instance = mem_strdup(options->planned->name);
    w->directory = mem_printf("%s/workers/%s", options->host->options->directory, w->instance);
    w->on_end = options->on_end;
    w->on_pid = options->on_pid;
    w->data = options->data;
    w->started_ms = journal_elapsed_ms(&w->host->journal);
    uv_timer_init(w->host->loop, &w->deadline);
    w->deadline.data = w;
    spawn(w, options);
    return w;
}

void worker_interrupt(struct worker *w, bool now)
{
    if (w->state == WORKER_COLLECTING || w->state == WORKER_ENDED || w->start_failed)
        return;
    w->interrupted = true;
    w->killed_at_once = now;
    w->paused = false; /* its guard lets it go on, so that it can end */
    uv_timer_stop(&w->deadline);
    if (w->state != WORKER_LEAVING)
        move(w, WORKER_LEAVING);
    child_stop(w->child, now ? 0 : w->def->stop_timeout_ms);
}

static bool can_be_hit(const struct worker *w)
{
    return (w->state == WORKER_STARTING || w->state == WORKER_WORKING) && !w->start_failed;
}

bool worker_kill(struct worker *w)
{
    if (!can_be_hit(w) || !child_signal(w->child, SIGKILL))
        return false;
    w->interrupted = true;
    uv_timer_stop(&w->deadline);
    move(w, WORKER_LEAVING);
    return true;
}

bool worker_pause(struct worker *w)
{
    if (!can_be_hit(w) || !child_signal(w->child, SIGSTOP))
        return false;
    w->paused = true;
    uv_timer_stop(&w->deadline);
    return true;
}

void worker_go_on(struct worker *w)
{
    if (!w->paused)
        return;
    w->paused = false;
    if (!can_be_hit(w) || !child_signal(w->child, SIGCONT))
        return;
    if (w->state == WORKER_STARTING)
        arm_deadline(w, w->def->start_timeout_ms);
    else
        worker_arm_working(w);
}

const char *worker_instance(const struct worker *w)
{
    return w->instance;
}

enum arm worker_arm(const struct worker *w)
{
    return w->arm;
}

pid_t worker_pid(const struct worker *w)
{
    return w->child ? child_pid(w->child) : 0;
}

bool worker_ended(const struct worker *w)
{
    return w->state == WORKER_ENDED;
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    if (w->child)
        child_free(w->child);
    buf_fini(&w->last_progress);
    free(w->instance);
    free(w->directory);
    free(w->program);
    free(w->phase);
    free(w);
}
