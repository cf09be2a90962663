/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/1.1 server on the loop, on loopback or a unix socket: libmicrohttpd's own epoll descriptor, watched by libuv. */
#ifndef LOCKTRAIL_IO_HTTPD_H
#define LOCKTRAIL_IO_HTTPD_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct httpd;
struct http_request;

struct http_header {
    char *name, *value;
};

/* Headers of a request as they came, in order. */
struct http_headers {
    struct http_header *items;
    size_t count, capacity;
};
void http_headers_fini(struct http_headers *h);
void http_headers_add(struct http_headers *h, const char *name, const char *value);
/* First value, name compared without case; NULL where there is none. Borrowed. */
const char *http_headers_get(const struct http_headers *h, const char *name);

struct httpd_options {
    const char *listen;   /* "127.0.0.1:8126", "127.0.0.1:0", "[::1]:0", "localhost:0", "unix:/PATH" */
    size_t max_header;    /* bytes of a request's head */
    size_t max_body;      /* bytes; more is answered 413 and not handed on */
    int64_t idle_timeout_ms;
    unsigned max_connections;
};

/* A request whose body is complete, or one that was given up (`failed` says why: body over max_body, connection lost or idle
 * in mid-body; such a one needs no answer, it has been given). `body` may be taken (buf moved out). */
struct http_request_info {
    const char *method, *path; /* path with query, as sent */
    const struct http_headers *headers;
    struct buf *body;
    const char *failed; /* NULL for a complete one */
    int failed_status;  /* what was answered: 413, or 0 where the connection was gone */
};
typedef void (*httpd_fn)(struct httpd *server, struct http_request *request,
                         const struct http_request_info *info, void *data);

/* Errors: address not loopback (never listens on others), in use (says what to do), socket path too long or there already
 * as something other than a dead socket. NULL and *e then. All on the loop's thread. */
struct httpd *httpd_start(uv_loop_t *loop, const struct httpd_options *options, httpd_fn fn,
                          void *data, struct err *e);

/* Answers. May be called from the callback or later; every complete request is answered exactly once. `body` is copied. */
void http_answer(struct http_request *request, int status, const char *content_type,
                 const void *body, size_t size);

/* "http://127.0.0.1:40123" or "unix:///PATH", as DD_TRACE_AGENT_URL takes it. Borrowed. */
const char *httpd_url(const struct httpd *server);

/* How many requests are not answered yet, and how many connections are open. */
unsigned httpd_open_requests(const struct httpd *server);
unsigned httpd_open_connections(const struct httpd *server);

/* Takes no new connections, drops the open ones, removes the socket file, calls `closed`, frees. */
void httpd_stop(struct httpd *server, void (*closed)(void *data), void *data);

#endif
