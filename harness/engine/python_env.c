/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/python_env.h"

#include "base/mem.h"
#include "engine/orders.h"
#include "io/child.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes of pip's output that are kept in the run directory. */
#define PREPARE_OUTPUT_MAX ((uint64_t)4 << 20)
/* How often the last line of its output is shown. */
#define PREPARE_PROGRESS_MS 500
/* From SIGTERM to SIGKILL: pip removes its temporary files. */
#define PREPARE_STOP_MS 5000
/* A preparation takes a minute; one that waits for another's, or for a slow index, some more. */
#define PREPARE_MAX_MS ((uint64_t)30 * 60 * 1000)

struct python_env_work {
    struct host *host;
    const struct scenario_worker *worker;
    struct child *child;
    struct err start_error;
    bool stopped, timed_out;
    uint64_t started_ms; /* uv_now */
    uv_timer_t timer;
    struct child_exit exit;
    char *shown; /* the last line that was shown */
    python_env_fn fn;
    void *data;
};

void python_env_fini(struct python_env *env)
{
    free(env->python);
    free(env->ddtrace_run);
    free(env->version);
    *env = (struct python_env){0};
}

/* The last line of the output that is not empty, for the caller to free. */
static char *last_line(const struct child *child, int fd)
{
    size_t size;
    const char *tail = child_output_tail(child, fd, &size);
    while (size > 0 && strchr("\r\n ", tail[size - 1]))
        size--;
    size_t start = size;
    while (start > 0 && tail[start - 1] != '\n' && tail[start - 1] != '\r')
        start--;
    return mem_strndup(tail + start, size - start);
}

static void on_progress(uv_timer_t *timer)
{
    struct python_env_work *work = timer->data;
    if (!work->timed_out && uv_now(work->host->loop) - work->started_ms >= PREPARE_MAX_MS) {
        work->timed_out = true;
        child_stop(work->child, PREPARE_STOP_MS);
    }
    char *line = last_line(work->child, 2);
    if (line[0] && (!work->shown || strcmp(line, work->shown) != 0)) {
        host_notify(work->host, RUN_OUTPUT, work->worker->name, line);
        free(work->shown);
        work->shown = line;
    } else {
        free(line);
    }
}

static int read_answer(const struct python_env_work *work, struct python_env *env, struct err *e)
{
    char *line = last_line(work->child, 1);
    struct json *answer = NULL;
    int result = json_read(line, strlen(line), &answer, e);
    if (result < 0) {
        err_set(e, ERR_MISSING, "worker %s: %s does not answer as a Python does (set workers.%s.interpreter)",
                work->worker->name, work->worker->interpreter, work->worker->name);
    } else {
        *env = (struct python_env){.python = mem_strdup(json_get_string(answer, "python", "")),
                                   .ddtrace_run = mem_strdup(json_get_string(answer, "ddtrace_run", "")),
                                   .version = mem_strdup(json_get_string(answer, "version", "")),
                                   .pinned = json_get_bool(answer, "pinned", false)};
        if (!env->python[0] || !env->ddtrace_run[0]) {
            python_env_fini(env);
            result = err_set(e, ERR_INTERNAL,
                             "answer of workers/python/environment.py \"%.200s\": it has no \"python\" or no "
                             "\"ddtrace_run\"",
                             line);
        }
    }
    json_free(answer);
    free(line);
    return result;
}

static int judge(const struct python_env_work *work, struct python_env *env, struct err *e)
{
    const struct scenario_worker *w = work->worker;
    if (!work->child) {
        *e = work->start_error;
        return -1;
    }
    if (work->stopped)
        return err_set(e, ERR_INTERRUPTED, "interrupted while the environment of %s was prepared", w->name);
    if (work->timed_out)
        return err_set(e, ERR_MISSING, "worker %s: no environment with ddtrace %s after %d minutes: see prepare-%s.log",
                       w->name, w->version, (int)(PREPARE_MAX_MS / 60000), w->name);
    if (work->exit.exec_errno)
        return err_sys(e, ERR_MISSING, work->exit.exec_errno,
                       "worker %s: can't start the interpreter %s (install python3 and python3-venv, or set "
                       "workers.%s.interpreter)",
                       w->name, w->interpreter, w->name);
    if (work->exit.signaled || work->exit.code != 0) {
        char *line = last_line(work->child, 2);
        err_set(e, ERR_MISSING, "worker %s: no environment with ddtrace %s: %s", w->name, w->version,
                line[0] ? line : "environment.py ended without a word");
        free(line);
        return -1;
    }
    return read_answer(work, env, e);
}

static void on_closed(uv_handle_t *handle)
{
    struct python_env_work *work = handle->data;
    struct python_env env = {0};
    struct err e;
    int result = judge(work, &env, &e);
    work->fn(result == 0 ? &env : NULL, result == 0 ? NULL : &e, work->data);
    if (work->child)
        child_free(work->child);
    free(work->shown);
    free(work);
}

static void close_timer(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, on_closed);
}

static void on_child(struct child *child, const struct child_message *message, void *data)
{
    struct python_env_work *work = data;
    (void)child;
    if (message->event != CHILD_FINISHED)
        return;
    work->exit = *message->exit;
    close_timer(&work->timer);
}

static const char **make_args(const struct scenario_worker *w, char *script, char *root)
{
    const char **args = mem_calloc(10 + 2 * w->package_count, sizeof *args);
    size_t n = 0;
    args[n++] = w->interpreter;
    args[n++] = script;
    args[n++] = "--root";
    args[n++] = root;
    args[n++] = "--interpreter";
    args[n++] = w->interpreter;
    args[n++] = "--version";
    args[n++] = w->version;
    for (size_t i = 0; i < w->package_count; i++) {
        args[n++] = "--package";
        args[n++] = w->packages[i];
    }
    return args;
}

struct python_env_work *python_env_prepare(struct host *host, const struct scenario_worker *worker, python_env_fn fn,
                                           void *data)
{
    struct python_env_work *work = mem_calloc(1, sizeof *work);
    char *root = mem_printf("%s/build/venvs", host->options->root);
    char *script = mem_printf("%s/workers/python/environment.py", host->options->root);
    char *log = mem_printf("%s/prepare-%s.log", host->options->directory, worker->name);
    const char **args = make_args(worker, script, root);
    char **env = orders_clean_environment();
    struct child_options options = {.guard = host->guard,
                                    .args = args,
                                    .env = (const char *const *)env,
                                    .stderr_path = log,
                                    .output_max = PREPARE_OUTPUT_MAX};
    *work = (struct python_env_work){.host = host, .worker = worker, .fn = fn, .data = data};
    work->started_ms = uv_now(host->loop);
    uv_timer_init(host->loop, &work->timer);
    work->timer.data = work;
    work->child = child_start(host->loop, &options, on_child, work, &work->start_error);
    if (work->child)
        uv_timer_start(&work->timer, on_progress, PREPARE_PROGRESS_MS, PREPARE_PROGRESS_MS);
    else
        uv_timer_start(&work->timer, close_timer, 0, 0);
    orders_free_strings(env);
    free(args);
    free(root);
    free(script);
    free(log);
    return work;
}

void python_env_stop(struct python_env_work *work, bool now)
{
    work->stopped = true;
    if (work->child)
        child_stop(work->child, now ? 0 : PREPARE_STOP_MS);
}
