/* SPDX-License-Identifier: Apache-2.0 */
/* What way.c (the start), way_agent.c (agents) and way_end.c (draining, closing) share. */
#ifndef LOCKTRAIL_ENGINE_WAY_INTERNAL_H
#define LOCKTRAIL_ENGINE_WAY_INTERNAL_H

#include "engine/agents.h"
#include "engine/service.h"
#include "engine/way.h"
#include "engine/way_traffic.h"
#include "pipeline/store.h"

struct way;

enum way_state { WAY_STARTING, WAY_OPEN, WAY_DRAINING, WAY_STANDING, WAY_CLOSING, WAY_CLOSED };

/* One of the ways that uploads take, side by side. */
struct lane {
    struct way *way;
    const struct scenario_agent *agent; /* NULL: straight */
    size_t number;
    struct service *service;
    struct agent_command command;
    struct store *store; /* one for each, so that what came through which agent can be told */
    struct tap *behind;
    bool ready, service_open;
    /* For soaks: its agent has ended, and is to be there again. */
    bool away;                 /* from its end, or from the order to end, until it answers again */
    bool ordered;              /* it is to end, and then to be away */
    int64_t away_ms;           /* how long it stays away then */
    int64_t again_ms, good_ms; /* the last wait of one that has ended by itself; when it answered */
    uv_timer_t again;
    void (*back)(void *data);
    void *back_data;
};

struct way {
    struct host *host;
    struct recorder *recorder;
    enum way_state state;
    struct way_traffic *traffic;
    struct tap *first;
    char *first_url;
    struct fault_plan *plans[STAGE_COUNT];
    struct lane *lanes;
    size_t lane_count;
    size_t open_taps; /* behind agents */
    size_t open_stores;
    uv_timer_t timer; /* first turn of the loop; then the draining */
    bool first_open;  /* the first tap */
    bool traffic_open;
    size_t open_timers;
    bool ending; /* they are being closed */
    bool first_stopped, behind_stopped, gave_up, failed;
    struct err error;
    uint64_t seen; /* uploads that have arrived behind the agents, when last looked at */
    uint64_t quiet_since_ms;
    void (*ready)(const struct err *e, void *data);
    void *ready_data;
    void (*done)(void *data); /* drained, closed */
    void *done_data;
};

/* Goes to the next state; a move that is not allowed is a broken program. */
void way_move(struct way *way, enum way_state next);

/* The agent of a lane (one that runs already is asked whether it answers). */
int way_start_agent(struct lane *lane, struct err *e);

/* Where uploads of a lane go first. */
struct tap_target way_lane_target(const struct lane *lane);

/* All agents answer: uploads may come. */
void way_open_when_ready(struct way *way);

/* Something that the closing waits for has ended. */
void way_maybe_closed(struct way *way);

/* The way can't be opened: told once. */
void way_fail(struct way *way, const struct err *e);

#endif
