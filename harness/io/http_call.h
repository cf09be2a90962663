/* SPDX-License-Identifier: Apache-2.0 */
/* One request as libcurl sees it: its options, and its failures in people's words. Internal to the HTTP client. */
#ifndef LOCKTRAIL_IO_HTTP_CALL_H
#define LOCKTRAIL_IO_HTTP_CALL_H

#include "io/http_client.h"

#include <curl/curl.h>

struct http_call_state {
    struct http_call_state *next, **link; /* the client's */
    CURL *easy;
    struct curl_slist *headers;
    char *label; /* "POST http://127.0.0.1:8126/profiling/v1/input", without user, password and query */
    int64_t timeout_ms;
    struct http_stream stream; /* `read` NULL: the body is a buffer */
    bool waiting;              /* `read` had nothing */
    curl_socket_t fd;          /* that it sends on at present, or CURL_SOCKET_BAD */
    size_t answer_max;
    struct buf answer;
    bool cut;
    struct http_headers answer_headers;
    char reason[CURL_ERROR_SIZE];
    bool failed; /* before anything was sent */
    struct err error;
    http_client_fn fn;
    void *data;
};

/* Sets up `easy` for `call`. Errors (a header that would break the request, an option that libcurl refuses) are kept in
 * `failed` and `error`. */
void http_call_init(struct http_call_state *c, const struct http_call *call);
void http_call_fini(struct http_call_state *c);

/* Writes why the transfer ended with `code` into *e: method, URL, reason. */
void http_call_explain(struct http_call_state *c, CURLcode code, struct err *e);

#endif
