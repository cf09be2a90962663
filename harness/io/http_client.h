/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP requests from the loop: libcurl's multi socket interface on libuv. */
#ifndef LOCKTRAIL_IO_HTTP_CLIENT_H
#define LOCKTRAIL_IO_HTTP_CLIENT_H

#include "base/buf.h"
#include "io/httpd.h"

#include <stdint.h>
#include <uv.h>

struct http_client;
struct http_call_state;

/* What http_stream.read returns instead of a number of bytes. */
#define HTTP_READ_LATER ((ssize_t)-1) /* none yet: http_client_resume says when */
#define HTTP_READ_RESET ((ssize_t)-2) /* the connection is to be reset, the call fails */

/* A request whose body comes by and by, and whose head is somebody else's. */
struct http_stream {
    int64_t size;       /* of the body; HTTP_SIZE_UNKNOWN goes out chunked, HTTP_SIZE_NONE without any body */
    int64_t told_size;  /* Content-Length that is sent instead of `size`; -1: the truth */
    const char *target; /* of the request line, as it is to be sent: "/v0.4/traces?x"; NULL: the URL's */
    bool keep_host;     /* Host is sent as it stands in `headers` */
    /* Writes at most `room` bytes, 0 only where all has been written. Not called after the call's end. */
    ssize_t (*read)(void *out, size_t room, void *data);
};
#define HTTP_SIZE_UNKNOWN ((int64_t)-1)
#define HTTP_SIZE_NONE ((int64_t)-2)

/* A connection that was not used for so long is not used again: servers close idle ones after 5 s and more, and a
 * streamed body can't be sent twice when that happens at the same moment. */
#define HTTP_IDLE_MAX_S 3

/* Largest answer that is kept where the call does not say. Agents answer with less than a KiB; /info has some. */
#define HTTP_ANSWER_MAX ((size_t)1 << 20)

/* Headers of an answer that are kept; further ones are passed over. Sites send some 20. */
#define HTTP_ANSWER_HEADERS_MAX 100

struct http_call {
    const char *method;      /* "GET", "POST" */
    const char *url;         /* "http://127.0.0.1:8126/profiling/v1/input", "https://..." */
    const char *unix_socket; /* path, or NULL */
    const struct http_headers
        *headers;     /* sent as they are; Host, Content-Length and Transfer-Encoding are the client's */
    const void *body; /* borrowed until the callback */
    size_t body_size;
    const struct http_stream *stream; /* NULL, or the body, in place of `body`; `read` gets the callback's `data` */
    int64_t timeout_ms; /* for all of it, above 0; 0: with `stream` only, whoever sends has a time of his own */
    size_t answer_max;  /* bytes of the answer that are kept; 0: HTTP_ANSWER_MAX */
};

struct http_result {
    const struct err *error; /* NULL where an answer came, whatever its status. Never contains a header's value */
    int status;
    const struct http_headers *headers; /* of the answer, those before its body; at most HTTP_ANSWER_HEADERS_MAX */
    const struct buf *body;
    bool cut; /* the answer is longer than what is kept of it */
};
typedef void (*http_client_fn)(const struct http_result *result, void *data);

struct http_client *http_client_new(uv_loop_t *loop, struct err *e);
/* No redirects are followed, no proxy is used, certificates are checked; no header is added that is not asked for, and
 * so no Expect. The callback comes exactly once, never from within; it may send again, or close the client. What `call`
 * points to, but for the body, is copied. Not to be called once the client is being closed. */
struct http_call_state *http_client_send(struct http_client *client, const struct http_call *call, http_client_fn fn,
                                         void *data);
/* What http_client_send has returned is valid until the callback begins. `resume`: `read` has bytes again, or all; it
 * is called from within where they can be sent. `cancel`: the callback does not come any more; a connection in
 * mid-request is closed. Neither from within `read`. */
void http_client_resume(struct http_client *client, struct http_call_state *call);
void http_client_cancel(struct http_client *client, struct http_call_state *call);
/* Ends open calls with an error (code ERR_INTERRUPTED), calls `closed`, frees; all of it from the loop. */
void http_client_close(struct http_client *client, void (*closed)(void *data), void *data);

#endif
