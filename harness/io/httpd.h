/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/1.1 server on the loop, on loopback or a unix socket: libmicrohttpd's own epoll descriptor, watched by libuv.
 */
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
/* Whether a field of this name is for one connection only and not to be passed on: RFC 9110 section 7.6.1, whatever
 * Connection names, and Expect, which each hop answers for itself. */
bool http_headers_one_hop(const struct http_headers *h, const char *name);
/* A request's path as it may stand in a file or a log: in its query the values of what is called a key, a token or the
 * like are "[redacted]". For the caller to free. */
char *http_path_shown(const char *path);

struct httpd_options {
    const char *listen;       /* "127.0.0.1:8126", "127.0.0.1:0", "[::1]:0", "localhost:0", "unix:/PATH" */
    size_t max_header;        /* bytes of a request's head; more is answered 431 */
    size_t max_body;          /* bytes; more is answered 413 and not handed on */
    int64_t idle_timeout_ms;  /* rounded up to whole seconds, libmicrohttpd counts no smaller ones */
    unsigned max_connections; /* further ones wait in the socket's queue */
};

/* A request whose body is complete, or one that was given up (`failed` says why: head or body over its limit or against
 * the protocol, connection lost or idle before the end; such a one needs no answer, it has been given). `body` may be
 * taken (buf moved out); of one that was given up it is what had come so far. */
struct http_request_info {
    const char *method, *path; /* path with query, as sent; method "" where the head never became complete */
    const struct http_headers *headers;
    struct buf *body;
    const char *failed; /* NULL for a complete one */
    int failed_status;  /* what was answered: 400, 413, 431, 501, or 0 where there was nobody to answer or libmicrohttpd
                           did */
};
typedef void (*httpd_fn)(struct httpd *server, struct http_request *request, const struct http_request_info *info,
                         void *data);
/* `fn` is called for each request whose first line could be read, exactly once, and no more after httpd_stop. It may
 * stop the server. `info` is valid only in the call, `request` until it is answered (not at all for a failed one). */

/* Errors: address not loopback (never listens on others), in use (says what to do), socket path too long or there
 * already as something other than a dead socket. NULL and *e then. All on the loop's thread. */
struct httpd *httpd_start(uv_loop_t *loop, const struct httpd_options *options, httpd_fn fn, void *data, struct err *e);

/* Whether it is of the form that httpd_start takes, and loopback; a path of a unix socket is not looked at. */
int httpd_check_address(const char *address, struct err *e);

/* --- streaming: bodies are handed on as they come, and a sender that is too fast is held up --- */

/* For a request whose head is complete and within the limits: `head`, `body` for each piece, then one of `end` and
 * `failed`, and at last, once, `gone`. For one that never came so far: `refused`, once. None of them is called after
 * httpd_stop, and `request` is then not to be used any more.
 * A body over max_body is refused by the server itself, 413, but with libmicrohttpd an answer can only be given before
 * a body or behind it: what comes until then is thrown away. */
struct httpd_stream {
    /* `info->body` is empty. Returns the request's context. */
    void *(*head)(struct httpd *server, struct http_request *request, const struct http_request_info *info, void *data);
    void (*body)(struct http_request *request, const void *bytes, size_t size, void *context);
    void (*end)(struct http_request *request, void *context); /* to be answered, now or later */
    /* The body will not become complete. `status` as http_request_info.failed_status. */
    void (*failed)(struct http_request *request, const char *why, int status, void *context);
    /* `answered`: the whole answer, the server's own or the owner's, was given to the network. */
    void (*gone)(struct http_request *request, bool answered, void *context);
    void (*refused)(struct httpd *server, const struct http_request_info *info, void *data);
};

/* As httpd_start. `stream` is borrowed for as long as the server lives. Answers get no Date but the owner's. */
struct httpd *httpd_start_streaming(uv_loop_t *loop, const struct httpd_options *options,
                                    const struct httpd_stream *stream, void *data, struct err *e);

/* Called from `body`: no further piece comes until http_continue. Both may be called again without effect. */
void http_pause(struct http_request *request);
void http_continue(struct http_request *request);

/* --- answers --- */

/* A header of the answer to come, such as Allow. A Content-Length counts only in the answer to HEAD. */
void http_answer_header(struct http_request *request, const char *name, const char *value);

/* Answers. May be called from the callback or later, but not once the server is `closed`; every complete request is
 * answered exactly once. `body` is copied. A client that has gone meanwhile is noticed only then, and nobody is told.
 */
void http_answer(struct http_request *request, int status, const char *content_type, const void *body, size_t size);

/* Memory for bodies, used again (io/spare.h). `httpd_memory`: an empty buffer with room for `size` bytes, but not for
 * more than SPARE_MAX on somebody's word. `httpd_give_back`: a body that was taken, or such a buffer, is not needed any
 * more; it is empty then. Not to be called after httpd_stop. */
struct buf httpd_memory(struct httpd *server, uint64_t size);
void httpd_give_back(struct httpd *server, struct buf *memory);

/* "http://127.0.0.1:40123" or "unix:///PATH", as DD_TRACE_AGENT_URL takes it. Borrowed. */
const char *httpd_url(const struct httpd *server);

/* How many requests are not answered yet, and how many connections are open. */
unsigned httpd_open_requests(const struct httpd *server);
unsigned httpd_open_connections(const struct httpd *server);

/* Takes no new connections, drops the open ones with their requests, removes the socket file, calls `closed` from the
 * loop, frees. */
void httpd_stop(struct httpd *server, void (*closed)(void *data), void *data);

#endif
