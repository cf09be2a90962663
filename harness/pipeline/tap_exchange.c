/* SPDX-License-Identifier: Apache-2.0 */
/* The life of an exchange. Happy path: head (the next hop's request begins) → body, piece by piece → end (due) → from
 * the loop: read, TAP_UPLOAD → the next hop's answer is given → the request is gone → TAP_DONE → freed.
 * Where a fault may change it, the next hop's request begins only behind TAP_UPLOAD (tap_fault.c). Failure modes: the
 * body breaks off (the next hop's request ends with it, TAP_DONE has what came); the next hop has answered, or failed,
 * before the body is whole (the rest is recorded, then the sender gets that answer); the tap is stopped. */
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "pipeline/route.h"
#include "pipeline/tap_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- what is told --- */

/* Without the query, in which keys are sent now and then. */
static int path_size(const struct tap_exchange_state *x)
{
    return (int)strcspn(x->path, "?");
}

static void tell(struct tap_exchange_state *x, enum tap_event_kind kind, const struct upload *upload)
{
    struct tap_event event = {.kind = kind, .number = x->number, .upload = upload};
    if (kind == TAP_DONE) {
        x->told.fault = x->fault.size > 0 ? x->fault.data : NULL;
        x->told.error = x->error;
        event.exchange = &x->told;
        log_line(LOG_DEBUG, x->tap->actor, "%s %.*s: %llu bytes, next hop %d, sender %d%s%s", x->method, path_size(x),
                 x->path, (unsigned long long)x->told.body_size, x->told.next_status, x->told.status,
                 x->error != NULL ? ": " : "", x->error != NULL ? x->error : "");
    }
    x->tap->fn(x->tap, &event, x->tap->data);
}

void exchange_hand_out(struct tap_exchange_state *x)
{
    if (x->parsed) {
        tell(x, TAP_UPLOAD, &x->upload.upload);
    }
}

void exchange_error(struct tap_exchange_state *x, const char *error)
{
    if (x->error == NULL) {
        x->error = mem_strdup(error);
    }
}

static struct http_request_info info_of(struct tap_exchange_state *x)
{
    return (struct http_request_info){.method = x->method, .path = x->path, .headers = &x->headers, .body = &x->body};
}

void exchange_read(struct tap_exchange_state *x)
{
    struct http_request_info info = info_of(x);
    if (x->parsed) {
        intake_upload_fini(&x->upload);
    }
    intake_upload_read(&info, x->tap->options.max_parts, 0, &x->upload);
    x->upload.upload.status = 0; /* nobody has answered yet */
    x->parsed = true;
}

/* An upload that never became complete, or could not be kept, with what came of it. */
static void tell_rejected(struct tap_exchange_state *x, enum tap_event_kind kind, const char *why, int status)
{
    struct http_request_info info = info_of(x);
    struct intake_upload u;
    info.failed = why;
    info.failed_status = status;
    intake_upload_failed(&info, &u);
    tell(x, kind, &u.upload);
    intake_upload_fini(&u);
}

/* --- the end --- */

static void on_record_freed(void *data)
{
    struct tap *tap = data;
    tap->alive--;
    tap_released(tap);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct tap_exchange_state *x = handle->data;
    struct tap *tap = x->tap;
    if (x->parsed) {
        intake_upload_fini(&x->upload);
    }
    if (!tap->ending) {
        struct buf memory = spool_memory(x->record);
        httpd_give_back(tap->server, &memory);
    }
    spool_free(x->record, on_record_freed, tap);
    fault_effect_fini(&x->in);
    fault_effect_fini(&x->out);
    http_headers_fini(&x->headers);
    http_headers_fini(&x->answer_headers);
    buf_fini(&x->answer);
    buf_fini(&x->fault);
    free(x->method);
    free(x->path);
    free(x->error);
    free(x);
    tap->alive--;
    tap_released(tap);
}

static void finish(struct tap_exchange_state *x)
{
    struct tap *tap = x->tap;
    /* One that came before the held one is not what that waits for. */
    bool releases = x->accepted != 0 && !x->broken && tap->held != NULL && tap->held->number < x->number;
    x->finished = true;
    x->told.body_size = spool_size(x->record);
    if (x->broken && x->accepted != 0) {
        struct err e;
        if (spool_settled(x->record)) {
            spool_view(x->record, &x->body, &e);
        }
        tell_rejected(x, TAP_DONE, x->error, x->told.status);
    } else {
        tell(x, TAP_DONE, NULL);
    }
    deliver_cancel(x);
    *x->link = x->next;
    if (x->next != NULL) {
        x->next->link = x->link;
    }
    tap->open--;
    uv_close((uv_handle_t *)&x->timer, on_timer_closed);
    if (releases && !tap->ending) {
        fault_release(tap);
    }
}

/* --- the answer --- */

static void answer(struct tap_exchange_state *x)
{
    bool head = strcmp(x->method, "HEAD") == 0;
    for (size_t i = 0; i < x->answer_headers.count; i++) {
        const struct http_header *h = &x->answer_headers.items[i];
        if (head || strcasecmp(h->name, "Content-Length") != 0) {
            http_answer_header(x->request, h->name, h->value);
        }
    }
    x->answered = true;
    x->told.status = x->status;
    http_answer(x->request, x->status, NULL, x->answer.data, x->answer.size);
}

void exchange_reply(struct tap_exchange_state *x, int status, const char *error)
{
    if (x->ready) {
        return;
    }
    struct json_out out = json_begin(&x->answer, 0);
    json_object(&out);
    if (error != NULL) {
        json_put_string(&out, "error", error);
    }
    json_object_end(&out);
    http_headers_add(&x->answer_headers, "Content-Type", "application/json");
    x->status = status;
    x->ready = true;
}

void exchange_check(struct tap_exchange_state *x)
{
    if (x->finished) {
        return;
    }
    bool may_answer = x->complete && (x->taken || x->held || (x->over && !x->held_back));
    if (x->ready && may_answer && !x->answered && x->request != NULL) {
        answer(x);
    }
    if (x->request == NULL && ((x->over && x->taken) || (x->broken && spool_settled(x->record)))) {
        finish(x);
    }
}

/* --- the request --- */

static void on_record(void *data);

static int accepted_at(const char *method, const char *path)
{
    const struct route *route = route_find(path);
    /* Where the head broke off, the method is not known; nobody sends there anything but uploads. */
    bool taken = route != NULL && (method[0] == '\0' || strcmp(method, route->method) == 0);
    return taken ? route->accepted : 0;
}

static int64_t size_of(const struct http_headers *headers)
{
    const char *length = http_headers_get(headers, "Content-Length");
    if (http_headers_get(headers, "Transfer-Encoding") != NULL) {
        return HTTP_SIZE_UNKNOWN;
    }
    return length != NULL ? strtoll(length, NULL, 10) : HTTP_SIZE_NONE;
}

static bool wants(const struct fault_plan *plan, const char *path)
{
    return plan != NULL && fault_plan_wants(plan, path);
}

static struct tap_exchange_state *make(struct tap *tap, const struct http_request_info *info)
{
    struct tap_exchange_state *x = mem_calloc(1, sizeof *x);
    x->tap = tap;
    x->number = ++tap->count;
    x->method = mem_strdup(info->method);
    x->path = mem_strdup(info->path);
    x->told = (struct tap_exchange){.method = x->method, .path = x->path, .received_ns = uv_hrtime()};
    x->accepted = accepted_at(x->method, x->path);
    x->size = size_of(info->headers);
    x->in = x->out = (struct fault_effect){.content_length = -1, .deliveries = 1};
    for (size_t i = 0; i < info->headers->count; i++) {
        http_headers_add(&x->headers, info->headers->items[i].name, info->headers->items[i].value);
    }
    x->record = spool_new(tap->loop, tap->spool, &tap->memory, on_record, x);
    if (x->size > 0) {
        struct buf memory = httpd_memory(tap->server, (uint64_t)x->size);
        spool_use(x->record, &memory);
    }
    x->deliveries = 1;
    uv_timer_init(tap->loop, &x->timer);
    x->timer.data = x;
    x->next = tap->exchanges;
    x->link = &tap->exchanges;
    if (x->next != NULL) {
        x->next->link = &x->next;
    }
    tap->exchanges = x;
    tap->open++;
    tap->alive += 2; /* it, and its record */
    return x;
}

struct tap_exchange_state *exchange_new(struct tap *tap, struct http_request *request,
                                        const struct http_request_info *info)
{
    struct tap_exchange_state *x = make(tap, info);
    x->request = request;
    x->disturbable = tap->disturbance_count > 0;
    x->held_back =
        x->accepted != 0 && (x->disturbable || wants(tap->options.in, x->path) || wants(tap->options.out, x->path));
    if (!x->held_back) {
        deliver(x);
    }
    return x;
}

void exchange_refused(struct tap *tap, const struct http_request_info *info)
{
    struct tap_exchange_state *x = make(tap, info);
    x->told.status = info->failed_status;
    x->broken = true;
    exchange_error(x, info->failed);
    finish(x);
}

void exchange_continue(struct tap_exchange_state *x)
{
    if (x->paused && !spool_full(x->record) && x->request != NULL) {
        x->paused = false;
        http_continue(x->request);
    }
}

/* The file has taken something. */
static void on_record(void *data)
{
    struct tap_exchange_state *x = data;
    if (x->finished) {
        return;
    }
    exchange_continue(x);
    if (x->complete && !x->taken && !x->parsed && spool_settled(x->record)) {
        x->due = true;
        tap_look_soon(x->tap);
    }
    exchange_check(x);
}

void exchange_body(struct tap_exchange_state *x, const void *bytes, size_t size)
{
    spool_add(x->record, bytes, size);
    if (x->held_back) {
        spool_no_reader(x->record);
    }
    if (spool_full(x->record)) {
        x->paused = true;
        x->progress_ns = uv_hrtime();
        http_pause(x->request);
    }
    deliver_more(x);
}

void exchange_end(struct tap_exchange_state *x)
{
    x->told.complete_ns = x->progress_ns = uv_hrtime();
    x->complete = true;
    deliver_more(x);
    if (spool_settled(x->record)) {
        x->due = true;
        if (x->held_back || x->over) {
            tap_look_soon(x->tap);
        } else {
            tap_look_later(x->tap);
        }
    }
    exchange_check(x);
}

void exchange_failed(struct tap_exchange_state *x, const char *why, int status)
{
    deliver_cancel(x);
    uv_timer_stop(&x->timer);
    spool_no_reader(x->record);
    free(x->error);
    x->error = mem_strdup(why);
    x->told.status = status;
    x->broken = true;
    x->over = true;
    exchange_continue(x); /* what is left of a refused body is thrown away, and then the refusal sent */
}

void exchange_gone(struct tap_exchange_state *x, bool answered)
{
    x->request = NULL;
    if (!answered) {
        x->told.status = 0;
        exchange_error(x, "the sender was gone before it had the answer");
    }
    exchange_check(x);
}

void exchange_look(struct tap_exchange_state *x)
{
    struct err e;
    if (x->finished || x->taken) {
        return;
    }
    int result = spool_view(x->record, &x->body, &e);
    if (result != 0) {
        log_line(LOG_WARN, x->tap->actor, "%s %.*s: %s", x->method, path_size(x), x->path, e.text);
        exchange_error(x, e.text);
    }
    if (x->accepted == 0) {
        x->taken = true;
    } else if (result != 0) {
        x->taken = true;
        tell_rejected(x, TAP_UPLOAD, e.text, 0);
        if (x->held_back) {
            exchange_reply(x, 502, e.text);
            x->over = true;
        }
    } else {
        exchange_read(x);
        if (x->held_back) {
            fault_begin(x);
        } else {
            exchange_hand_out(x);
            x->taken = true;
        }
    }
    exchange_check(x);
}

void exchange_stop(struct tap_exchange_state *x)
{
    x->due = false;
    if (x->complete && !x->taken && !x->parsed && spool_settled(x->record)) {
        exchange_look(x);
    } else if (x->delayed && x->step == TAP_STEP_RECORD) {
        exchange_hand_out(x);
    }
    if (x->finished) {
        return;
    }
    x->broken = x->broken || !x->complete;
    x->request = NULL;
    x->told.status = 0;
    exchange_error(x, "the tap was stopped");
    uv_timer_stop(&x->timer);
    finish(x);
}
