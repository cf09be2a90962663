/* SPDX-License-Identifier: Apache-2.0 */
/* Happy path: started → executed → it ends with the exit code of its verdict → report.json is read → done. Failure
 * modes, each an attempt with the verdict error that says which: it can't be executed, it ends by a signal or with an
 * exit code that is no verdict (the last line on its standard error says why), its report can't be read, it does not
 * end in time (SIGTERM, then SIGKILL). */
#include "engine/matrix_child.h"

#include "base/mem.h"
#include "engine/matrix_result.h"
#include "io/child.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* From SIGTERM to SIGKILL: a run ends its workers, which have 5 s each by default, and writes its report. */
#define STOP_MS 15000
/* A cell says its verdict on standard output, and errors. */
#define OUTPUT_KEPT ((uint64_t)1 << 20)
#define WALK_DESCRIPTORS 16

struct matrix_child {
    struct matrix_child_options options;
    char *directory;
    struct child *child;
    uv_timer_t timer;
    uint64_t started_ns;
    bool stopped, timed_out;
    struct matrix_attempt attempt;
};

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    remove(path); /* what stays is in the way of the run, which says so */
    return 0;
}

static void remove_leftovers(const char *directory)
{
    if (access(directory, F_OK) == 0)
        nftw(directory, remove_one, WALK_DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}

/* Takes `conclusion`. */
static void set_error(struct matrix_child *c, int exit_code, char *conclusion)
{
    c->attempt.verdict = VERDICT_ERROR;
    c->attempt.exit_code = exit_code;
    c->attempt.conclusion = conclusion;
}

/* The last line that is not empty on standard error, without the "locktrail: " before it; for the caller to free. */
static char *last_words(const struct matrix_child *c)
{
    static const char name[] = "locktrail: ";
    size_t size;
    const char *tail = child_output_tail(c->child, 2, &size);
    while (size > 0 && strchr("\r\n ", tail[size - 1]))
        size--;
    size_t start = size;
    while (start > 0 && tail[start - 1] != '\n')
        start--;
    if (size - start > sizeof name && strncmp(tail + start, name, sizeof name - 1) == 0)
        start += sizeof name - 1;
    return mem_strndup(tail + start, size - start);
}

static void set_failed_run(struct matrix_child *c, const struct child_exit *exit)
{
    char *words = last_words(c);
    char *how = exit->signaled ? mem_printf("ended by signal %d", exit->code) : mem_printf("exit %d", exit->code);
    set_error(c, exit->signaled ? -1 : exit->code,
              words[0] ? mem_printf("the run failed (%s): %s", how, words)
                       : mem_printf("the run failed (%s) without a word", how));
    free(how);
    free(words);
}

static void read_attempt(struct matrix_child *c, const struct child_exit *exit)
{
    struct err e;
    if (exit->exec_errno) {
        set_error(c, -1, mem_printf("can't start the run: %s", strerror(exit->exec_errno)));
    } else if (c->timed_out) {
        set_error(c, -1, mem_printf("the run did not end within %.1f s", (double)c->options.timeout_ms / 1000));
    } else if (exit->signaled || matrix_result_read(c->directory, &c->attempt, &e) < 0) {
        set_failed_run(c, exit);
    } else if (exit->code != verdict_exit_code(c->attempt.verdict)) {
        matrix_attempt_fini(&c->attempt);
        set_failed_run(c, exit);
    } else {
        c->attempt.exit_code = exit->code;
    }
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct matrix_child *c = handle->data;
    c->options.done(c, &c->attempt, c->stopped, c->options.data);
    matrix_attempt_fini(&c->attempt);
    child_free(c->child);
    free(c->directory);
    free(c);
}

static void on_child(struct child *child, const struct child_message *message, void *data)
{
    struct matrix_child *c = data;
    (void)child;
    if (message->event != CHILD_FINISHED)
        return;
    int64_t duration_ms = (int64_t)((uv_hrtime() - c->started_ns) / 1000000);
    if (!c->stopped)
        read_attempt(c, message->exit);
    c->attempt.duration_ms = duration_ms;
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

static void on_timeout(uv_timer_t *timer)
{
    struct matrix_child *c = timer->data;
    c->timed_out = true;
    child_stop(c->child, STOP_MS);
}

struct matrix_child *matrix_child_start(const struct matrix_child_options *options, struct err *e)
{
    struct matrix_child *c = mem_calloc(1, sizeof *c);
    const struct child_options child = {
        .guard = options->guard, .args = options->args, .env = (const char *const *)environ, .output_max = OUTPUT_KEPT};
    remove_leftovers(options->directory);
    *c = (struct matrix_child){.options = *options, .started_ns = uv_hrtime()};
    c->child = child_start(options->loop, &child, on_child, c, e);
    if (!c->child) {
        free(c);
        return NULL;
    }
    c->directory = mem_strdup(options->directory);
    uv_timer_init(options->loop, &c->timer);
    c->timer.data = c;
    uv_timer_start(&c->timer, on_timeout, (uint64_t)options->timeout_ms, 0);
    return c;
}

void matrix_child_stop(struct matrix_child *c, bool now)
{
    c->stopped = true;
    child_stop(c->child, now ? 0 : STOP_MS);
}
