/* SPDX-License-Identifier: Apache-2.0 */
#include "io/child.h"
#include "base/mem.h"
#include "io/child_control.h"
#include "io/child_limit.h"
#include "io/child_output.h"
#include "io/lines.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* After the guard's end nothing should hold the pipes any more. So long without a byte, and they
 * are closed. */
#define DRAIN_IDLE_MS 2000
/* Bytes of the channel that are read at once. */
#define CHANNEL_CHUNK ((size_t)16 << 10)

struct child {
    uv_loop_t *loop;
    child_fn fn; /* NULL while it is not started, and when that failed */
    void *data;
    uv_process_t guard;
    uv_pipe_t control;
    uv_pipe_t channel;
    uv_timer_t timer; /* until the guard's end: of child_stop; afterwards: of the drain */
    struct child_output output[2];
    struct lines control_lines, channel_lines;
    char control_chunk[256];
    char channel_chunk[CHANNEL_CHUNK];
    unsigned open_handles;
    bool spawned;
    bool reading; /* channel and outputs are read */
    bool control_open, channel_open;
    bool guard_ended;
    bool gone;   /* the guard has said so */
    bool exited; /* the guard has told how the worker ended */
    bool term_sent, kill_sent;
    uint64_t kill_at; /* uv_now; valid where term_sent */
    pid_t pid;
    struct child_exit exit;
    struct err guard_error;
};

static void emit(struct child *c, enum child_event event, const char *line, size_t size)
{
    struct child_message message = {.event = event, .line = line, .size = size, .exit = &c->exit};
    if (c->fn != NULL) {
        c->fn(c, &message, c->data);
    }
}

/* --- the end --- */

void child_free(struct child *c)
{
    if (c == NULL) {
        return;
    }
    assert(c->open_handles == 0);
    child_output_fini(&c->output[0]);
    child_output_fini(&c->output[1]);
    lines_fini(&c->control_lines);
    lines_fini(&c->channel_lines);
    free(c);
}

static void set_guard_error(struct child *c, const char *text)
{
    if (c->exit.guard_error == NULL) {
        err_set(&c->guard_error, ERR_INTERNAL, "%s", text);
        c->exit.guard_error = c->guard_error.text;
    }
}

static void complete_exit(struct child *c)
{
    for (int i = 0; i < 2 && c->exit.output_error == NULL; i++) {
        c->exit.output_error = c->output[i].failed ? c->output[i].error.text : NULL;
    }
    c->exit.killed = c->kill_sent && c->exit.signaled && c->exit.code == SIGKILL;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct child *c = handle->data;
    if (--c->open_handles > 0) {
        return;
    }
    if (c->fn == NULL) {
        child_free(c);
        return;
    }
    complete_exit(c);
    emit(c, CHILD_FINISHED, NULL, 0);
}

static void close_handle(struct child *c, void *handle)
{
    uv_handle_t *h = handle;
    if (!uv_is_closing(h)) {
        h->data = c;
        uv_close(h, on_handle_closed);
    }
}

static void close_all(struct child *c)
{
    close_handle(c, &c->control);
    close_handle(c, &c->channel);
    close_handle(c, &c->timer);
    close_handle(c, &c->output[0].pipe);
    close_handle(c, &c->output[1].pipe);
    if (c->spawned) {
        close_handle(c, &c->guard);
    }
}

/* The guard is dead and has not said that it has done its work. The worker has died with it; what
 * it had started in its group has not. */
static void on_guard_lost(struct child *c)
{
    set_guard_error(c, "its guard ended before its work was done");
    if (c->pid > 0) {
        kill(-c->pid, SIGKILL);
    }
    if (c->pid > 0 && !c->exited) {
        c->exited = true;
        c->exit.signaled = true;
        c->exit.code = SIGKILL;
    }
    c->gone = true;
}

/* Dead and drained come in any order; the last one gets through. */
static void check_finished(struct child *c)
{
    if (!c->guard_ended || c->control_open) {
        return;
    }
    if (!c->gone) {
        on_guard_lost(c);
    }
    if (!c->channel_open && c->output[0].done && c->output[1].done) {
        close_all(c);
    }
}

/* --- drain --- */

static void end_channel(struct child *c)
{
    if (c->channel_open) {
        uv_read_stop((uv_stream_t *)&c->channel);
        c->channel_open = false;
        emit(c, CHILD_CHANNEL_CLOSED, NULL, 0);
    }
}

static void on_drain_timeout(uv_timer_t *timer)
{
    struct child *c = timer->data;
    end_channel(c);
    child_output_cut(&c->output[0], "a process outside the guard's reach held it open");
    child_output_cut(&c->output[1], "a process outside the guard's reach held it open");
    check_finished(c);
}

static void restart_drain(struct child *c)
{
    if (c->guard_ended && !uv_is_closing((uv_handle_t *)&c->timer)) {
        uv_timer_start(&c->timer, on_drain_timeout, DRAIN_IDLE_MS, 0);
    }
}

static void on_output_progress(void *data)
{
    restart_drain(data);
}

static void on_output_done(void *data)
{
    check_finished(data);
}

static void on_channel_line(const char *line, size_t size, void *data)
{
    emit(data, line != NULL ? CHILD_LINE : CHILD_LONG_LINE, line, size);
}

static void on_channel_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct child *c = handle->data;
    (void)suggested;
    *buf = uv_buf_init(c->channel_chunk, sizeof c->channel_chunk);
}

static void on_channel_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    struct child *c = stream->data;
    if (size > 0) {
        lines_feed(&c->channel_lines, buf->base, (size_t)size, on_channel_line, c);
        restart_drain(c);
    } else if (size < 0) {
        lines_end(&c->channel_lines, on_channel_line, c);
        end_channel(c);
        check_finished(c);
    }
}

/* Not before the guard has spoken: CHILD_STARTED is the first event. */
static void begin_reading(struct child *c)
{
    if (c->reading) {
        return;
    }
    c->reading = true;
    child_output_read(&c->output[0]);
    child_output_read(&c->output[1]);
    if (c->channel_open) {
        uv_read_start((uv_stream_t *)&c->channel, on_channel_alloc, on_channel_read);
    }
}

/* --- the guard --- */

static void on_control_line(const char *line, size_t size, void *data)
{
    struct child *c = data;
    struct child_control event;
    (void)size;
    if (line == NULL || child_control_read(line, &event) != 0) {
        set_guard_error(c, "its guard said what locktrail does not understand");
        return;
    }
    switch (event.kind) {
    case CHILD_CONTROL_STARTED:
        c->pid = event.pid;
        emit(c, CHILD_STARTED, NULL, 0);
        begin_reading(c);
        break;
    case CHILD_CONTROL_FAILED:
        c->exited = true;
        c->exit.exec_errno = event.errnum;
        c->exit.exec_step = event.step;
        begin_reading(c);
        break;
    case CHILD_CONTROL_EXITED:
        c->exited = true;
        child_control_exit(&event, &c->exit);
        break;
    case CHILD_CONTROL_GONE:
        c->gone = true;
        c->exit.leftover = event.leftover;
        if (event.remaining > 0) {
            set_guard_error(c, "processes below it did not die of SIGKILL");
        }
        break;
    }
}

static void on_control_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct child *c = handle->data;
    (void)suggested;
    *buf = uv_buf_init(c->control_chunk, sizeof c->control_chunk);
}

static void on_control_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    struct child *c = stream->data;
    if (size > 0) {
        lines_feed(&c->control_lines, buf->base, (size_t)size, on_control_line, c);
    } else if (size < 0) {
        uv_read_stop(stream);
        c->control_open = false;
        begin_reading(c);
        check_finished(c);
    }
}

static void on_guard_exit(uv_process_t *process, int64_t status, int signal_number)
{
    struct child *c = process->data;
    c->guard_ended = true;
    if (signal_number != 0 || status != 0) {
        char text[64];
        snprintf(text, sizeof text, "its guard ended with %s %d", signal_number != 0 ? "signal" : "exit status",
                 signal_number != 0 ? signal_number : (int)status);
        set_guard_error(c, text);
    }
    restart_drain(c);
    check_finished(c);
}

/* --- orders --- */

static void send_order(struct child *c, char order)
{
    uv_os_fd_t fd;
    if (uv_fileno((uv_handle_t *)&c->control, &fd) == 0) {
        /* A guard that is gone needs no order, and a single byte always fits. */
        ssize_t sent = send(fd, &order, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)sent;
    }
}

static void on_stop_timeout(uv_timer_t *timer)
{
    struct child *c = timer->data;
    c->kill_sent = true;
    send_order(c, CHILD_ORDER_KILL);
}

void child_stop(struct child *c, int64_t grace_ms)
{
    uint64_t now = uv_now(c->loop), grace = grace_ms > 0 ? (uint64_t)grace_ms : 0;
    if (c->guard_ended || c->kill_sent) {
        return;
    }
    if (grace == 0) {
        on_stop_timeout(&c->timer);
        return;
    }
    if (c->term_sent && c->kill_at <= now + grace) {
        return;
    }
    if (!c->term_sent) {
        send_order(c, CHILD_ORDER_TERM);
    }
    c->term_sent = true;
    c->kill_at = now + grace;
    uv_timer_start(&c->timer, on_stop_timeout, grace, 0);
}

/* --- start --- */

static void init_output(struct child *c, int i, const char *name)
{
    struct child_output *o = &c->output[i];
    o->file = -1;
    o->name = name;
    o->on_progress = on_output_progress;
    o->on_done = on_output_done;
    o->data = c;
}

static struct child *child_new(uv_loop_t *loop, void *data)
{
    struct child *c = mem_calloc(1, sizeof *c);
    c->loop = loop;
    c->data = data;
    c->control_lines.max = sizeof c->control_chunk;
    c->channel_lines.max = CHILD_LINE_MAX;
    init_output(c, 0, "standard output");
    init_output(c, 1, "standard error");
    /* None of these can fail: they only fill the handle in. */
    uv_timer_init(loop, &c->timer);
    uv_pipe_init(loop, &c->control, 0);
    uv_pipe_init(loop, &c->channel, 0);
    uv_pipe_init(loop, &c->output[0].pipe, 0);
    uv_pipe_init(loop, &c->output[1].pipe, 0);
    c->open_handles = 5;
    c->timer.data = c;
    c->control.data = c;
    c->channel.data = c;
    c->guard.data = c;
    return c;
}

/* ends: the child's sides of its two outputs and of the channel, -1 where there is none; the caller
 * closes them. */
static int open_pipes(struct child *c, const struct child_options *options, int ends[3], struct err *e)
{
    if (child_output_open(&c->output[0], options->stdout_path, options->output_max, &ends[0], e) != 0 ||
        child_output_open(&c->output[1], options->stderr_path, options->output_max, &ends[1], e) != 0) {
        return -1;
    }
    if (options->channel && child_pipe_open(&c->channel, &ends[2], e) != 0) {
        return -1;
    }
    c->channel_open = options->channel;
    return 0;
}

static int spawn_guard(struct child *c, const struct child_options *options, const int ends[3], struct err *e)
{
    char **args = child_control_args(options), **env = child_control_env(options);
    uv_stdio_container_t stdio[] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&c->control},
        {.flags = UV_INHERIT_FD, .data.fd = ends[0]},
        {.flags = UV_INHERIT_FD, .data.fd = ends[1]},
        {.flags = UV_INHERIT_FD, .data.fd = ends[2]},
    };
    uv_process_options_t spawn = {.file = options->guard,
                                  .args = args,
                                  .env = env,
                                  .flags = UV_PROCESS_DETACHED,
                                  .stdio = stdio,
                                  .stdio_count = options->channel ? 4 : 3,
                                  .exit_cb = on_guard_exit};
    int result = uv_spawn(c->loop, &c->guard, &spawn);
    c->spawned = true;
    c->open_handles++;
    child_control_free(args);
    child_control_free(env);
    if (result != 0) {
        return err_set(e, ERR_MISSING, "cannot start %s: %s", options->guard, uv_strerror(result));
    }
    c->control_open = true;
    uv_read_start((uv_stream_t *)&c->control, on_control_alloc, on_control_read);
    return 0;
}

struct child *child_start(uv_loop_t *loop, const struct child_options *options, child_fn fn, void *data, struct err *e)
{
    struct child *c = child_new(loop, data);
    int ends[3] = {-1, -1, -1};
    int result = open_pipes(c, options, ends, e);
    if (result == 0) {
        result = spawn_guard(c, options, ends, e);
    }
    for (int i = 0; i < 3; i++) {
        if (ends[i] >= 0) {
            close(ends[i]);
        }
    }
    if (result != 0) {
        err_wrap(e, "worker %s", options->args[0]);
        child_output_abandon(&c->output[0]);
        child_output_abandon(&c->output[1]);
        close_all(c);
        return NULL;
    }
    c->fn = fn;
    return c;
}

bool child_signal(struct child *c, int number)
{
    return c->pid > 0 && !c->exited && kill(-c->pid, number) == 0;
}

/* --- questions --- */

pid_t child_pid(const struct child *c)
{
    return c->pid;
}

static const struct child_output *get_output(const struct child *c, int fd)
{
    assert(fd == STDOUT_FILENO || fd == STDERR_FILENO);
    return &c->output[fd - STDOUT_FILENO];
}

uint64_t child_output_bytes(const struct child *c, int fd)
{
    return get_output(c, fd)->total;
}

uint64_t child_output_dropped(const struct child *c, int fd)
{
    return get_output(c, fd)->dropped;
}

const char *child_output_tail(const struct child *c, int fd, size_t *size)
{
    return child_tail_get(get_output(c, fd), size);
}
