/* SPDX-License-Identifier: Apache-2.0 */
/* Happy path: start (listen, daemon, watch its epoll descriptor) → its events and timeouts run it → stop (no more
 * watching, waiting connections let go, daemon ended, socket file removed) → closed. Failure modes are those of
 * httpd_start; a running server has none: what goes wrong is a request's. */
#include "io/httpd_internal.h"

#include "base/log.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* libmicrohttpd keeps a connection's head, its parsed form and the read buffer in one pool: twice a head of the allowed
 * size, and its own read increment. */
#define POOL_SIZE(max_header) ((max_header)*2 + 4096 + 2 * READ_SIZE)

/* Half of the pool is what is read at once. Smaller pieces cost a 1 MB upload more in calls than in copying; pages of
 * it that are never used cost nothing. */
#define READ_SIZE ((size_t)128 << 10)

static void on_timer(uv_timer_t *timer);

/* The timer shows libmicrohttpd's next timeout; 0 where it has work left. */
static void set_timer(struct httpd *server)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    if (server->kicked) {
        uv_timer_start(&server->timer, on_timer, 0, 0);
    } else if (MHD_get_timeout(server->daemon, &ms) == MHD_YES) {
        uv_timer_start(&server->timer, on_timer, ms, 0);
    } else {
        uv_timer_stop(&server->timer);
    }
}

static void run(struct httpd *server)
{
    server->kicked = false;
    MHD_run(server->daemon);
    if (!server->stopping) {
        httpd_wake_closed(server);
        set_timer(server);
    }
}

static void on_timer(uv_timer_t *timer)
{
    run(timer->data);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    run(poll->data);
}

void httpd_kick(struct httpd *server)
{
    server->kicked = true;
    if (!server->stopping) {
        uv_timer_start(&server->timer, on_timer, 0, 0);
    }
}

__attribute__((format(printf, 2, 0))) static void on_log(void *cls, const char *fmt, va_list args)
{
    char text[512];
    (void)cls;
    vsnprintf(text, sizeof text, fmt, args);
    text[strcspn(text, "\n")] = '\0';
    log_line(LOG_DEBUG, "httpd", "%s", text);
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct httpd *server = cls;
    (void)connection;
    (void)context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        server->open_connections++;
    } else {
        server->open_connections--;
        /* At its limit it listens again only when it runs the next time, which nothing else may cause. */
        server->kicked = true;
    }
}

/* libmicrohttpd counts seconds; a timeout is never shorter than was asked for. */
static unsigned timeout_s(int64_t ms)
{
    int64_t s = ms / 1000 + (ms % 1000 != 0);
    return s < 1 ? 1 : s > UINT_MAX / 1000 ? UINT_MAX / 1000 : (unsigned)s;
}

static int start_daemon(struct httpd *server, struct err *e)
{
    int fd = server->socket.fd;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    server->daemon = MHD_start_daemon(
        server->stream != NULL ? flags | MHD_USE_SUPPRESS_DATE_NO_CLOCK : flags, 0, NULL, NULL, httpd_on_access, server,
        MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        server->options.max_connections, MHD_OPTION_CONNECTION_TIMEOUT, timeout_s(server->options.idle_timeout_ms),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL_SIZE(server->options.max_header), MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_URI_LOG_CALLBACK, httpd_on_uri, server, MHD_OPTION_NOTIFY_COMPLETED, httpd_on_completed, server,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_END);
    if (server->daemon != NULL) {
        return 0;
    }
    /* Whether it has closed the socket depends on how far it came. */
    if (fcntl(fd, F_GETFD) >= 0) {
        close(fd);
    }
    return err_set(e, ERR_INTERNAL, "libmicrohttpd does not start on %s", server->socket.url);
}

static int watch(struct httpd *server, struct err *e)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL) {
        return err_set(e, ERR_MISSING, "this libmicrohttpd was built without epoll");
    }
    int result = uv_poll_init(server->loop, &server->poll, info->epoll_fd);
    if (result != 0) {
        return err_set(e, ERR_INTERNAL, "can't watch the server: %s", uv_strerror(result));
    }
    server->poll.data = server;
    uv_timer_init(server->loop, &server->timer);
    server->timer.data = server;
    server->open_handles = 2;
    result = uv_poll_start(&server->poll, UV_READABLE, on_event);
    assert(result == 0); /* fails only on a closing handle */
    httpd_kick(server);
    return 0;
}

static struct httpd *start(uv_loop_t *loop, const struct httpd_options *options, const struct httpd *owner,
                           struct err *e)
{
    struct httpd *server = mem_calloc(1, sizeof *server);
    *server = *owner;
    server->loop = loop;
    server->options = *options;
    server->options.listen = NULL;
    if (httpd_listen(options->listen, &server->socket, e) != 0) {
        free(server);
        return NULL;
    }
    if (start_daemon(server, e) != 0 || watch(server, e) != 0) {
        if (server->daemon != NULL) {
            MHD_stop_daemon(server->daemon);
        }
        httpd_socket_fini(&server->socket);
        free(server);
        return NULL;
    }
    return server;
}

struct httpd *httpd_start(uv_loop_t *loop, const struct httpd_options *options, httpd_fn fn, void *data, struct err *e)
{
    struct httpd owner = {.fn = fn, .data = data};
    return start(loop, options, &owner, e);
}

struct httpd *httpd_start_streaming(uv_loop_t *loop, const struct httpd_options *options,
                                    const struct httpd_stream *stream, void *data, struct err *e)
{
    struct httpd owner = {.stream = stream, .data = data};
    return start(loop, options, &owner, e);
}

const char *httpd_url(const struct httpd *server)
{
    return server->socket.url;
}

struct buf httpd_memory(struct httpd *server, uint64_t size)
{
    return spare_take(&server->spare, size);
}

void httpd_give_back(struct httpd *server, struct buf *memory)
{
    spare_give(&server->spare, memory);
}

unsigned httpd_open_requests(const struct httpd *server)
{
    return server->open_requests;
}

unsigned httpd_open_connections(const struct httpd *server)
{
    return server->open_connections;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct httpd *server = handle->data;
    if (--server->open_handles > 0) {
        return;
    }
    httpd_resume_all(server);
    MHD_stop_daemon(server->daemon);
    httpd_socket_fini(&server->socket);
    spare_fini(&server->spare);
    server->closed(server->closed_data);
    free(server);
}

void httpd_stop(struct httpd *server, void (*closed)(void *data), void *data)
{
    assert(!server->stopping);
    server->stopping = true;
    server->closed = closed;
    server->closed_data = data;
    /* The daemon may be what has called us: it is ended from the loop. */
    uv_close((uv_handle_t *)&server->poll, on_handle_closed);
    uv_close((uv_handle_t *)&server->timer, on_handle_closed);
}
