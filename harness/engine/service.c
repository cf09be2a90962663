/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/service.h"

#include "base/log.h"
#include "base/mem.h"
#include "engine/worker_exit.h"
#include "io/child.h"
#include "io/disk.h"
#include "io/http_client.h"

#include <assert.h>
#include <stdlib.h>

/* From one question to the next while it starts: agents answer within 50 to 500 ms of their start. */
#define POLL_MS 50
/* One question. A service that takes it and says nothing is asked again. */
#define QUESTION_TIMEOUT_MS 1000
/* Bytes of each of its two output files: an agent that logs each of 100,000 failed uploads stays below. */
#define OUTPUT_MAX ((uint64_t)64 << 20)

enum service_state { SERVICE_IS_STARTING, SERVICE_IS_READY, SERVICE_IS_STOPPING, SERVICE_HAS_ENDED };
#define SERVICE_STATE_COUNT (SERVICE_HAS_ENDED + 1)
static const char *const state_names[SERVICE_STATE_COUNT] = {"starting", "ready", "stopping", "ended"};

/* Allowed moves: a bit for each next state. */
static const unsigned allowed_moves[SERVICE_STATE_COUNT] = {
    [SERVICE_IS_STARTING] = 1u << SERVICE_IS_READY | 1u << SERVICE_IS_STOPPING | 1u << SERVICE_HAS_ENDED,
    [SERVICE_IS_READY] = 1u << SERVICE_IS_STOPPING | 1u << SERVICE_HAS_ENDED,
    [SERVICE_IS_STOPPING] = 1u << SERVICE_HAS_ENDED,
};

struct service {
    struct host *host; /* borrowed */
    enum service_state state;
    char *name, *program, *health_url, *health_unix_socket;
    int health_status;
    int64_t start_timeout_ms, stop_timeout_ms;
    int64_t started_ms, ready_ms; /* of the journal's clock; ready_ms valid once it was ready */
    service_fn fn;
    void *data;
    struct child *child; /* NULL: it could not be started, see start_error */
    struct err start_error;
    struct child_exit exit;
    struct http_client *client; /* NULL: nothing is asked */
    struct buf last_answer;     /* why the last question found it not ready */
    bool failed;                /* SERVICE_FAILED has been said */
    bool stopped;               /* by service_stop */
    bool killed_at_once;
    bool disturbed; /* by service_kill */
    uv_timer_t poll, deadline;
    unsigned open; /* timers and client that are being closed */
};

static void move(struct service *s, enum service_state next)
{
    assert(allowed_moves[s->state] & 1u << next);
    log_line(LOG_DEBUG, s->name, "%s -> %s", state_names[s->state], state_names[next]);
    s->state = next;
}

static void emit(struct service *s, enum service_event event, const char *text)
{
    struct service_message message = {.event = event, .text = text, .output = ""};
    if (s->child) {
        message.output = child_output_tail(s->child, 2, &message.output_size);
        if (message.output_size == 0)
            message.output = child_output_tail(s->child, 1, &message.output_size);
    }
    s->fn(s, &message, s->data);
}

/* Takes `text`. */
static void fail(struct service *s, char *text)
{
    s->failed = true;
    log_line(LOG_INFO, s->name, "failed: %s", text);
    emit(s, SERVICE_FAILED, text);
    free(text);
}

static int64_t since_start_ms(const struct service *s)
{
    return journal_elapsed_ms(&s->host->journal) - s->started_ms;
}

/* --- the end --- */

static struct worker_exit exit_of(const struct service *s)
{
    return (struct worker_exit){.child = &s->exit,
                                .start_error = s->child ? NULL : s->start_error.text,
                                .program = s->program,
                                .killed_at_once = s->killed_at_once,
                                .disturbed = s->disturbed,
                                .stopped = s->stopped};
}

static void journal_ended(struct service *s, const char *cause)
{
    struct worker_exit exit = exit_of(s);
    struct json_out out = journal_begin(&s->host->journal, "service_ended");
    json_put_string(&out, "service", s->name);
    json_put_bool(&out, "good", !s->failed && worker_exit_is_good(&exit));
    json_put_string(&out, "cause", cause);
    json_put_int(&out, "wall_ms", since_start_ms(s));
    json_put_int(&out, "cpu_ms", s->exit.user_ms + s->exit.system_ms);
    json_put_int(&out, "max_rss", s->exit.max_rss);
    journal_end(&s->host->journal, &out, true);
}

static void judge_end(struct service *s, enum service_state before, const char *cause)
{
    struct worker_exit exit = exit_of(s);
    double ready_s = (double)(journal_elapsed_ms(&s->host->journal) - s->ready_ms) / 1000;
    if (s->failed)
        return;
    if (exit.start_error)
        fail(s, mem_printf("%s could not be started: %s", s->name, cause));
    else if (worker_exit_before_start(&exit))
        fail(s, mem_printf("%s %s", s->name, cause));
    else if (before == SERVICE_IS_STARTING)
        fail(s, mem_printf("%s ended before it was ready: %s", s->name, cause));
    else if (before == SERVICE_IS_READY)
        fail(s, mem_printf("%s ended while it was needed, %.1f s after it was ready: %s", s->name, ready_s, cause));
    else if (s->exit.killed && !s->killed_at_once)
        fail(s, mem_printf("%s did not end within %.1f s of SIGTERM and was killed", s->name,
                           (double)s->stop_timeout_ms / 1000));
}

static void close_one(struct service *s)
{
    if (--s->open > 0)
        return;
    enum service_state before = s->state;
    struct worker_exit exit = exit_of(s);
    char *cause = worker_exit_describe(&exit);
    move(s, SERVICE_HAS_ENDED);
    judge_end(s, before, cause);
    journal_ended(s, cause);
    free(cause);
    emit(s, SERVICE_ENDED, NULL);
}

static void on_timer_closed(uv_handle_t *handle)
{
    close_one(handle->data);
}

static void on_client_closed(void *data)
{
    close_one(data);
}

static void close_all(struct service *s)
{
    s->open = s->client ? 3 : 2;
    uv_close((uv_handle_t *)&s->poll, on_timer_closed);
    uv_close((uv_handle_t *)&s->deadline, on_timer_closed);
    if (s->client)
        http_client_close(s->client, on_client_closed, s);
}

/* --- the start --- */

static void become_ready(struct service *s)
{
    move(s, SERVICE_IS_READY);
    uv_timer_stop(&s->deadline);
    s->ready_ms = journal_elapsed_ms(&s->host->journal);
    struct json_out out = journal_begin(&s->host->journal, "service_ready");
    json_put_string(&out, "service", s->name);
    json_put_int(&out, "ms", since_start_ms(s));
    journal_end(&s->host->journal, &out, false);
    emit(s, SERVICE_READY, NULL);
}

static void on_poll(uv_timer_t *timer);

static bool is_ready(const struct service *s, int status)
{
    return s->health_status ? status == s->health_status : status >= 200 && status < 300;
}

static void on_answer(const struct http_result *result, void *data)
{
    struct service *s = data;
    if (s->state != SERVICE_IS_STARTING || s->open > 0)
        return;
    if (!result->error && is_ready(s, result->status)) {
        become_ready(s);
        return;
    }
    buf_clear(&s->last_answer);
    if (result->error)
        buf_add_str(&s->last_answer, result->error->text);
    else
        buf_printf(&s->last_answer, "status %d", result->status);
    uv_timer_start(&s->poll, on_poll, POLL_MS, 0);
}

static void on_poll(uv_timer_t *timer)
{
    struct service *s = timer->data;
    const struct http_headers none = {0};
    const struct http_call call = {.method = "GET",
                                   .url = s->health_url,
                                   .unix_socket = s->health_unix_socket,
                                   .headers = &none,
                                   .timeout_ms = QUESTION_TIMEOUT_MS};
    http_client_send(s->client, &call, on_answer, s);
}

static void on_deadline(uv_timer_t *timer)
{
    struct service *s = timer->data;
    char *last = s->last_answer.size > 0 ? mem_printf(" (%s)", s->last_answer.data) : mem_strdup("");
    move(s, SERVICE_IS_STOPPING);
    uv_timer_stop(&s->poll);
    child_stop(s->child, s->stop_timeout_ms);
    fail(s, mem_printf("%s did not answer GET %s within %.1f s of its start%s", s->name,
                       s->health_url ? s->health_url : "", (double)s->start_timeout_ms / 1000, last));
    free(last);
}

static void on_started(struct service *s)
{
    struct json_out out = journal_begin(&s->host->journal, "service_started");
    json_put_string(&out, "service", s->name);
    json_put_int(&out, "pid", child_pid(s->child));
    journal_end(&s->host->journal, &out, false);
    if (s->state != SERVICE_IS_STARTING)
        return;
    if (s->health_url)
        on_poll(&s->poll);
    else
        become_ready(s);
}

static void on_child(struct child *child, const struct child_message *message, void *data)
{
    struct service *s = data;
    (void)child;
    if (message->event == CHILD_STARTED) {
        on_started(s);
    } else if (message->event == CHILD_FINISHED) {
        s->exit = *message->exit;
        close_all(s);
    }
}

/* Nothing could be started: the end comes from the loop, as all others do. */
static void on_start_failed(uv_timer_t *timer)
{
    close_all(timer->data);
}

static int spawn(struct service *s, const struct service_options *options, struct err *e)
{
    char *directory = mem_printf("%s/services", s->host->options->directory);
    char *stdout_path = mem_printf("%s/%s.out", directory, s->name);
    char *stderr_path = mem_printf("%s/%s.err", directory, s->name);
    const struct child_options child = {.guard = s->host->guard,
                                        .args = options->args,
                                        .env = options->env,
                                        .stdout_path = stdout_path,
                                        .stderr_path = stderr_path,
                                        .output_max = OUTPUT_MAX};
    int result = disk_make_dir(directory, e);
    if (result == 0 && s->health_url)
        result = (s->client = http_client_new(s->host->loop, e)) ? 0 : -1;
    if (result == 0)
        result = (s->child = child_start(s->host->loop, &child, on_child, s, e)) ? 0 : -1;
    free(directory);
    free(stdout_path);
    free(stderr_path);
    return result;
}

struct service *service_start(const struct service_options *options, service_fn fn, void *data)
{
    struct service *s = mem_calloc(1, sizeof *s);
    struct host *host = options->host;
    *s = (struct service){.host = host,
                          .name = mem_strdup(options->name),
                          .program = mem_strdup(options->args[0]),
                          .health_url = options->health_url ? mem_strdup(options->health_url) : NULL,
                          .health_status = options->health_status,
                          .start_timeout_ms = options->start_timeout_ms,
                          .stop_timeout_ms = options->stop_timeout_ms,
                          .started_ms = journal_elapsed_ms(&host->journal),
                          .fn = fn,
                          .data = data};
    if (options->health_unix_socket)
        s->health_unix_socket = mem_strdup(options->health_unix_socket);
    uv_timer_init(host->loop, &s->poll);
    uv_timer_init(host->loop, &s->deadline);
    s->poll.data = s->deadline.data = s;
    if (spawn(s, options, &s->start_error) < 0)
        uv_timer_start(&s->deadline, on_start_failed, 0, 0);
    else
        uv_timer_start(&s->deadline, on_deadline, (uint64_t)s->start_timeout_ms, 0);
    return s;
}

static void stop(struct service *s, bool at_once)
{
    if (!s->child || s->state == SERVICE_HAS_ENDED || s->open > 0)
        return;
    s->stopped = true;
    s->killed_at_once = s->killed_at_once || at_once;
    if (s->state != SERVICE_IS_STOPPING) {
        move(s, SERVICE_IS_STOPPING);
        uv_timer_stop(&s->poll);
        uv_timer_stop(&s->deadline);
    }
    child_stop(s->child, at_once ? 0 : s->stop_timeout_ms);
}

void service_stop(struct service *s)
{
    stop(s, s->stopped);
}

void service_kill(struct service *s)
{
    s->disturbed = !s->stopped;
    stop(s, true);
}

void service_free(struct service *s)
{
    if (!s)
        return;
    assert(s->state == SERVICE_HAS_ENDED);
    child_free(s->child);
    buf_fini(&s->last_answer);
    free(s->name);
    free(s->program);
    free(s->health_url);
    free(s->health_unix_socket);
    free(s);
}
