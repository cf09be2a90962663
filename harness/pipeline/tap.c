/* SPDX-License-Identifier: Apache-2.0 */
/* The server's side of a tap and its own life: start → requests → stop (what is open is ended, what a fault holds is
 * delivered) → the server is closed → nothing is open any more → the client is closed → closed. */
#include "base/mem.h"
#include "pipeline/tap_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void *on_head(struct httpd *server, struct http_request *request, const struct http_request_info *info,
                     void *data)
{
    (void)server;
    return exchange_new(data, request, info);
}

static void on_body(struct http_request *request, const void *bytes, size_t size, void *context)
{
    (void)request;
    exchange_body(context, bytes, size);
}

static void on_end(struct http_request *request, void *context)
{
    (void)request;
    exchange_end(context);
}

static void on_failed(struct http_request *request, const char *why, int status, void *context)
{
    (void)request;
    exchange_failed(context, why, status);
}

static void on_gone(struct http_request *request, bool answered, void *context)
{
    (void)request;
    exchange_gone(context, answered);
}

static void on_refused(struct httpd *server, const struct http_request_info *info, void *data)
{
    (void)server;
    exchange_refused(data, info);
}

static const struct httpd_stream stream = {on_head, on_body, on_end, on_failed, on_gone, on_refused};

static void target_fini(struct tap *tap)
{
    free(tap->url);
    free(tap->unix_socket);
    mem_free_secret(tap->api_key);
}

void tap_set_target(struct tap *tap, const struct tap_target *to)
{
    target_fini(tap);
    tap->url = mem_strdup_null(to->url);
    tap->unix_socket = mem_strdup_null(to->unix_socket);
    tap->api_key = mem_strdup_null(to->api_key);
}

static void on_soon(uv_timer_t *timer);

void tap_look_soon(struct tap *tap)
{
    uv_timer_start(&tap->soon, on_soon, 0, 0);
}

void tap_look_later(struct tap *tap)
{
    if (!uv_is_active((uv_handle_t *)&tap->soon)) {
        uv_timer_start(&tap->soon, on_soon, TAP_LOOK_MS, 0);
    }
}

static struct tap_exchange_state *find_due(struct tap *tap)
{
    struct tap_exchange_state *x = tap->exchanges;
    while (x != NULL && !x->due) {
        x = x->next;
    }
    return x;
}

static void on_server_closed(void *data)
{
    struct tap *tap = data;
    tap->server = NULL;
    tap_released(tap);
}

/* Their answers are given, or can't be any more. */
static void forget_senders(struct tap *tap)
{
    for (struct tap_exchange_state *x = tap->exchanges; x != NULL; x = x->next) {
        x->request = NULL;
    }
}

/* An exchange that ends leaves the list, and may let others go: it is begun anew each time. */
static struct tap_exchange_state *find_stoppable(struct tap *tap)
{
    struct tap_exchange_state *x = tap->exchanges;
    while (x != NULL && fault_is_promised(x)) {
        x = x->next;
    }
    return x;
}

static void end(struct tap *tap)
{
    struct tap_exchange_state *x;
    tap->ending = true;
    httpd_stop(tap->server, on_server_closed, tap);
    forget_senders(tap);
    while ((x = find_stoppable(tap)) != NULL) {
        exchange_stop(x);
    }
    fault_release(tap);
}

static void on_soon(uv_timer_t *timer)
{
    struct tap *tap = timer->data;
    struct tap_exchange_state *x;
    while ((x = find_due(tap)) != NULL) {
        x->due = false;
        exchange_look(x);
    }
    if (tap->stopping && !tap->ending) {
        end(tap);
    }
}

static void tap_free(struct tap *tap)
{
    target_fini(tap);
    disturb_fini(tap);
    free(tap->actor);
    free(tap->spool);
    free(tap);
}

struct tap *tap_start(uv_loop_t *loop, const struct tap_options *options, tap_fn fn, void *data, struct err *e)
{
    struct tap *tap = mem_calloc(1, sizeof *tap);
    struct httpd_options http = {.listen = options->listen,
                                 .max_header = options->max_header,
                                 .max_body = options->max_body,
                                 .idle_timeout_ms = options->idle_timeout_ms,
                                 .max_connections = TAP_CONNECTIONS_MAX};
    tap->loop = loop;
    tap->options = *options;
    tap->actor = mem_strdup(options->actor != NULL ? options->actor : "tap");
    tap->spool = mem_strdup_null(options->spool);
    tap->fn = fn;
    tap->data = data;
    tap_set_target(tap, &options->to);
    tap->server = httpd_start_streaming(loop, &http, &stream, tap, e);
    if (tap->server == NULL) {
        tap_free(tap);
        return NULL;
    }
    uv_timer_init(loop, &tap->soon);
    tap->soon.data = tap;
    tap->client = http_client_new(loop, e);
    if (tap->client == NULL) {
        tap->stopping = true;
        tap_stop(tap, NULL, NULL);
        return NULL;
    }
    return tap;
}

const char *tap_url(const struct tap *tap)
{
    return httpd_url(tap->server);
}

unsigned tap_open_exchanges(const struct tap *tap)
{
    return tap->open - (tap->held != NULL ? 1 : 0);
}

static void on_soon_closed(uv_handle_t *handle)
{
    struct tap *tap = handle->data;
    if (tap->closed != NULL) {
        tap->closed(tap->closed_data);
    }
    tap_free(tap);
}

static void on_client_closed(void *data)
{
    struct tap *tap = data;
    uv_close((uv_handle_t *)&tap->soon, on_soon_closed);
}

void tap_released(struct tap *tap)
{
    if (!tap->ending || tap->server != NULL || tap->alive > 0) {
        return;
    }
    if (tap->client != NULL) {
        http_client_close(tap->client, on_client_closed, tap);
    } else {
        on_client_closed(tap);
    }
}

void tap_stop(struct tap *tap, void (*closed)(void *data), void *data)
{
    assert(!tap->ending && tap->closed == NULL);
    tap->stopping = true;
    tap->closed = closed;
    tap->closed_data = data;
    tap_look_soon(tap);
}
