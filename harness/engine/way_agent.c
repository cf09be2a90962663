/* SPDX-License-Identifier: Apache-2.0 */
/* The agents of a way: started, and in a soak ended and started again. */
#include "base/log.h"
#include "base/mem.h"
#include "engine/way_internal.h"
#include "io/disk.h"

#include <stdlib.h>

/* Until an agent that has ended by itself in a soak is started again, and after how long it counts as a good one. */
#define AGAIN_FIRST_MS 1000
#define AGAIN_LAST_MS 60000
#define GOOD_LIFE_MS 60000

/* --- what an agent says ------------------------------------------------------------------------------------------- */

static int64_t now_ms(const struct lane *lane)
{
    return journal_elapsed_ms(&lane->way->host->journal);
}

static void on_ready(struct lane *lane)
{
    void (*back)(void *data) = lane->back;
    lane->ready = true;
    lane->away = false;
    lane->good_ms = now_ms(lane);
    lane->back = NULL;
    way_open_when_ready(lane->way);
    if (back)
        back(lane->back_data);
}

static void on_failed(struct lane *lane, const struct service_message *message)
{
    struct way *way = lane->way;
    if (way->state == WAY_STARTING) {
        struct err e;
        err_set(&e, ERR_MISSING, "%s", message->text);
        way_fail(way, &e);
    } else {
        host_problem(way->host, scenario_agent_name(lane->agent->kind), "its log lies in services/ of the run",
                     message->output, message->output_size, "%s", message->text);
    }
}

/* How long one that has ended by itself stays away. */
static int64_t again_in_ms(struct lane *lane)
{
    bool long_life = !lane->away && now_ms(lane) - lane->good_ms >= GOOD_LIFE_MS;
    int64_t doubled = 2 * lane->again_ms < AGAIN_LAST_MS ? 2 * lane->again_ms : AGAIN_LAST_MS;
    lane->again_ms = long_life || lane->again_ms == 0 ? AGAIN_FIRST_MS : doubled;
    return lane->again_ms;
}

static bool goes_on(const struct way *way)
{
    return way->host->soak && (way->state == WAY_OPEN || way->state == WAY_DRAINING);
}

static void begin_service(struct lane *lane);

static void on_again(uv_timer_t *timer)
{
    begin_service(timer->data);
}

static void on_ended(struct lane *lane)
{
    struct way *way = lane->way;
    service_free(lane->service);
    lane->service_open = false;
    lane->service = NULL;
    if (goes_on(way)) {
        int64_t wait_ms = lane->ordered ? lane->away_ms : again_in_ms(lane);
        lane->away = true;
        lane->ordered = false;
        uv_timer_start(&lane->again, on_again, (uint64_t)wait_ms, 0);
    }
    way_maybe_closed(way);
}

static void on_service(struct service *service, const struct service_message *message, void *data)
{
    (void)service;
    switch (message->event) {
    case SERVICE_READY:
        on_ready(data);
        break;
    case SERVICE_FAILED:
        on_failed(data, message);
        break;
    case SERVICE_ENDED:
        on_ended(data);
        break;
    }
}

/* --- its start ---------------------------------------------------------------------------------------------------- */

static void begin_service(struct lane *lane)
{
    struct service_options service = {.host = lane->way->host,
                                      .name = scenario_agent_name(lane->agent->kind),
                                      .args = (const char *const *)lane->command.args,
                                      .env = (const char *const *)lane->command.env,
                                      .health_url = lane->command.health_url,
                                      .start_timeout_ms = lane->agent->start_timeout_ms,
                                      .stop_timeout_ms = lane->agent->stop_timeout_ms};
    lane->service_open = true;
    lane->service = service_start(&service, on_service, lane);
}

/* Whatever it answers, it is there. */
static void on_external_answer(const struct http_result *result, void *data)
{
    struct lane *lane = data;
    struct way *way = lane->way;
    if (way->state != WAY_STARTING)
        return;
    if (result->error) {
        struct err e;
        err_set(&e, ERR_MISSING, "the external agent at %s does not answer: %s; start it, or correct agents.%zu.url",
                lane->agent->url, result->error->text, lane->number);
        way_fail(way, &e);
        return;
    }
    lane->ready = true;
    way_open_when_ready(way);
}

/* One that is not there would look like a backend that refuses. */
static void ask_external(struct lane *lane)
{
    lane->command.url = mem_strdup(lane->agent->url);
    struct tap_target to = way_lane_target(lane);
    char *url = tap_target_url(to.url, "/info");
    struct http_headers none = {0};
    struct http_call call = {.method = "GET",
                             .url = url,
                             .unix_socket = to.unix_socket,
                             .headers = &none,
                             .timeout_ms = lane->agent->start_timeout_ms};
    way_traffic_ask(lane->way->traffic, &call, on_external_answer, lane);
    free(url);
}

int way_start_agent(struct lane *lane, struct err *e)
{
    struct way *way = lane->way;
    const struct run_options *options = way->host->options;
    if (!lane->agent) {
        lane->ready = true;
        return 0;
    }
    if (lane->agent->kind == AGENT_EXTERNAL) {
        ask_external(lane);
        return 0;
    }
    const char *name = scenario_agent_name(lane->agent->kind);
    unsigned port = agent_free_port(e);
    char *directory = mem_printf("%s/services/%s", options->directory, name);
    char *intake = lane->behind ? mem_printf("%s/api/v2/profile", tap_url(lane->behind)) : NULL;
    struct agent_orders orders = {.agent = lane->agent,
                                  .root = options->root,
                                  .build = options->build,
                                  .port = port,
                                  .intake_url = intake,
                                  .api_key = lane->store || !options->site ? NULL : options->site->api_key,
                                  .directory = directory};
    int result = port == 0 || disk_make_dir(directory, e) < 0 ? -1 : agent_command_make(&orders, &lane->command, e);
    free(directory);
    free(intake);
    if (result < 0)
        return err_wrap(e, "can't start %s", name);
    begin_service(lane);
    return 0;
}

/* --- disturbances ------------------------------------------------------------------------------------------------- */

bool way_disturb_agent(struct way *way, bool kill, int64_t away_ms, void (*back)(void *data), void *data)
{
    for (size_t i = 0; i < way->lane_count; i++) {
        struct lane *lane = &way->lanes[i];
        if (!lane->agent || lane->agent->kind == AGENT_EXTERNAL)
            continue;
        if (!goes_on(way) || lane->away || !lane->service_open)
            return false;
        lane->away = lane->ordered = true;
        lane->away_ms = away_ms;
        lane->back = back;
        lane->back_data = data;
        if (kill)
            service_kill(lane->service);
        else
            service_stop(lane->service);
        return true;
    }
    return false;
}

void way_disturb_taps(struct way *way, enum stage stage, const struct tap_disturbance *items, size_t count)
{
    if (stage == STAGE_UPLOAD && way->first)
        tap_disturb(way->first, items, count);
    for (size_t i = 0; stage == STAGE_AGENT && i < way->lane_count; i++)
        if (way->lanes[i].behind)
            tap_disturb(way->lanes[i].behind, items, count);
}

void way_calm(struct way *way)
{
    way_disturb_taps(way, STAGE_UPLOAD, NULL, 0);
    way_disturb_taps(way, STAGE_AGENT, NULL, 0);
    for (size_t i = 0; i < way->lane_count; i++) {
        struct lane *lane = &way->lanes[i];
        lane->back = NULL;
        lane->away_ms = 0;
        if (!uv_is_active((uv_handle_t *)&lane->again))
            continue;
        uv_timer_stop(&lane->again);
        if (goes_on(way))
            begin_service(lane);
    }
}
