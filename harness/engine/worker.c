/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/worker.h"

#include "base/log.h"
#include "base/mem.h"
#include "engine/copies.h"
#include "engine/protocol.h"
#include "engine/worker_exit.h"
#include "io/child.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum worker_state {
    WORKER_STARTING,
    WORKER_WORKING,
    WORKER_LEAVING,
    WORKER_COLLECTING,
    WORKER_ENDED,
    WORKER_STATE_COUNT
};

static const char *const state_names[WORKER_STATE_COUNT] = {"starting", "working", "leaving", "collecting", "ended"};

/* Allowed moves: a bit for each next state. */
static const unsigned allowed_moves[WORKER_STATE_COUNT] = {
    [WORKER_STARTING] = 1u << WORKER_WORKING | 1u << WORKER_LEAVING | 1u << WORKER_COLLECTING,
    [WORKER_WORKING] = 1u << WORKER_LEAVING | 1u << WORKER_COLLECTING,
    [WORKER_LEAVING] = 1u << WORKER_COLLECTING,
    [WORKER_COLLECTING] = 1u << WORKER_ENDED,
};

/* A progress line is kept in the ledger at most so often, and the longer a run has lasted the more
 * rarely; the last one of a phase and before an end always is. All of them would be 20 GB from 256
 * workers in a day; so each keeps some thousand, and what a kill takes is a thousandth of the run. */
#define LEDGER_PROGRESS_MS 2000
#define LEDGER_PROGRESS_PART 1000
/* Bytes of one process's lines in the ledger: above 100,000 declared locks. */
#define LEDGER_WORKER_MAX ((uint64_t)64 << 20)
/* Problems of one process that are written out; a broken loop makes thousands of the same. */
#define PROBLEMS_MAX 20
/* Bytes that are kept of an error that a worker tells of. */
#define ERROR_SHOWN_MAX 1000

struct worker {
    struct host *host;
    const struct scenario_worker *def;
    enum arm arm;
    char *instance;
    char *directory; /* of its output and local profiles */
    char *program;   /* args[0] */
    worker_fn on_end;
    void *data;

    enum worker_state state;
    struct child *child;
    struct child_exit exit;
    struct err start_error;
    bool start_failed;
    uv_timer_t deadline;
    bool due; /* the deadline is over, and what has come meanwhile is read before it counts */
    int64_t started_ms, work_until_ms;
    unsigned problems;
    bool said_hello, said_done, interrupted, killed_at_once, stopped_by_us, ledger_full;
    uint64_t lines, bad_lines, ledger_bytes;
    char *phase;              /* of the last progress line */
    struct buf last_progress; /* not in the ledger yet */
    int64_t progress_kept_ms;
    unsigned upload_sequence;
};

static void on_deadline(uv_timer_t *timer);

static bool speaks(const struct worker *w)
{
    return w->def->runtime == RUNTIME_DDTRACE || w->def->protocol == PROTOCOL_LINES;
}

static void move(struct worker *w, enum worker_state next)
{
    assert(allowed_moves[w->state] & 1u << next);
    log_line(LOG_DEBUG, w->instance, "%s -> %s", state_names[w->state], state_names[next]);
    w->state = next;
}

static void problem(struct worker *w, const char *advice, const char *text)
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

static void problem_and_free(struct worker *w, const char *advice, char *text)
{
    problem(w, advice, text);
    free(text);
}

static void arm_deadline(struct worker *w, int64_t ms)
{
    w->due = false;
    uv_timer_start(&w->deadline, on_deadline, (uint64_t)(ms > 0 ? ms : 1), 0);
}

/* How long its phases should take at most, from now. The control's are over in a moment. */
static int64_t planned_ms(const struct worker *w)
{
    const struct scenario *s = w->host->options->scenario;
    if (w->arm == ARM_CONTROL)
        return 0;
    return (int64_t)((double)s->duration_ms * (1 + s->evidence.duration_tolerance));
}

static void arm_working_deadline(struct worker *w)
{
    int64_t now = journal_elapsed_ms(&w->host->journal);
    int64_t left = w->work_until_ms - now;
    arm_deadline(w, speaks(w) && w->def->silence_timeout_ms < left ? w->def->silence_timeout_ms : left);
}

static void begin_work(struct worker *w)
{
    int64_t now = journal_elapsed_ms(&w->host->journal);
    move(w, WORKER_WORKING);
    w->work_until_ms =
        speaks(w) ? now + planned_ms(w) + w->def->stop_timeout_ms : now + w->host->options->scenario->duration_ms;
    arm_working_deadline(w);
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
        problem_and_free(w, "look at its output; raise start_timeout on a slow machine",
                         mem_printf("hung: said nothing in %.1f s since its start (start_timeout)", since_start));
        stop_working(w);
        break;
    case WORKER_WORKING:
        if (!speaks(w)) {
            stop_working(w); /* its time is over: the normal end of a silent command */
        } else if (now >= w->work_until_ms) {
            problem_and_free(w,
                             "fewer threads, a lower rate or a longer duration; or raise "
                             "evidence.duration_tolerance",
                             mem_printf("still working %.1f s after its start, planned were %.1f s", since_start,
                                        (double)w->host->options->scenario->duration_ms / 1000));
            stop_working(w);
        } else {
            problem_and_free(w, "look at its output; raise silence_timeout if it is only slow",
                             mem_printf("hung: said nothing for %.1f s (silence_timeout)",
                                        (double)w->def->silence_timeout_ms / 1000));
            stop_working(w);
        }
        break;
    case WORKER_LEAVING:
        problem_and_free(w, "something keeps the program alive after its work: look at its output",
                         mem_printf("did not exit within %.1f s after it was done (stop_timeout)",
                                    (double)w->def->stop_timeout_ms / 1000));
        stop(w);
        break;
    default:
        break;
    }
}

/* --- protocol lines --- */

static void on_hello(struct worker *w, const struct message *m)
{
    if (w->said_hello) {
        problem(w, "a worker says hello once", "said hello a second time");
        return;
    }
    w->said_hello = true;
    log_line(LOG_INFO, w->instance, "hello from %s %s", m->runtime, m->version);
    if (w->state == WORKER_STARTING)
        begin_work(w);
}

static void keep_line(struct worker *w, const char *line, size_t size)
{
    if (w->ledger_full)
        return;
    if (w->ledger_bytes + size > LEDGER_WORKER_MAX || journal_ledger_full(&w->host->journal)) {
        w->ledger_full = true;
        problem(w, "declare each lock once, and say fewer lines",
                "said more than the ledger holds (LEDGER_WORKER_MAX, JOURNAL_LEDGER_MAX): the rest was dropped");
        return;
    }
    w->ledger_bytes += size;
    journal_ledger(&w->host->journal, w->instance, line, size);
}

static void keep_last_progress(struct worker *w)
{
    if (w->last_progress.size > 0)
        keep_line(w, w->last_progress.data, w->last_progress.size);
    buf_clear(&w->last_progress);
}

static void on_progress(struct worker *w, const struct message *m, const char *line, size_t size)
{
    int64_t now = journal_elapsed_ms(&w->host->journal);
    host_notify_phase(w->host, w->instance, m->phase, m->done, m->total_acquires);
    if (!w->phase || strcmp(w->phase, m->phase) != 0) {
        keep_last_progress(w); /* the last counts of the phase before */
        free(w->phase);
        w->phase = mem_strdup(m->phase);
    }
    buf_clear(&w->last_progress);
    buf_add(&w->last_progress, line, size);
    int64_t since_kept = now - w->progress_kept_ms;
    if (since_kept >= LEDGER_PROGRESS_MS && since_kept >= now / LEDGER_PROGRESS_PART) {
        keep_last_progress(w);
        w->progress_kept_ms = now;
    }
}

static void on_done(struct worker *w)
{
    buf_clear(&w->last_progress);
    w->said_done = true;
    if (w->state == WORKER_WORKING) {
        move(w, WORKER_LEAVING);
        arm_deadline(w, w->def->stop_timeout_ms);
    }
}

static void bad_line(struct worker *w, const char *why)
{
    if (w->bad_lines++ == 0)
        problem_and_free(w, "only protocol lines go to file descriptor 3; docs/formats.md has their form",
                         mem_printf("line %" PRIu64 " on descriptor 3: %s", w->lines, why));
}

/* Its local profiles are collected from its own directory when it has ended; one that lies
 * elsewhere would be missed. */
static void on_profile(struct worker *w, const struct message *m)
{
    size_t size = strlen(w->directory);
    if (strncmp(m->path, w->directory, size) != 0 || m->path[size] != '/')
        problem_and_free(w, "write local profiles with the prefix in DD_PROFILING_OUTPUT_PPROF",
                         mem_printf("wrote a local profile outside its directory: %.*s", ERROR_SHOWN_MAX, m->path));
}

static void on_line(struct worker *w, const char *line, size_t size)
{
    struct message m;
    struct err e;
    w->lines++;
    if (message_read(line, size, &m, &e) < 0) {
        bad_line(w, e.text);
        return;
    }
    if (m.type != MESSAGE_HELLO && !w->said_hello) {
        bad_line(w, "came before the worker said hello");
        message_fini(&m);
        return;
    }
    if (m.type != MESSAGE_PROGRESS)
        keep_line(w, line, size);
    switch (m.type) {
    case MESSAGE_HELLO:
        on_hello(w, &m);
        break;
    case MESSAGE_PROGRESS:
        on_progress(w, &m, line, size);
        break;
    case MESSAGE_DONE:
        on_done(w);
        break;
    case MESSAGE_ERROR:
        problem_and_free(w, "the workload is broken: its own output says where",
                         m.phase[0] ? mem_printf("thread %.100s died in phase %.100s: %.*s",
                                                 m.thread[0] ? m.thread : "?", m.phase, ERROR_SHOWN_MAX, m.error)
                                    : mem_printf("%.*s", ERROR_SHOWN_MAX, m.error));
        break;
    case MESSAGE_PROFILE:
        on_profile(w, &m);
        break;
    case MESSAGE_LOCK:
        break;
    }
    message_fini(&m);
    if (w->state == WORKER_WORKING)
        arm_working_deadline(w);
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
        problem(w, worker_exit_advice(&exit), how);
    else if (!worker_exit_is_good(&exit))
        problem_and_free(w, worker_exit_advice(&exit), mem_printf("ended by %s, %.1f s after its start", how, after));
    else if (speaks(w) && !w->said_done && !w->interrupted && w->problems == 0)
        problem_and_free(w, "a worker says done before it exits",
                         mem_printf("ended (%s) %.1f s after its start without having said done", how, after));
    free(how);
}

static void judge_output(struct worker *w)
{
    uint64_t dropped = output_dropped(w);
    if (w->exit.output_error)
        problem_and_free(w, "make room on the disk of the run directory",
                         mem_printf("%s; %" PRIu64 " bytes of its output were dropped", w->exit.output_error, dropped));
    else if (dropped > 0)
        problem_and_free(w, "raise limits.output, or make it say less",
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
        problem(w, "the files are still in the worker's directory", e->text);
    end(w);
}

static void collect(struct worker *w)
{
    move(w, WORKER_COLLECTING);
    uv_timer_stop(&w->deadline);
    keep_last_progress(w);
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
    if (!speaks(w) && w->state == WORKER_STARTING)
        begin_work(w);
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
            on_line(w, message->line, message->size);
        break;
    case CHILD_LONG_LINE:
        w->lines++;
        bad_line(w, "is longer than CHILD_LINE_MAX (1 MiB)");
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
                                     .root = host->options->root,
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
    uv_timer_stop(&w->deadline);
    if (w->state != WORKER_LEAVING)
        move(w, WORKER_LEAVING);
    child_stop(w->child, now ? 0 : w->def->stop_timeout_ms);
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

unsigned *worker_upload_sequence(struct worker *w)
{
    return &w->upload_sequence;
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
