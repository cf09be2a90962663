/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "engine/way_internal.h"

#include <stdlib.h>

/* How often it is looked whether everything has arrived, and how long without a further upload an agent that answers
 * before it delivers is waited for: it delivers in milliseconds, or not at all. */
#define DRAIN_POLL_MS 20
#define DRAIN_QUIET_MS 2000

/* --- draining ----------------------------------------------------------------------------------------------------- */

static void tell_done(struct way *way)
{
    void (*done)(void *data) = way->done;
    way->done = NULL;
    if (done)
        done(way->done_data);
}

static void on_first_stopped(void *data)
{
    struct way *way = data;
    way->first_open = false;
    way_maybe_closed(way);
}

static void on_behind_stopped(void *data)
{
    struct way *way = data;
    way->open_taps--;
    way_maybe_closed(way);
}

static void stop_first(struct way *way)
{
    if (way->first)
        tap_stop(way->first, on_first_stopped, way);
    way->first = NULL;
    way->first_stopped = true;
}

static void stop_behind(struct way *way)
{
    for (size_t i = 0; i < way->lane_count; i++) {
        if (way->lanes[i].behind)
            tap_stop(way->lanes[i].behind, on_behind_stopped, way);
        way->lanes[i].behind = NULL;
    }
    way->behind_stopped = true;
}

/* Agents that answer before they deliver have delivered, or nothing has come from them for a while. */
static bool is_quiet(struct way *way)
{
    uint64_t now = uv_now(way->host->loop), seen = way_traffic_arrived(way->traffic);
    if (way->gave_up || way_traffic_is_level(way->traffic))
        return true;
    if (seen != way->seen || way->quiet_since_ms == 0) {
        way->seen = seen;
        way->quiet_since_ms = now;
    }
    return now - way->quiet_since_ms >= DRAIN_QUIET_MS;
}

/* First the workers' side, whose tap may hold uploads back until it is closed; then the agents' side. */
static void on_drain(uv_timer_t *timer)
{
    struct way *way = timer->data;
    if (!way->first_stopped) {
        if (way->gave_up || tap_open_exchanges(way->first) == 0)
            stop_first(way);
        return;
    }
    if (!way->behind_stopped) {
        bool mirrored = way->gave_up || way_traffic_mirroring(way->traffic) == 0;
        if (!way->first_open && mirrored && is_quiet(way))
            stop_behind(way);
        return;
    }
    if (way->open_taps > 0)
        return;
    uv_timer_stop(&way->timer);
    way_move(way, WAY_STANDING);
    tell_done(way);
}

void way_drain(struct way *way, void (*drained)(void *data), void *data)
{
    way_move(way, WAY_DRAINING);
    way->done = drained;
    way->done_data = data;
    uv_timer_start(&way->timer, on_drain, 0, DRAIN_POLL_MS);
}

void way_give_up(struct way *way)
{
    way->gave_up = true;
    if (way->state == WAY_STARTING) {
        struct err e;
        err_set(&e, ERR_INTERRUPTED, "the user has interrupted the run");
        way_fail(way, &e);
    }
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static void free_way(struct way *way)
{
    for (size_t i = 0; i < way->lane_count; i++)
        agent_command_fini(&way->lanes[i].command);
    for (size_t i = 0; i < STAGE_COUNT; i++)
        fault_plan_free(way->plans[i]);
    free(way->lanes);
    free(way->first_url);
    free(way);
}

static void on_traffic_closed(void *data)
{
    struct way *way = data;
    way->traffic_open = false;
    way_maybe_closed(way);
}

static void on_store_stopped(void *data)
{
    struct way *way = data;
    way->open_stores--;
    way_maybe_closed(way);
}

static void on_again_closed(uv_handle_t *handle)
{
    struct lane *lane = handle->data;
    lane->way->open_timers--;
    way_maybe_closed(lane->way);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct way *way = handle->data;
    way->open_timers--;
    way_maybe_closed(way);
}

static bool services_open(const struct way *way)
{
    for (size_t i = 0; i < way->lane_count; i++)
        if (way->lanes[i].service_open)
            return true;
    return false;
}

/* Taps and agents first, then what they speak to. */
void way_maybe_closed(struct way *way)
{
    if (way->state != WAY_CLOSING || way->first_open || way->open_taps > 0 || services_open(way))
        return;
    if (!way->ending) {
        way->ending = true;
        if (way->traffic)
            way_traffic_close(way->traffic, on_traffic_closed, way);
        for (size_t i = 0; i < way->lane_count; i++) {
            if (way->lanes[i].store)
                store_stop(way->lanes[i].store, on_store_stopped, way);
            uv_close((uv_handle_t *)&way->lanes[i].again, on_again_closed);
        }
        uv_close((uv_handle_t *)&way->timer, on_timer_closed);
    }
    if (way->traffic_open || way->open_stores > 0 || way->open_timers > 0)
        return;
    way_move(way, WAY_CLOSED);
    tell_done(way);
    free_way(way);
}

void way_close(struct way *way, void (*closed)(void *data), void *data)
{
    way_move(way, WAY_CLOSING);
    way->ready = NULL;
    way->done = closed;
    way->done_data = data;
    uv_timer_stop(&way->timer);
    way_calm(way);
    if (!way->first_stopped)
        stop_first(way);
    if (!way->behind_stopped)
        stop_behind(way);
    for (size_t i = 0; i < way->lane_count; i++)
        if (way->lanes[i].service_open)
            service_stop(way->lanes[i].service);
    way_maybe_closed(way);
}
