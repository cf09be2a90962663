/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/control.h"

#include "base/log.h"
#include "base/mem.h"
#include "engine/instances.h"
#include "engine/orders.h"
#include "engine/worker.h"
#include "io/child.h"
#include "profile/profile.h"

#include <stdlib.h>
#include <string.h>

/* Bytes kept of a control command's stdout and stderr each: a verbose test run has some hundred
 * KiB. */
#define CONTROL_OUTPUT_MAX ((uint64_t)16 << 20)
#define CONTROL_STOP_MS 5000
/* Profiles of one control process: it lives for a second, so there is one; an upload interval of
 * 100 ms gives ten. */
#define CONTROL_COPIES_MAX 1000

struct control {
    struct host *host;
    control_fn fn;
    void *data;
    /* builtin */
    struct instance_plan plan;
    struct worker **workers;
    size_t running;
    uv_work_t reading;
    /* command */
    struct child *child;
    struct err start_error;
    uv_timer_t timeout;
    bool timed_out;

    bool interrupted;
    int exit_code;
    struct err why;   /* text is valid when failed or not started */
    bool failed;      /* the collector did not pass */
    bool not_started; /* it never came to a check: says nothing of the collector */
};

static const char *outcome_word(const struct control *c)
{
    if (c->interrupted)
        return "interrupted";
    return c->not_started ? "not_started" : c->failed ? "failed" : "passed";
}

static void report(struct control *c)
{
    enum control_outcome outcome = c->interrupted || c->not_started ? CONTROL_NOT_RUN
                                   : c->failed                      ? CONTROL_FAILED
                                                                    : CONTROL_PASSED;
    const char *why = c->failed || c->not_started ? c->why.text : "";
    if (c->not_started && !c->interrupted)
        host_problem(c->host, "control", "check the command under control.command, or leave it out with --no-control",
                     NULL, 0, "%s", why);
    struct json_out out = journal_begin(&c->host->journal, "control_ended");
    json_put_string(&out, "outcome", outcome_word(c));
    json_put_string(&out, "why", why);
    json_put_int(&out, "exit", c->exit_code);
    size_t size = 0;
    const char *tail = NULL;
    if (c->child) {
        tail = child_output_tail(c->child, 1, &size);
        if (size == 0)
            tail = child_output_tail(c->child, 2, &size);
    }
    json_key(&out, "output");
    json_string_n(&out, tail ? tail : "", size);
    journal_end(&c->host->journal, &out, true);
    host_notify(c->host, RUN_CONTROL, "control", why[0] ? why : outcome_word(c));
    c->fn(c, outcome, c->data);
}

static void fail(struct control *c)
{
    c->failed = true;
}

/* --- builtin --- */

/* Looks for the reference lock's name in one copy. */
static int read_copy(const char *path, bool *named, struct err *e)
{
    struct buf bytes = {0};
    struct profile *profile = NULL;
    int result = disk_read_now(path, PROFILE_RAW_SIZE_MAX, &bytes, e);
    if (result == 0)
        result = profile_read(bytes.data, bytes.size, &profile_limits_default, &profile, e);
    for (size_t i = 0; result == 0 && i < profile->name_count; i++)
        if (strcmp(profile->names[i].name, REFERENCE_LOCK) == 0)
            *named = true;
    profile_free(profile);
    buf_fini(&bytes);
    return result;
}

static int check_instance(const struct control *c, const char *instance, struct err *e)
{
    bool named = false;
    int copies = 0;
    for (int i = 1; i <= CONTROL_COPIES_MAX; i++) {
        char *path = mem_printf("%s/copies/control/%s.%d.pprof", c->host->options->directory, instance, i);
        struct err missing;
        int result = read_copy(path, &named, &missing);
        free(path);
        if (result < 0 && missing.code == ERR_MISSING)
            break;
        copies++;
        if (result < 0) {
            *e = missing;
            return err_wrap(e, "%s: its profile can't be read", instance);
        }
    }
    if (copies == 0)
        return err_set(e, ERR_INPUT, "%s wrote no profile: the profiler did not start", instance);
    if (!named)
        return err_set(e, ERR_INPUT,
                       "%s: even %s, a global variable taken by one thread with every acquire captured, has no "
                       "name in the local profile",
                       instance, REFERENCE_LOCK);
    return 0;
}

static void on_read(uv_work_t *work)
{
    struct control *c = work->data;
    for (size_t i = 0; i < c->plan.count && !c->failed; i++)
        if (check_instance(c, c->plan.items[i].name, &c->why) < 0)
            fail(c);
}

static void on_read_done(uv_work_t *work, int status)
{
    (void)status;
    report(work->data);
}

static void on_worker_end(struct worker *worker, bool good, void *data)
{
    struct control *c = data;
    if (!good && !c->failed) {
        err_set(&c->why, ERR_INPUT, "%s did not do its work (see problems)", worker_instance(worker));
        fail(c);
    }
    if (--c->running > 0)
        return;
    c->reading.data = c;
    uv_queue_work(c->host->loop, &c->reading, on_read, on_read_done);
}

static void start_builtin(struct control *c, const struct python_env *envs)
{
    const struct scenario *s = c->host->options->scenario;
    instances_plan_control(s, &c->plan);
    for (size_t i = 0; i < s->worker_count; i++)
        if (c->host->left_out[i])
            instances_leave_out(&c->plan, &s->workers[i]);
    c->workers = mem_calloc(c->plan.count, sizeof *c->workers);
    c->running = c->plan.count;
    for (size_t i = 0; i < c->plan.count; i++) {
        const struct planned_instance *planned = &c->plan.items[i];
        struct worker_options options = {.host = c->host,
                                         .planned = planned,
                                         .env = &envs[planned->def - s->workers],
                                         .on_end = on_worker_end,
                                         .data = c};
        c->workers[i] = worker_start(&options);
    }
}

/* --- command --- */

static void on_timeout(uv_timer_t *timer)
{
    struct control *c = timer->data;
    c->timed_out = true;
    child_stop(c->child, CONTROL_STOP_MS);
}

static void on_timer_closed(uv_handle_t *handle)
{
    report(handle->data);
}

static void finish_command(struct control *c, const struct child_exit *exit)
{
    const char *name = c->host->options->scenario->control.command[0];
    c->exit_code = exit->signaled ? 128 + exit->code : exit->code;
    c->not_started = exit->exec_errno || exit->guard_error;
    if (exit->exec_errno)
        err_sys(&c->why, ERR_MISSING, exit->exec_errno, "the control command %s can't be started", name);
    else if (exit->guard_error)
        err_set(&c->why, ERR_INTERNAL, "the control command %s: %s", name, exit->guard_error);
    else if (c->timed_out)
        err_set(&c->why, ERR_INPUT, "control command %s took longer than control.timeout (%.1f s)", name,
                (double)c->host->options->scenario->control.timeout_ms / 1000);
    else if (c->exit_code != 0)
        err_set(&c->why, ERR_INPUT, "control command %s ended with exit status %d", name, c->exit_code);
    if (!c->not_started && (c->timed_out || c->exit_code != 0))
        fail(c);
}

static void on_child(struct child *child, const struct child_message *message, void *data)
{
    struct control *c = data;
    (void)child;
    if (message->event != CHILD_FINISHED)
        return;
    finish_command(c, message->exit);
    uv_close((uv_handle_t *)&c->timeout, on_timer_closed);
}

static void on_start_failed(uv_timer_t *timer)
{
    struct control *c = timer->data;
    c->why = c->start_error;
    c->not_started = true;
    uv_close((uv_handle_t *)timer, on_timer_closed);
}

static void start_command(struct control *c)
{
    const struct scenario *s = c->host->options->scenario;
    char *directory = mem_printf("%s/control", c->host->options->directory);
    char *stdout_path = mem_printf("%s/stdout", directory);
    char *stderr_path = mem_printf("%s/stderr", directory);
    char **env = orders_clean_environment();
    const char **args = mem_calloc(s->control.command_count + 1, sizeof *args);
    for (size_t i = 0; i < s->control.command_count; i++)
        args[i] = s->control.command[i];
    struct child_options options = {.guard = c->host->guard,
                                    .args = args,
                                    .env = (const char *const *)env,
                                    .stdout_path = stdout_path,
                                    .stderr_path = stderr_path,
                                    .output_max = CONTROL_OUTPUT_MAX};
    uv_timer_init(c->host->loop, &c->timeout);
    c->timeout.data = c;
    if (disk_make_dir(directory, &c->start_error) < 0 ||
        !(c->child = child_start(c->host->loop, &options, on_child, c, &c->start_error)))
        uv_timer_start(&c->timeout, on_start_failed, 0, 0);
    else
        uv_timer_start(&c->timeout, on_timeout, (uint64_t)s->control.timeout_ms, 0);
    orders_free_strings(env);
    free(args);
    free(directory);
    free(stdout_path);
    free(stderr_path);
}

struct control *control_start(struct host *host, const struct python_env *envs, control_fn fn, void *data)
{
    struct control *c = mem_calloc(1, sizeof *c);
    *c = (struct control){.host = host, .fn = fn, .data = data};
    host_notify(host, RUN_CONTROL, "control", "");
    if (host->options->scenario->control.kind == CONTROL_COMMAND)
        start_command(c);
    else
        start_builtin(c, envs);
    return c;
}

void control_interrupt(struct control *c, bool now)
{
    c->interrupted = true;
    for (size_t i = 0; i < c->plan.count; i++)
        worker_interrupt(c->workers[i], now);
    if (c->child)
        child_stop(c->child, now ? 0 : CONTROL_STOP_MS);
}

void control_free(struct control *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->plan.count; i++)
        worker_free(c->workers[i]);
    free(c->workers);
    instance_plan_fini(&c->plan);
    if (c->child)
        child_free(c->child);
    free(c);
}
