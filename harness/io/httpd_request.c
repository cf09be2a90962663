/* SPDX-License-Identifier: Apache-2.0 */
/* Happy path: HEAD (the first line) → BODY (the head is accepted) → HANDED (the body is complete) → ANSWERED. With
 * streaming the owner has the head from BODY on, and each piece as it comes; the connection is suspended while he wants
 * none.
 * Failure modes: the head is malformed, too large or contradicts itself (libmicrohttpd or httpd_check_head answers);
 * the body is too large (DRAINING, then 413); the connection is lost or idle in HEAD or BODY. Each is told to the owner
 * once (streaming: by `failed`, before `head` by `refused`). */
#include "io/httpd_internal.h"

#include "base/json.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

static const bool moves[][5] = {
    /* to:               HEAD   BODY   DRAIN  HANDED ANSWERED */
    [REQUEST_HEAD] = {false, true, true, false, true},        [REQUEST_BODY] = {false, false, true, true, false},
    [REQUEST_DRAINING] = {false, false, false, false, true},  [REQUEST_HANDED] = {false, false, false, false, true},
    [REQUEST_ANSWERED] = {false, false, false, false, false},
};

static void move(struct http_request *r, enum request_state to)
{
    assert(moves[r->state][to]);
    if (to == REQUEST_HANDED) {
        r->server->open_requests++;
    } else if (r->state == REQUEST_HANDED) {
        r->server->open_requests--;
    }
    r->state = to;
}

void *httpd_on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct httpd *server = cls;
    struct http_request *r = mem_calloc(1, sizeof *r);
    r->server = server;
    r->connection = connection;
    r->method = mem_strdup("");
    r->path = mem_strdup(uri != NULL ? uri : "");
    r->next = server->requests;
    r->link = &server->requests;
    if (r->next != NULL) {
        r->next->link = &r->next;
    }
    server->requests = r;
    return r;
}

static void request_free(struct http_request *r)
{
    if (r->state == REQUEST_HANDED) {
        r->server->open_requests--;
    }
    *r->link = r->next;
    if (r->next != NULL) {
        r->next->link = r->link;
    }
    if (r->answer != NULL) {
        MHD_destroy_response(r->answer);
    }
    http_headers_fini(&r->answer_headers);
    http_headers_fini(&r->headers);
    httpd_give_back(r->server, &r->body);
    free(r->method);
    free(r->path);
    free(r);
}

static void tell_streaming(struct http_request *r, const struct http_request_info *info)
{
    const struct httpd_stream *stream = r->server->stream;
    if (!r->streamed) {
        stream->refused(r->server, info, r->server->data);
    } else if (info->failed != NULL) {
        stream->failed(r, info->failed, info->failed_status, r->context);
    } else {
        stream->end(r, r->context);
    }
}

/* Once the server is being stopped, its owner may be half gone. */
static void tell(struct http_request *r, const char *failed, int failed_status)
{
    struct http_request_info info = {.method = r->method,
                                     .path = r->path,
                                     .headers = &r->headers,
                                     .body = &r->body,
                                     .failed = failed,
                                     .failed_status = failed_status};
    if (r->server->stopping) {
        return;
    }
    if (r->server->stream != NULL) {
        tell_streaming(r, &info);
    } else {
        r->server->fn(r->server, r, &info, r->server->data);
    }
}

static ssize_t no_bytes(void *cls, uint64_t at, char *out, size_t room)
{
    (void)cls;
    (void)at;
    (void)out;
    (void)room;
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* The answer to HEAD says the size of a body that does not come. */
static struct MHD_Response *make_answer(const struct http_request *r, const void *body, size_t size)
{
    const char *length = http_headers_get(&r->answer_headers, "Content-Length");
    if (length != NULL && strcmp(r->method, "HEAD") == 0) {
        return MHD_create_response_from_callback(strtoull(length, NULL, 10), 1, no_bytes, NULL, NULL);
    }
    return MHD_create_response_from_buffer(size, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
}

static void set_answer(struct http_request *r, int status, const char *content_type, const void *body, size_t size)
{
    r->status = status;
    r->answer = make_answer(r, body, size);
    if (r->answer == NULL) {
        return; /* no memory: the connection is cut where it would be sent */
    }
    if (content_type != NULL) {
        MHD_add_response_header(r->answer, "Content-Type", content_type);
    }
    for (size_t i = 0; i < r->answer_headers.count; i++) {
        const struct http_header *h = &r->answer_headers.items[i];
        if (strcasecmp(h->name, "Content-Length") != 0) {
            MHD_add_response_header(r->answer, h->name, h->value);
        }
    }
}

static enum MHD_Result queue_answer(struct http_request *r)
{
    return r->answer != NULL ? MHD_queue_response(r->connection, (unsigned)r->status, r->answer) : MHD_NO;
}

/* The answer to a refused request, as JSON, and the word to its owner. */
static void refuse(struct http_request *r, int status, const char *why)
{
    struct buf body = {0};
    struct json_out out = json_begin(&body, 0);
    json_object(&out);
    json_put_string(&out, "error", why);
    json_object_end(&out);
    set_answer(r, status, "application/json", body.data, body.size);
    buf_fini(&body);
    tell(r, why, status);
    buf_fini(&r->body);
}

/* libmicrohttpd leaves the spaces behind a value, which are not part of it (RFC 9110 section 5.5). */
static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct http_request *r = cls;
    size_t size = value != NULL ? strlen(value) : 0;
    (void)kind;
    while (size > 0 && (value[size - 1] == ' ' || value[size - 1] == '\t')) {
        size--;
    }
    char *trimmed = mem_strndup(value != NULL ? value : "", size);
    http_headers_add(&r->headers, name, trimmed);
    free(trimmed);
    return MHD_YES;
}

/* A body that grows by doubling has twice its size in memory, and is copied meanwhile. */
static void expect_body(struct http_request *r)
{
    const char *length = http_headers_get(&r->headers, "Content-Length");
    r->body = httpd_memory(r->server, length != NULL ? strtoull(length, NULL, 10) : 0);
}

static void hand_over_head(struct http_request *r)
{
    const struct httpd_stream *stream = r->server->stream;
    struct http_request_info info = {.method = r->method, .path = r->path, .headers = &r->headers, .body = &r->body};
    if (stream != NULL && !r->server->stopping) {
        r->context = stream->head(r->server, r, &info, r->server->data);
        r->streamed = true;
    } else {
        expect_body(r);
    }
}

static enum MHD_Result take_head(struct http_request *r, const char *method)
{
    struct buf why = {0};
    bool too_large = false;
    enum MHD_Result result = MHD_YES;
    free(r->method);
    r->method = mem_strdup(method);
    MHD_get_connection_values(r->connection, MHD_HEADER_KIND, on_header, r);
    int status = httpd_check_head(r, &why, &too_large);
    if (status == 0) {
        move(r, REQUEST_BODY);
        hand_over_head(r);
    } else if (too_large && http_headers_get(&r->headers, "Expect") == NULL) {
        move(r, REQUEST_DRAINING);
        refuse(r, status, why.data);
    } else {
        move(r, REQUEST_ANSWERED);
        refuse(r, status, why.data);
        result = queue_answer(r);
    }
    buf_fini(&why);
    return result;
}

/* libmicrohttpd hands on what it has read already of a connection that waits, chunk by chunk, and must not be told to
 * let it wait again. */
static void suspend(struct http_request *r)
{
    if (r->suspended) {
        return;
    }
    r->suspended = true;
    MHD_suspend_connection(r->connection);
}

static void resume(struct http_request *r)
{
    r->suspended = false;
    MHD_resume_connection(r->connection);
}

static void take_piece(struct http_request *r, const char *bytes, size_t size)
{
    if (r->server->stream == NULL) {
        buf_add(&r->body, bytes, size);
    } else if (!r->server->stopping) {
        r->server->stream->body(r, bytes, size, r->context);
        if (r->paused) {
            suspend(r);
        }
    }
}

static enum MHD_Result take_body(struct http_request *r, const char *bytes, size_t *size)
{
    size_t max = r->server->options.max_body;
    if (*size > max - r->received) {
        struct buf why = {0};
        buf_printf(&why, "the body has more than %zu bytes", max);
        r->drained = r->received;
        move(r, REQUEST_DRAINING);
        refuse(r, MHD_HTTP_CONTENT_TOO_LARGE, why.data);
        buf_fini(&why);
    } else {
        r->received += *size;
        take_piece(r, bytes, *size);
    }
    *size = 0;
    return MHD_YES;
}

static enum MHD_Result drain(struct http_request *r, size_t *size)
{
    if (*size == 0) {
        move(r, REQUEST_ANSWERED);
        return queue_answer(r);
    }
    r->drained += *size;
    *size = 0;
    return r->drained > HTTPD_DRAIN_MAX ? MHD_NO : MHD_YES;
}

static enum MHD_Result hand_over(struct http_request *r)
{
    move(r, REQUEST_HANDED);
    tell(r, NULL, 0);
    if (r->state == REQUEST_ANSWERED) {
        return queue_answer(r);
    }
    suspend(r);
    return MHD_YES;
}

enum MHD_Result httpd_on_access(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                const char *version, const char *bytes, size_t *size, void **context)
{
    struct http_request *r = *context;
    (void)cls;
    (void)connection;
    (void)url;
    (void)version;
    switch (r->state) {
    case REQUEST_HEAD:
        return take_head(r, method);
    case REQUEST_BODY:
        return *size > 0 ? take_body(r, bytes, size) : hand_over(r);
    case REQUEST_DRAINING:
        return drain(r, size);
    case REQUEST_ANSWERED:
        return queue_answer(r);
    default:
        return MHD_NO; /* let go unanswered: the server is being stopped */
    }
}

void http_answer_header(struct http_request *request, const char *name, const char *value)
{
    http_headers_add(&request->answer_headers, name, value);
}

void http_answer(struct http_request *request, int status, const char *content_type, const void *body, size_t size)
{
    assert(request->state == REQUEST_HANDED);
    move(request, REQUEST_ANSWERED);
    set_answer(request, status, content_type, body, size);
    if (request->suspended) {
        resume(request);
        httpd_kick(request->server);
    }
}

void http_pause(struct http_request *request)
{
    request->paused = true;
}

void http_continue(struct http_request *request)
{
    bool waiting = request->paused && request->suspended;
    request->paused = false;
    if (waiting) {
        resume(request);
        httpd_kick(request->server);
    }
}

void httpd_resume_all(struct httpd *server)
{
    for (struct http_request *r = server->requests; r != NULL; r = r->next) {
        if (r->suspended) {
            resume(r);
        }
    }
}

static bool has_closed(struct http_request *r)
{
    char c;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info != NULL && recv(info->connect_fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* libmicrohttpd watches for edges and takes a short read for the last one: an end that came along with the bytes it
 * never sees, and the request would stay until it is idle for too long. A resumed connection is read once more. */
void httpd_wake_closed(struct httpd *server)
{
    for (struct http_request *r = server->requests; r != NULL; r = r->next) {
        bool incomplete = r->state < REQUEST_HANDED && !r->suspended;
        if (incomplete && has_closed(r)) {
            MHD_suspend_connection(r->connection);
            MHD_resume_connection(r->connection);
            server->kicked = true;
        }
    }
}

/* Why a request that never became complete has ended. libmicrohttpd has one code for what it refuses and for the end of
 * a connection before a known length; in such a body there is nothing to refuse. */
static void tell_lost(struct http_request *r, enum MHD_RequestTerminationCode code)
{
    struct buf why = {0};
    const struct httpd_options *options = &r->server->options;
    if (r->state == REQUEST_BODY) {
        buf_printf(&why, "after %llu bytes of the body ", (unsigned long long)r->received);
    } else {
        buf_add_str(&why, "in the request's head ");
    }
    if (code == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED) {
        buf_printf(&why, "nothing came for %lld ms", (long long)options->idle_timeout_ms);
    } else if (code != MHD_REQUEST_TERMINATED_WITH_ERROR) {
        buf_add_str(&why, "the connection was lost");
    } else if (r->state == REQUEST_HEAD) {
        buf_printf(&why, "something is malformed, or it is far above %zu bytes", options->max_header);
    } else if (http_headers_get(&r->headers, "Transfer-Encoding") != NULL) {
        buf_add_str(&why, "a chunk is malformed");
    } else {
        buf_add_str(&why, "the connection was lost");
    }
    tell(r, why.data, 0);
    buf_fini(&why);
}

void httpd_on_completed(void *cls, struct MHD_Connection *connection, void **context,
                        enum MHD_RequestTerminationCode code)
{
    struct http_request *r = *context;
    (void)cls;
    (void)connection;
    if (r == NULL) {
        return;
    }
    if (r->state == REQUEST_HEAD || r->state == REQUEST_BODY) {
        tell_lost(r, code);
    }
    if (r->streamed && !r->server->stopping) {
        bool answered = r->state == REQUEST_ANSWERED && code == MHD_REQUEST_TERMINATED_COMPLETED_OK;
        r->server->stream->gone(r, answered, r->context);
    }
    *context = NULL;
    request_free(r);
}
