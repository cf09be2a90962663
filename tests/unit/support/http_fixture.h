/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of the HTTP side: a loop with a server, a client and raw sockets in it. Tear-down fails on live handles and
 * open descriptors. */
#ifndef LOCKTRAIL_TEST_HTTP_FIXTURE_H
#define LOCKTRAIL_TEST_HTTP_FIXTURE_H

#include "base/buf.h"
#include "base/mem.h"
#include "io/httpd.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* How long a condition is waited for before the test fails. */
#define TEST_DEADLINE_MS 60000

/* What the server was told of one request. */
struct seen {
    char *method, *path, *failed;
    int failed_status;
    struct buf body;
    struct http_headers headers;
    struct http_request *request; /* NULL for a failed one */
};

struct http_fixture {
    uv_loop_t loop;
    uv_timer_t tick; /* wakes the loop, so that a test can look at its raw sockets and its deadline */
    int descriptors;
    char directory[64];
    struct httpd_options options;
    struct httpd *server;
    bool hold; /* requests are not answered from the callback */
    void (*on_request)(struct http_fixture *f, struct seen *seen);
    struct seen *seen;
    size_t seen_count, seen_capacity;
    size_t answered;
    unsigned stopped;
};

static inline int count_descriptors(void)
{
    int count = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d) != NULL) {
        count++;
    }
    closedir(d);
    return count;
}

static inline void on_tick(uv_timer_t *timer)
{
    (void)timer;
}

/* Turns the loop until the condition holds. */
#define WAIT(f, condition)                                                                                             \
    do {                                                                                                               \
        uint64_t deadline_ = uv_hrtime() + (uint64_t)TEST_DEADLINE_MS * 1000000;                                       \
        while (!(condition)) {                                                                                         \
            uv_run(&(f)->loop, UV_RUN_ONCE);                                                                           \
            if (uv_hrtime() > deadline_) {                                                                             \
                fail_msg("waited in vain for %s", #condition);                                                         \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

static inline void http_open(struct http_fixture *f)
{
    /* libuv keeps descriptors of its own from the first loop on. */
    uv_loop_init(&f->loop);
    uv_loop_close(&f->loop);
    f->descriptors = count_descriptors();
    uv_loop_init(&f->loop);
    uv_timer_init(&f->loop, &f->tick);
    uv_timer_start(&f->tick, on_tick, 2, 2);
    strcpy(f->directory, "/tmp/locktrail-http-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    f->options = (struct httpd_options){.listen = "127.0.0.1:0",
                                        .max_header = 4096,
                                        .max_body = 1000,
                                        .idle_timeout_ms = 30000,
                                        .max_connections = 100};
}

static inline int http_setup(void **state)
{
    struct http_fixture *f = mem_calloc(1, sizeof *f);
    http_open(f);
    *state = f;
    return 0;
}

static inline void on_server_stopped(void *data)
{
    struct http_fixture *f = data;
    f->stopped++;
}

static inline void stop_server(struct http_fixture *f)
{
    unsigned before = f->stopped;
    httpd_stop(f->server, on_server_stopped, f);
    WAIT(f, f->stopped == before + 1);
    f->server = NULL;
}

static inline void forget_seen(struct http_fixture *f)
{
    for (size_t i = 0; i < f->seen_count; i++) {
        struct seen *s = &f->seen[i];
        free(s->method);
        free(s->path);
        free(s->failed);
        buf_fini(&s->body);
        http_headers_fini(&s->headers);
    }
    f->seen_count = 0;
}

static inline void http_close(struct http_fixture *f)
{
    if (f->server != NULL) {
        stop_server(f);
    }
    forget_seen(f);
    free(f->seen);
    uv_close((uv_handle_t *)&f->tick, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(count_descriptors(), f->descriptors);
    /* fails where a socket file was left */
    assert_int_equal(rmdir(f->directory), 0);
}

static inline int http_teardown(void **state)
{
    http_close(*state);
    free(*state);
    return 0;
}

/* --- the server ------------------------------------------------------------------------------------------------- */

/* 200 with the request's body as text. */
static inline void answer_echo(struct http_fixture *f, struct seen *s)
{
    http_answer(s->request, 200, "text/plain", s->body.data, s->body.size);
    s->request = NULL;
    f->answered++;
}

static inline void on_server_request(struct httpd *server, struct http_request *request,
                                     const struct http_request_info *info, void *data)
{
    struct http_fixture *f = data;
    (void)server;
    f->seen = mem_grow(f->seen, f->seen_count, &f->seen_capacity, sizeof *f->seen);
    struct seen *s = &f->seen[f->seen_count++];
    *s = (struct seen){.method = mem_strdup(info->method),
                       .path = mem_strdup(info->path),
                       .failed = info->failed ? mem_strdup(info->failed) : NULL,
                       .failed_status = info->failed_status,
                       .body = *info->body,
                       .request = info->failed ? NULL : request};
    *info->body = (struct buf){0};
    for (size_t i = 0; i < info->headers->count; i++) {
        http_headers_add(&s->headers, info->headers->items[i].name, info->headers->items[i].value);
    }
    if (info->failed != NULL || f->hold) {
        return;
    }
    if (f->on_request != NULL) {
        f->on_request(f, s);
    } else {
        answer_echo(f, s);
    }
}

static inline void start_server(struct http_fixture *f)
{
    struct err e = {0};
    f->server = httpd_start(&f->loop, &f->options, on_server_request, f, &e);
    assert_string_equal(e.text, "");
    assert_non_null(f->server);
}

/* --- raw sockets ------------------------------------------------------------------------------------------------ */

static inline int raw_connect(const char *url)
{
    struct sockaddr_storage at = {0};
    struct sockaddr_un *un = (struct sockaddr_un *)&at;
    struct sockaddr_in *in = (struct sockaddr_in *)&at;
    socklen_t size = sizeof *in;
    if (strncmp(url, "unix://", 7) == 0) {
        un->sun_family = AF_UNIX;
        strcpy(un->sun_path, url + 7);
        size = sizeof *un;
    } else {
        in->sin_family = AF_INET;
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        in->sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1));
    }
    int fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, size), 0);
    return fd;
}

/* Sends while the loop turns; gives up quietly where the peer has closed. */
static inline void raw_send(struct http_fixture *f, int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    ssize_t sent = 0;
    while (size > 0 && sent >= 0) {
        WAIT(f, (sent = send(fd, at, size, MSG_DONTWAIT | MSG_NOSIGNAL)) >= 0 || errno != EAGAIN);
        at += sent > 0 ? sent : 0;
        size -= sent > 0 ? (size_t)sent : 0;
    }
}

static inline void raw_say(struct http_fixture *f, int fd, const char *text)
{
    raw_send(f, fd, text, strlen(text));
}

/* Adds what comes until `until` has come (NULL: until the end) to `out`; true where the end came. */
static inline bool raw_read(struct http_fixture *f, int fd, const char *until, struct buf *out)
{
    char bytes[65536];
    ssize_t size = 1;
    while (size > 0 && (until == NULL || out->data == NULL || strstr(out->data, until) == NULL)) {
        WAIT(f, (size = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) >= 0 || errno != EAGAIN);
        if (size > 0) {
            buf_add(out, bytes, (size_t)size);
        }
    }
    return size <= 0;
}

/* One request on a connection of its own, and all that comes back until the server closes it. */
static inline struct buf raw_exchange(struct http_fixture *f, const char *text, size_t size)
{
    struct buf out = {0};
    int fd = raw_connect(httpd_url(f->server));
    raw_send(f, fd, text, size);
    shutdown(fd, SHUT_WR);
    raw_read(f, fd, NULL, &out);
    close(fd);
    buf_add_str(&out, "");
    return out;
}

/* The status of the first answer in it, 0 where there is none. */
static inline int status_of(const struct buf *answer)
{
    return answer->size > 12 && strncmp(answer->data, "HTTP/1.", 7) == 0 ? atoi(answer->data + 9) : 0;
}

#endif
