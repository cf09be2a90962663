/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/way_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "io/disk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A soak reads each upload back while it goes on: so many are there at 100 a second for longer than any deadline. */
#define SOAK_STORE_UPLOADS 4096

static const unsigned allowed_moves[] = {
    [WAY_STARTING] = 1u << WAY_OPEN | 1u << WAY_CLOSING,
    [WAY_OPEN] = 1u << WAY_DRAINING | 1u << WAY_CLOSING,
    [WAY_DRAINING] = 1u << WAY_STANDING,
    [WAY_STANDING] = 1u << WAY_CLOSING,
    [WAY_CLOSING] = 1u << WAY_CLOSED,
    [WAY_CLOSED] = 0,
};

void way_move(struct way *way, enum way_state next)
{
    assert(allowed_moves[way->state] & 1u << next);
    log_line(LOG_DEBUG, "way", "%d -> %d", way->state, next);
    way->state = next;
}

size_t way_lanes(const struct way *way)
{
    return way->lane_count;
}

const struct scenario_agent *way_agent(const struct way *way, size_t lane)
{
    return way->lanes[lane].agent;
}

const char *way_agent_url(const struct way *way, size_t lane)
{
    return way->lanes[lane].command.url;
}

const char *way_store_url(const struct way *way, size_t lane)
{
    return way->lanes[lane].store ? store_url(way->lanes[lane].store) : NULL;
}

unsigned way_passed(const struct way *way, const char *instance)
{
    return way_traffic_passed(way->traffic, instance);
}

char *way_instance(const struct scenario *s, size_t lane, const char *instance)
{
    return lane == 0 ? mem_strdup(instance) : mem_printf("%s+%s", instance, scenario_agent_name(s->agents[lane].kind));
}

static const struct scenario *scenario_of(const struct way *way)
{
    return way->host->options->scenario;
}

/* --- the start ---------------------------------------------------------------------------------------------------- */

static void on_store_upload(struct store *store, const struct upload *upload, const char *id, const struct err *error,
                            void *data)
{
    struct way *way = data;
    (void)store;
    if (!way->host->soak) {
        struct json_out out = journal_begin(&way->host->journal, "store");
        json_put_string(&out, "id", id ? id : "");
        json_put_string(&out, "runtime_id", upload ? upload->runtime_id : "");
        json_put_string(&out, "error", error ? error->text : "");
        journal_end(&way->host->journal, &out, false);
    }
    if (error && !upload)
        host_problem(way->host, "store", "raise --max-disk, or let fewer or smaller uploads come", NULL, 0,
                     "uploads come faster than they are read back, and are missing at the backend for that: %s",
                     error->text);
    else if (error && error->code == ERR_WRITE)
        host_write_failed(way->host, error);
}

/* A test-agent keeps what it gets, and an external one has its own backend. */
static bool has_store(const struct lane *lane)
{
    return scenario_of(lane->way)->backend.kind != BACKEND_DATADOG &&
           (!lane->agent || agent_forwards(lane->agent->kind));
}

static int start_store(struct lane *lane, struct err *e)
{
    struct way *way = lane->way;
    const struct scenario *s = scenario_of(way);
    const struct host_soak *soak = way->host->soak;
    if (!has_store(lane))
        return 0;
    char *name = way_instance(s, lane->number, "store");
    char *directory = mem_printf("%s/%s", way->host->options->directory, name);
    struct store_options options = {.listen = "127.0.0.1:0",
                                    .max_body = s->intake.max_body,
                                    .max_header = s->intake.max_header,
                                    .max_parts = s->intake.max_parts,
                                    .idle_timeout_ms = s->intake.idle_timeout_ms,
                                    .directory = directory,
                                    .max_bytes = soak ? soak->store_bytes : 0,
                                    .max_uploads = soak ? SOAK_STORE_UPLOADS : 0,
                                    .passing = soak != NULL};
    lane->store = store_start(way->host->loop, way->host->disk, &options, on_store_upload, way, e);
    free(directory);
    free(name);
    way->open_stores += lane->store != NULL;
    return lane->store ? 0 : err_wrap(e, "can't start the store");
}

/* Where the last hop sends. `direct`: the workers' own uploads, which carry no key of the user's. */
static struct tap_target backend_target(const struct lane *lane, bool direct)
{
    if (lane->store)
        return (struct tap_target){.url = store_url(lane->store)};
    const struct site *site = lane->way->host->options->site;
    return (struct tap_target){.url = site->intake, .api_key = direct ? site->api_key : NULL};
}

/* An agent that runs already may listen on a socket of the file system. */
struct tap_target way_lane_target(const struct lane *lane)
{
    static const char scheme[] = "unix://";
    const char *url = lane->command.url;
    if (!lane->agent)
        return backend_target(lane, true);
    if (strncmp(url, scheme, sizeof scheme - 1) == 0)
        return (struct tap_target){.url = "http://localhost", .unix_socket = url + sizeof scheme - 1};
    return (struct tap_target){.url = url};
}

static struct tap *start_tap(struct way *way, const char *actor, const char *listen, struct tap_target to,
                             const struct fault_plan *in, const struct fault_plan *out, struct tap_side *side,
                             struct err *e)
{
    const struct scenario *s = scenario_of(way);
    struct tap_options options = {.actor = actor,
                                  .listen = listen,
                                  .to = to,
                                  .max_body = s->intake.max_body,
                                  .max_header = s->intake.max_header,
                                  .max_parts = s->intake.max_parts,
                                  .idle_timeout_ms = s->intake.idle_timeout_ms,
                                  .answer_timeout_ms = s->backend.timeout_ms,
                                  .spool = way->host->options->directory,
                                  .in = in,
                                  .out = out,
                                  .instance_of = way_traffic_instance_of};
    struct tap *tap = tap_start(way->host->loop, &options, way_traffic_on_tap, side, e);
    if (!tap) {
        err_wrap(e, "can't start the %s", actor);
        return NULL;
    }
    log_line(LOG_INFO, actor, "listens on %s", tap_url(tap));
    return tap;
}

static bool has_tap_behind(const struct lane *lane)
{
    return lane->agent && agent_forwards(lane->agent->kind);
}

static int start_behind(struct lane *lane, struct err *e)
{
    struct way *way = lane->way;
    if (!has_tap_behind(lane))
        return 0;
    lane->behind = start_tap(way, "tap agent", "127.0.0.1:0", backend_target(lane, false), NULL,
                             way->plans[STAGE_BACKEND], way_traffic_side(way->traffic, STAGE_AGENT, lane->number), e);
    way->open_taps += lane->behind != NULL;
    return lane->behind ? 0 : -1;
}

static int start_first(struct way *way, struct err *e)
{
    struct lane *lane = &way->lanes[0];
    char *listen = host_listen(way->host);
    const struct fault_plan *out = lane->agent ? way->plans[STAGE_AGENT] : way->plans[STAGE_BACKEND];
    way->first = start_tap(way, "tap upload", listen, way_lane_target(lane), way->plans[STAGE_UPLOAD], out,
                           way_traffic_side(way->traffic, STAGE_UPLOAD, 0), e);
    free(listen);
    if (!way->first)
        return -1;
    way->first_open = true;
    way->first_url = mem_strdup(tap_url(way->first));
    way->host->intake_url = way->first_url;
    return 0;
}

static void make_lanes(struct way *way)
{
    const struct scenario *s = scenario_of(way);
    way->lane_count = s->agent_count > 0 ? s->agent_count : 1;
    way->lanes = mem_calloc(way->lane_count, sizeof *way->lanes);
    for (size_t i = 0; i < way->lane_count; i++) {
        bool named = s->agent_count > 0 && s->agents[i].kind != AGENT_NONE;
        way->lanes[i] = (struct lane){.way = way, .number = i, .agent = named ? &s->agents[i] : NULL};
        uv_timer_init(way->host->loop, &way->lanes[i].again);
        way->lanes[i].again.data = &way->lanes[i];
        way->open_timers++;
    }
}

static void tell_ready(struct way *way)
{
    void (*ready)(const struct err *e, void *data) = way->ready;
    if (!ready)
        return;
    way->ready = NULL;
    if (!way->failed)
        way_move(way, WAY_OPEN);
    ready(way->failed ? &way->error : NULL, way->ready_data);
}

void way_fail(struct way *way, const struct err *e)
{
    if (way->failed)
        return;
    way->failed = true;
    way->error = *e;
    tell_ready(way);
}

void way_open_when_ready(struct way *way)
{
    struct err e;
    for (size_t i = 0; i < way->lane_count; i++)
        if (!way->lanes[i].ready)
            return;
    if (way->failed || !way->ready)
        return;
    if (start_first(way, &e) < 0) {
        way_fail(way, &e);
        return;
    }
    for (size_t i = 1; i < way->lane_count; i++) {
        struct tap_target to = way_lane_target(&way->lanes[i]);
        way_traffic_mirror(way->traffic, i, &to);
    }
    for (size_t i = 0; i < way->lane_count; i++)
        if (way->lanes[i].behind) {
            host_stage_ran(way->host, STAGE_AGENT);
            break;
        }
    tell_ready(way);
}

static int start_all(struct way *way, struct err *e)
{
    way->traffic = way_traffic_new(way->host, way->recorder, e);
    way->traffic_open = way->traffic != NULL;
    if (!way->traffic)
        return -1;
    for (size_t i = 0; i < way->lane_count; i++)
        if (start_store(&way->lanes[i], e) < 0 || start_behind(&way->lanes[i], e) < 0 ||
            way_start_agent(&way->lanes[i], e) < 0)
            return -1;
    return 0;
}

static void on_first_turn(uv_timer_t *timer)
{
    struct way *way = timer->data;
    struct err e;
    if (start_all(way, &e) < 0)
        way_fail(way, &e);
    else
        way_open_when_ready(way);
}

struct way *way_start(struct host *host, struct recorder *recorder, void (*ready)(const struct err *e, void *data),
                      void *data)
{
    const struct scenario *s = host->options->scenario;
    struct way *way = mem_calloc(1, sizeof *way);
    *way = (struct way){.host = host, .recorder = recorder, .ready = ready, .ready_data = data};
    for (enum stage stage = STAGE_UPLOAD; stage <= STAGE_BACKEND; stage++)
        way->plans[stage] = fault_plan_new(s->faults, s->fault_count, stage, s->seed);
    make_lanes(way);
    uv_timer_init(host->loop, &way->timer);
    way->timer.data = way;
    way->open_timers++;
    uv_timer_start(&way->timer, on_first_turn, 0, 0);
    return way;
}
