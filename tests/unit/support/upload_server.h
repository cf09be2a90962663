/* SPDX-License-Identifier: Apache-2.0 */
/* A tiny HTTP server in a thread: answers each request as the script says, and keeps what it got. */
#ifndef LOCKTRAIL_TESTS_UPLOAD_SERVER_H
#define LOCKTRAIL_TESTS_UPLOAD_SERVER_H

#include "base/buf.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* What a script says beside a status. */
enum { SERVER_RESET = -1, SERVER_SILENT = -2 };
#define SERVER_REQUESTS_MAX 32

struct upload_server {
    int listener;
    char url[64];         /* http://127.0.0.1:PORT, or unix://PATH */
    char socket_path[64]; /* "" for TCP */
    const int *script;    /* statuses; behind its end: 200 */
    size_t script_size;
    const char *headers; /* of every answer: "Retry-After: 1\r\n"; "" */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct buf requests[SERVER_REQUESTS_MAX]; /* head and body */
    size_t count;                             /* of those that were answered, or never will be */
};

static inline size_t server_body_size(const char *head)
{
    const char *at = strcasestr(head, "\r\nContent-Length:");
    return at ? strtoul(at + strlen("\r\nContent-Length:"), NULL, 10) : 0;
}

static inline void server_read(int fd, struct buf *out)
{
    char chunk[4096];
    for (;;) {
        const char *end = out->data ? strstr(out->data, "\r\n\r\n") : NULL;
        if (end && out->size >= (size_t)(end + 4 - out->data) + server_body_size(out->data))
            return;
        ssize_t size = recv(fd, chunk, sizeof chunk, 0);
        if (size <= 0)
            return;
        buf_add(out, chunk, (size_t)size);
    }
}

static inline void server_answer(const struct upload_server *s, int fd, int what)
{
    if (what == SERVER_RESET) {
        struct linger now = {.l_onoff = 1};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    } else if (what == SERVER_SILENT) {
        char byte;
        /* Until the client gives up. */
        while (recv(fd, &byte, 1, 0) > 0) {
        }
    } else {
        char text[256];
        int size =
            snprintf(text, sizeof text, "HTTP/1.1 %d Text\r\n%sContent-Length: 4\r\nConnection: close\r\n\r\nwhy!",
                     what, s->headers);
        ssize_t ignored = send(fd, text, (size_t)size, MSG_NOSIGNAL);
        (void)ignored;
    }
}

static inline void server_keep(struct upload_server *s, struct buf *request)
{
    pthread_mutex_lock(&s->mutex);
    if (s->count < SERVER_REQUESTS_MAX)
        s->requests[s->count++] = *request;
    else
        buf_fini(request);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
}

static inline void *server_run(void *data)
{
    struct upload_server *s = data;
    for (size_t i = 0;; i++) {
        struct buf request = {0};
        char byte;
        int fd = accept(s->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        int what = i < s->script_size ? s->script[i] : 200;
        server_read(fd, &request);
        if (what == SERVER_SILENT)
            server_keep(s, &request);
        server_answer(s, fd, what);
        /* The client has closed: it has read the answer. */
        if (what > 0 && recv(fd, &byte, 1, 0) > 0)
            abort();
        close(fd);
        if (what != SERVER_SILENT)
            server_keep(s, &request);
    }
}

static inline void server_listen_tcp(struct upload_server *s)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->listener >= 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &size), 0);
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
}

static inline void server_listen_unix(struct upload_server *s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", s->socket_path);
    s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->listener >= 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, sizeof address), 0);
    snprintf(s->url, sizeof s->url, "unix://%.*s", (int)sizeof s->url - 8, s->socket_path);
}

/* `socket_path` "" : a free port of the loopback. */
static inline void server_start(struct upload_server *s, const char *socket_path, const int *script, size_t size)
{
    s->script = script;
    s->script_size = size;
    s->headers = s->headers ? s->headers : "";
    snprintf(s->socket_path, sizeof s->socket_path, "%s", socket_path);
    if (socket_path[0])
        server_listen_unix(s);
    else
        server_listen_tcp(s);
    assert_int_equal(listen(s->listener, 8), 0);
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->changed, NULL);
    assert_int_equal(pthread_create(&s->thread, NULL, server_run, s), 0);
}

static inline void server_wait_for(struct upload_server *s, size_t count)
{
    pthread_mutex_lock(&s->mutex);
    while (s->count < count)
        pthread_cond_wait(&s->changed, &s->mutex);
    pthread_mutex_unlock(&s->mutex);
}

/* Takes no more; what was answered is in `requests` afterwards. */
static inline void server_end(struct upload_server *s)
{
    if (s->listener < 0)
        return;
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->listener);
    s->listener = -1;
}

static inline void server_stop(struct upload_server *s)
{
    server_end(s);
    if (s->socket_path[0])
        unlink(s->socket_path);
    for (size_t i = 0; i < s->count; i++)
        buf_fini(&s->requests[i]);
    pthread_mutex_destroy(&s->mutex);
    pthread_cond_destroy(&s->changed);
}

#endif
