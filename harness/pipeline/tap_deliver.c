/* SPDX-License-Identifier: Apache-2.0 */
/* From a tap to the next hop: deliver → the body goes as libcurl asks for it → the answer is there: it becomes the
 * sender's. Failure modes: it can't be reached, or breaks off (502); it takes no bytes or gives no answer for
 * answer_timeout_ms (504); it answers before it has everything (what is left is only recorded). */
#include "base/log.h"
#include "base/mem.h"
#include "pipeline/tap_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void on_timer(uv_timer_t *timer);

/* The bytes of a held-back body as they are sent. */
static const struct buf *sent_body(const struct tap_exchange_state *x)
{
    return x->out.changed ? &x->out.body : &x->body;
}

static bool is_reset(const struct tap_exchange_state *x)
{
    return x->in.reset || x->out.reset;
}

static ssize_t read_whole(struct tap_exchange_state *x, void *out, size_t room)
{
    const struct buf *body = sent_body(x);
    size_t end = is_reset(x) ? body->size / 2 : body->size;
    size_t left = end - (size_t)x->sent;
    if (left == 0 && is_reset(x)) {
        return HTTP_READ_RESET;
    }
    size_t size = left < room ? left : room;
    if (size > 0) {
        memcpy(out, body->data + x->sent, size);
    }
    x->sent += size;
    return (ssize_t)size;
}

static ssize_t read_coming(struct tap_exchange_state *x, void *out, size_t room)
{
    size_t size = spool_read(x->record, out, room);
    exchange_continue(x);
    if (size == 0 && !x->complete) {
        return HTTP_READ_LATER;
    }
    return (ssize_t)size;
}

static bool has_all(const struct tap_exchange_state *x)
{
    return x->complete && (x->held_back ? x->sent == sent_body(x)->size : spool_unread(x->record) == 0);
}

static ssize_t on_read(void *out, size_t room, void *data)
{
    struct tap_exchange_state *x = data;
    ssize_t size = x->held_back ? read_whole(x, out, room) : read_coming(x, out, room);
    if (size > 0) {
        x->progress_ns = uv_hrtime();
    }
    if (has_all(x) && x->told.sent_ns == 0) {
        x->told.sent_ns = uv_hrtime();
    }
    return size;
}

/* --- the answer --- */

static void keep_answer(struct tap_exchange_state *x, const struct http_result *result)
{
    x->status = result->status;
    x->ready = true;
    buf_add(&x->answer, result->body->data, result->body->size);
    for (size_t i = 0; i < result->headers->count; i++) {
        const struct http_header *h = &result->headers->items[i];
        if (!http_headers_one_hop(result->headers, h->name)) {
            http_headers_add(&x->answer_headers, h->name, h->value);
        }
    }
}

static void fail(struct tap_exchange_state *x, int status, const char *why)
{
    exchange_error(x, why);
    exchange_reply(x, status, why);
}

/* One delivery is over, with an answer or without. */
static void delivered(struct tap_exchange_state *x)
{
    uv_timer_stop(&x->timer);
    spool_no_reader(x->record);
    x->deliveries--;
    if (x->deliveries > 0 && !x->tap->ending) {
        deliver(x);
    } else {
        x->over = true;
        exchange_continue(x);
    }
    exchange_check(x);
    if (x->due) {
        tap_look_soon(x->tap); /* behind the answer, which is on its way */
    }
}

static void take_result(struct tap_exchange_state *x, const struct http_result *result)
{
    if (result->error != NULL) {
        fail(x, 502, result->error->text);
        return;
    }
    x->told.answered_ns = uv_hrtime();
    x->told.next_status = result->status;
    x->told.taken += result->status >= 200 && result->status < 300;
    x->told.answer_size = result->body->size;
    if (result->cut) {
        char *why = mem_printf("the next hop's answer has more than %zu bytes", TAP_ANSWER_MAX);
        fail(x, 502, why);
        free(why);
    } else if (!x->ready) {
        keep_answer(x, result);
    }
}

static void on_result(const struct http_result *result, void *data)
{
    struct tap_exchange_state *x = data;
    x->call = NULL;
    take_result(x, result);
    delivered(x);
}

/* --- the time that it takes --- */

static bool is_waiting(const struct tap_exchange_state *x)
{
    return x->call != NULL && (x->complete || x->paused);
}

void deliver_watch(struct tap_exchange_state *x)
{
    if (is_waiting(x) && !uv_is_active((uv_handle_t *)&x->timer)) {
        x->progress_ns = uv_hrtime();
        uv_timer_start(&x->timer, on_timer, (uint64_t)x->tap->options.answer_timeout_ms, 0);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct tap_exchange_state *x = timer->data;
    uint64_t timeout_ms = (uint64_t)x->tap->options.answer_timeout_ms;
    uint64_t passed_ms = (uv_hrtime() - x->progress_ns) / 1000000;
    if (!is_waiting(x)) {
        return;
    }
    if (passed_ms < timeout_ms) {
        uv_timer_start(&x->timer, on_timer, timeout_ms - passed_ms, 0);
        return;
    }
    char *why = mem_printf("the next hop gave no answer within %lld ms", (long long)timeout_ms);
    deliver_cancel(x);
    fail(x, 504, why);
    free(why);
    delivered(x);
}

/* --- the request --- */

/* The path of an URL, "" where it has none but "/". */
static const char *path_of(const char *url)
{
    const char *scheme = strstr(url, "://");
    const char *host = scheme != NULL ? scheme + 3 : url;
    const char *path = host + strcspn(host, "/?#");
    return strcmp(path, "/") == 0 ? "" : path;
}

char *tap_target_url(const char *url, const char *path)
{
    size_t size = strlen(url);
    if (path_of(url)[0] != '\0') {
        return mem_strdup(url);
    }
    size -= size > 0 && url[size - 1] == '/';
    return mem_printf("%.*s%s", (int)size, url, path[0] == '/' ? path : "/");
}

static void copy_headers(const struct tap_exchange_state *x, struct http_headers *to)
{
    const struct http_headers *from = x->out.headers_changed ? &x->out.headers : &x->headers;
    const char *api_key = x->tap->api_key;
    bool has_key = false;
    for (size_t i = 0; i < from->count; i++) {
        const struct http_header *h = &from->items[i];
        bool is_key = api_key != NULL && strcasecmp(h->name, "DD-API-KEY") == 0;
        /* The coding is sent as http_stream says, in the place of this one. */
        if (strcasecmp(h->name, "Transfer-Encoding") != 0 && http_headers_one_hop(from, h->name)) {
            continue;
        }
        if (!is_key || !has_key) {
            http_headers_add(to, h->name, is_key ? api_key : h->value);
        }
        has_key = has_key || is_key;
    }
    if (api_key != NULL && !has_key) {
        http_headers_add(to, "DD-API-KEY", api_key);
    }
}

static struct http_stream stream_of(const struct tap_exchange_state *x)
{
    int64_t told = x->out.content_length >= 0 ? x->out.content_length : x->in.content_length;
    bool own_path = path_of(x->tap->url)[0] != '\0';
    struct http_stream s = {.size = x->size,
                            .told_size = told,
                            .target = own_path ? NULL : x->path,
                            .keep_host = !own_path,
                            .read = on_read};
    if (x->held_back && (told >= 0 || x->size >= 0)) {
        s.size = (int64_t)sent_body(x)->size;
    }
    return s;
}

void deliver(struct tap_exchange_state *x)
{
    if (x->tap->url == NULL) {
        fail(x, 502, "the next hop is not known yet");
        spool_no_reader(x->record);
        x->deliveries = 0;
        x->over = true;
        return;
    }
    struct http_headers headers = {0};
    struct http_stream stream = stream_of(x);
    char *url = tap_target_url(x->tap->url, x->path);
    copy_headers(x, &headers);
    struct http_call call = {.method = x->method,
                             .url = url,
                             .unix_socket = x->tap->unix_socket,
                             .headers = &headers,
                             .stream = &stream,
                             .answer_max = TAP_ANSWER_MAX};
    x->sent = 0;
    x->call = http_client_send(x->tap->client, &call, on_result, x);
    deliver_watch(x);
    http_headers_fini(&headers);
    free(url);
}

void deliver_more(struct tap_exchange_state *x)
{
    if (x->call != NULL) {
        http_client_resume(x->tap->client, x->call);
        if (has_all(x) && x->told.sent_ns == 0) {
            x->told.sent_ns = uv_hrtime();
        }
        deliver_watch(x);
    }
}

void deliver_cancel(struct tap_exchange_state *x)
{
    if (x->call != NULL) {
        struct http_call_state *call = x->call;
        x->call = NULL;
        http_client_cancel(x->tap->client, call);
    }
}
