/* SPDX-License-Identifier: Apache-2.0 */
/* What faults do to an upload: complete → `in` → (delay, or behind another) → handed out → `out` → (delay, or behind
 * another) → passed on. What a fault `in` keeps from arriving (dropped, refused, cut off) is not handed out either: its
 * loss is to be seen at this stage. */
#include "base/mem.h"
#include "pipeline/tap_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void continue_at(struct tap_exchange_state *x);

static const char *instance_of(const struct tap_exchange_state *x)
{
    const struct tap_options *options = &x->tap->options;
    const char *name = options->instance_of != NULL ? options->instance_of(&x->upload.upload, x->tap->data) : NULL;
    return name != NULL ? name : "";
}

static void apply(struct tap_exchange_state *x, const struct fault_plan *plan, struct fault_effect *effect)
{
    if (plan == NULL || !fault_plan_wants(plan, x->path)) {
        return;
    }
    struct fault_effect found = {0};
    fault_apply(plan, &x->upload.upload, instance_of(x), &found);
    found.deliveries = found.deliveries > 0 ? found.deliveries : 1;
    *effect = found;
    if (found.what.size > 0) {
        buf_printf(&x->fault, "%s%s", x->fault.size > 0 ? "; " : "", found.what.data);
    }
}

/* The sender has its answer, and nobody else hears of it. */
static void end_here(struct tap_exchange_state *x)
{
    x->taken = true;
    x->over = true;
    exchange_check(x);
}

/* Answers in place of the next hop, where the effect wants that. */
static bool answer_instead(struct tap_exchange_state *x, const struct fault_effect *effect)
{
    if (effect->dropped) {
        exchange_reply(x, x->accepted, NULL);
    } else if (effect->status != 0) {
        exchange_reply(x, effect->status, "a fault of the scenario");
    } else {
        return false;
    }
    end_here(x);
    return true;
}

static void on_delay(uv_timer_t *timer)
{
    struct tap_exchange_state *x = timer->data;
    x->delayed = false;
    continue_at(x);
}

/* Whether it goes on at once; else it goes on at `step` later. */
static bool may_go_on(struct tap_exchange_state *x, const struct fault_effect *effect, enum tap_step step)
{
    x->step = step;
    /* Where one waits already, this is the one that it waits for. */
    if (effect->held && x->tap->held == NULL && !x->tap->ending) {
        x->tap->held = x;
        x->held = true;
        exchange_reply(x, x->accepted, NULL);
        exchange_check(x);
        return false;
    }
    if (effect->delay_ms > 0 && !x->tap->ending) {
        x->delayed = true;
        uv_timer_start(&x->timer, on_delay, (uint64_t)effect->delay_ms, 0);
        return false;
    }
    return true;
}

/* A fault knows nothing of the framing: it stays what it was. */
static void change_headers(struct tap_exchange_state *x, struct http_headers *changed)
{
    for (size_t i = 0; i < x->headers.count; i++) {
        const struct http_header *h = &x->headers.items[i];
        bool framing = strcasecmp(h->name, "Content-Length") == 0 || strcasecmp(h->name, "Transfer-Encoding") == 0;
        if (framing && http_headers_get(changed, h->name) == NULL) {
            http_headers_add(changed, h->name, h->value);
        }
    }
}

static void set_length(struct http_headers *headers, size_t size)
{
    for (size_t i = 0; i < headers->count; i++) {
        if (strcasecmp(headers->items[i].name, "Content-Length") == 0) {
            char *value = mem_printf("%zu", size);
            free(headers->items[i].value);
            headers->items[i].value = value;
        }
    }
}

/* The upload is from now on what `in` has made of it. */
static void take_change(struct tap_exchange_state *x)
{
    struct fault_effect *in = &x->in;
    if (in->headers_changed) {
        change_headers(x, &in->headers);
        http_headers_fini(&x->headers);
        x->headers = in->headers;
        in->headers = (struct http_headers){0};
    }
    if (in->changed) {
        x->body = (struct buf){.data = in->body.data, .size = in->body.size};
        set_length(&x->headers, x->body.size);
    }
    if (in->headers_changed || in->changed) {
        exchange_read(x);
    }
}

static void pass_on(struct tap_exchange_state *x)
{
    x->deliveries = x->in.deliveries * x->out.deliveries;
    deliver(x);
    exchange_check(x);
}

static void record(struct tap_exchange_state *x)
{
    bool arrives = !x->in.reset && x->in.content_length < 0;
    for (unsigned i = 0; i < x->in.deliveries && arrives; i++) {
        exchange_hand_out(x);
    }
    x->taken = true;
    apply(x, x->tap->options.out, &x->out);
    if (answer_instead(x, &x->out)) {
        return;
    }
    if (x->out.headers_changed) {
        change_headers(x, &x->out.headers);
    }
    if (may_go_on(x, &x->out, TAP_STEP_DELIVER)) {
        pass_on(x);
    }
}

static void continue_at(struct tap_exchange_state *x)
{
    if (x->step == TAP_STEP_RECORD) {
        record(x);
    } else {
        pass_on(x);
    }
}

void fault_begin(struct tap_exchange_state *x)
{
    int status = disturb_begin(x, instance_of(x));
    if (status != 0) {
        exchange_reply(x, status, "a disturbance of the soak");
        end_here(x);
        return;
    }
    apply(x, x->tap->options.in, &x->in);
    x->in.delay_ms += x->disturb_delay_ms;
    if (answer_instead(x, &x->in)) {
        return;
    }
    take_change(x);
    if (may_go_on(x, &x->in, TAP_STEP_RECORD)) {
        record(x);
    }
}

void fault_release(struct tap *tap)
{
    struct tap_exchange_state *x = tap->held;
    if (x != NULL) {
        tap->held = NULL;
        x->held = false;
        continue_at(x);
    }
}

bool fault_is_promised(const struct tap_exchange_state *x)
{
    return x->held || ((x->in.held || x->out.held) && x->answered && !x->over);
}
