/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/way_traffic.h"

#include "base/mem.h"
#include "engine/way.h"
#include "io/http_client.h"
#include "pipeline/forward.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of uploads that wait for further agents. */
#define MIRROR_PENDING_MAX DISK_PENDING_MAX
#define LANES_MAX 4 /* agents of a scenario (scenario/keys_pipeline.c) */

/* An upload between its arrival at a tap and the answer to its sender. */
struct passing {
    uint64_t number;
    struct recorded recorded;
};

struct tap_side {
    struct way_traffic *traffic;
    enum stage stage;
    size_t lane;
    struct passing *passing;
    size_t count, capacity;
};

/* Uploads of one process that have passed its last tap. */
struct passed {
    char *instance;
    unsigned count;
};

struct lane_traffic {
    struct tap_side *upload, *agent; /* sides of its taps; NULL where it has none */
    struct forward_target mirror;    /* `url` NULL: it gets no copies */
    uint64_t taken, arrived;         /* by its agent, out of it */
};

struct way_traffic {
    struct host *host;
    struct recorder *recorder;
    struct http_client *client;
    struct lane_traffic lanes[LANES_MAX];
    struct passed *passed;
    size_t passed_count, passed_capacity;
    size_t mirroring, mirroring_bytes;
    void (*closed)(void *data);
    void *data;
};

struct mirroring {
    struct way_traffic *traffic;
    size_t lane, size;
    struct recorded recorded;
    char *instance; /* on that lane */
    uint64_t start_ns;
};

struct way_traffic *way_traffic_new(struct host *host, struct recorder *recorder, struct err *e)
{
    struct http_client *client = http_client_new(host->loop, e);
    if (!client)
        return NULL;
    struct way_traffic *t = mem_calloc(1, sizeof *t);
    *t = (struct way_traffic){.host = host, .recorder = recorder, .client = client};
    return t;
}

struct tap_side *way_traffic_side(struct way_traffic *t, enum stage stage, size_t lane)
{
    struct tap_side *side = mem_calloc(1, sizeof *side);
    *side = (struct tap_side){.traffic = t, .stage = stage, .lane = lane};
    *(stage == STAGE_AGENT ? &t->lanes[lane].agent : &t->lanes[lane].upload) = side;
    return side;
}

const char *way_traffic_instance_of(const struct upload *upload, void *data)
{
    const struct tap_side *side = data;
    return recorder_sender(side->traffic->recorder, upload);
}

/* --- counting ----------------------------------------------------------------------------------------------------- */

static bool is_good(int status)
{
    return status >= 200 && status < 300;
}

static void count_passed(struct way_traffic *t, const char *instance)
{
    for (size_t i = 0; i < t->passed_count; i++)
        if (strcmp(t->passed[i].instance, instance) == 0) {
            t->passed[i].count++;
            return;
        }
    t->passed = mem_grow(t->passed, t->passed_count, &t->passed_capacity, sizeof *t->passed);
    t->passed[t->passed_count++] = (struct passed){.instance = mem_strdup(instance), .count = 1};
}

unsigned way_traffic_passed(const struct way_traffic *t, const char *instance)
{
    for (size_t i = 0; i < t->passed_count; i++)
        if (strcmp(t->passed[i].instance, instance) == 0)
            return t->passed[i].count;
    return 0;
}

/* An upload that went into an agent, `taken` times, or was the last hop's already. */
static void count_in(struct way_traffic *t, size_t lane, const char *instance, unsigned taken)
{
    t->lanes[lane].taken += taken;
    if (!t->lanes[lane].agent && taken > 0)
        count_passed(t, instance);
}

uint64_t way_traffic_arrived(const struct way_traffic *t)
{
    uint64_t arrived = 0;
    for (size_t i = 0; i < LANES_MAX; i++)
        arrived += t->lanes[i].arrived;
    return arrived;
}

bool way_traffic_is_level(const struct way_traffic *t)
{
    for (size_t i = 0; i < LANES_MAX; i++)
        if (t->lanes[i].agent && t->lanes[i].arrived < t->lanes[i].taken)
            return false;
    return true;
}

/* --- what senders are told ---------------------------------------------------------------------------------------- */

static void journal_exchange(struct way_traffic *t, enum stage stage, const char *instance,
                             const struct recorded *recorded, const struct tap_exchange *x)
{
    if (t->host->soak)
        return; /* its journal does not grow with the uploads */
    struct json_out out = journal_begin(&t->host->journal, "exchange");
    json_put_string(&out, "stage", stage_name(stage));
    json_put_string(&out, "instance", instance);
    json_put_uint(&out, "sequence", recorded->first);
    json_put_uint(&out, "profiles", recorded->profiles);
    json_put_int(&out, "next_status", x->next_status);
    json_put_int(&out, "status", x->status);
    json_put_string(&out, "error", x->error ? x->error : "");
    json_put_string(&out, "fault", x->fault ? x->fault : "");
    json_put_uint(&out, "bytes", x->body_size);
    json_put_uint(&out, "us", x->answered_ns > x->received_ns ? (x->answered_ns - x->received_ns) / 1000 : 0);
    journal_end(&t->host->journal, &out, false);
}

/* --- further agents ----------------------------------------------------------------------------------------------- */

static void on_mirrored(const struct http_result *result, void *data)
{
    struct mirroring *m = data;
    struct way_traffic *t = m->traffic;
    int status = result->error ? 0 : result->status;
    struct tap_exchange x = {.next_status = status,
                             .status = status,
                             .error = result->error ? result->error->text : NULL,
                             .body_size = m->size,
                             .received_ns = m->start_ns,
                             .answered_ns = uv_hrtime()};
    journal_exchange(t, STAGE_UPLOAD, m->instance, &m->recorded, &x);
    count_in(t, m->lane, m->instance, is_good(status));
    t->mirroring--;
    t->mirroring_bytes -= m->size;
    free(m->instance);
    free(m);
}

static void mirror(struct way_traffic *t, size_t lane, const struct upload *upload, const struct recorded *recorded)
{
    const struct forward_target *to = &t->lanes[lane].mirror;
    char *instance = way_instance(t->host->options->scenario, lane, recorded->instance);
    size_t size = upload->body->size;
    if (t->mirroring_bytes + size > MIRROR_PENDING_MAX) {
        host_problem(t->host, instance, "upload less often, or leave one agent out", NULL, 0,
                     "%s is too far behind: an upload was not sent to it (MIRROR_PENDING_MAX)", to->url);
        free(instance);
        return;
    }
    struct mirroring *m = mem_calloc(1, sizeof *m);
    *m = (struct mirroring){
        .traffic = t, .lane = lane, .size = size, .recorded = *recorded, .instance = instance, .start_ns = uv_hrtime()};
    t->mirroring++;
    t->mirroring_bytes += size;
    struct buf body = {0};
    buf_add(&body, upload->body->data, size);
    char *url = tap_target_url(to->url, upload->path);
    struct forward_target target = *to;
    target.url = url;
    forward_send(t->client, &target, upload->headers, &body, t->host->options->scenario->backend.timeout_ms,
                 on_mirrored, m);
    free(url);
}

void way_traffic_mirror(struct way_traffic *t, size_t lane, const struct tap_target *to)
{
    t->lanes[lane].mirror = (struct forward_target){
        .to = FORWARD_TO_AGENT,
        .url = mem_strdup(to->url),
        .unix_socket = to->unix_socket ? mem_strdup(to->unix_socket) : NULL,
        .api_key = to->api_key ? mem_strdup(to->api_key) : NULL,
    };
}

size_t way_traffic_mirroring(const struct way_traffic *t)
{
    return t->mirroring;
}

/* --- tap events --------------------------------------------------------------------------------------------------- */

static void on_upload(struct tap_side *side, const struct tap_event *event)
{
    struct way_traffic *t = side->traffic;
    char *suffix = way_instance(t->host->options->scenario, side->lane, "");
    struct recorded recorded = recorder_take(t->recorder, side->stage, suffix, event->upload);
    free(suffix);
    side->passing = mem_grow(side->passing, side->count, &side->capacity, sizeof *side->passing);
    side->passing[side->count++] = (struct passing){.number = event->number, .recorded = recorded};
    if (side->stage == STAGE_AGENT)
        t->lanes[side->lane].arrived++;
    for (size_t i = 0; side->stage == STAGE_UPLOAD && recorded.first > 0 && i < LANES_MAX; i++)
        if (t->lanes[i].mirror.url)
            mirror(t, i, event->upload, &recorded);
}

/* What was recorded of it, if anything: of one that a fault has doubled the first, and the others are forgotten. */
static bool take_passing(struct tap_side *side, uint64_t number, struct recorded *out)
{
    bool found = false;
    for (size_t i = side->count; i-- > 0;)
        if (side->passing[i].number == number) {
            *out = side->passing[i].recorded;
            side->passing[i] = side->passing[--side->count];
            found = true;
        }
    return found;
}

static void on_done(struct tap_side *side, const struct tap_event *event)
{
    struct way_traffic *t = side->traffic;
    const struct tap_exchange *x = event->exchange;
    struct recorded recorded = {.instance = ""};
    bool known = take_passing(side, event->number, &recorded);
    if (!known && event->upload) {
        char *suffix = way_instance(t->host->options->scenario, side->lane, "");
        recorded = recorder_take(t->recorder, side->stage, suffix, event->upload);
        free(suffix);
    } else if (!known) {
        return; /* something else than an upload */
    }
    journal_exchange(t, side->stage, recorded.instance, &recorded, x);
    if (!known || !recorded.instance[0])
        return;
    if (side->stage == STAGE_UPLOAD)
        count_in(t, side->lane, recorded.instance, x->taken);
    else if (is_good(x->next_status))
        count_passed(t, recorded.instance);
}

void way_traffic_on_tap(struct tap *tap, const struct tap_event *event, void *data)
{
    (void)tap;
    if (event->kind == TAP_UPLOAD)
        on_upload(data, event);
    else
        on_done(data, event);
}

void way_traffic_ask(struct way_traffic *t, const struct http_call *call, http_client_fn fn, void *data)
{
    http_client_send(t->client, call, fn, data);
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static void free_side(struct tap_side *side)
{
    if (side)
        free(side->passing);
    free(side);
}

static void on_client_closed(void *data)
{
    struct way_traffic *t = data;
    for (size_t i = 0; i < LANES_MAX; i++) {
        free_side(t->lanes[i].upload);
        free_side(t->lanes[i].agent);
        forward_target_fini(&t->lanes[i].mirror);
    }
    for (size_t i = 0; i < t->passed_count; i++)
        free(t->passed[i].instance);
    free(t->passed);
    t->closed(t->data);
    free(t);
}

void way_traffic_close(struct way_traffic *t, void (*closed)(void *data), void *data)
{
    t->closed = closed;
    t->data = data;
    http_client_close(t->client, on_client_closed, t);
}
