/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/passage.h"

#include "base/log.h"
#include "base/mem.h"
#include "engine/agents.h"
#include "engine/fetch.h"
#include "engine/screen.h"
#include "engine/screens.h"
#include "engine/uploads.h"

#include <assert.h>
#include <stdlib.h>

enum passage_state {
    PASSAGE_OPENING,
    PASSAGE_OPEN,
    PASSAGE_DRAINING,
    PASSAGE_READING,
    PASSAGE_LOOKING,
    PASSAGE_PASSED,
    PASSAGE_CLOSING
};

static const char *const state_names[] = {"opening", "open", "draining", "reading", "looking", "passed", "closing"};

static const unsigned allowed_moves[] = {
    [PASSAGE_OPENING] = 1u << PASSAGE_OPEN | 1u << PASSAGE_CLOSING,
    [PASSAGE_OPEN] = 1u << PASSAGE_DRAINING | 1u << PASSAGE_PASSED | 1u << PASSAGE_CLOSING,
    [PASSAGE_DRAINING] = 1u << PASSAGE_READING | 1u << PASSAGE_PASSED,
    [PASSAGE_READING] = 1u << PASSAGE_LOOKING | 1u << PASSAGE_PASSED,
    [PASSAGE_LOOKING] = 1u << PASSAGE_PASSED,
    [PASSAGE_PASSED] = 1u << PASSAGE_CLOSING,
    [PASSAGE_CLOSING] = 0,
};

struct passage {
    struct host *host;
    enum passage_state state;
    struct recorder *recorder;
    struct uploads *uploads; /* of a run without a pipeline */
    struct way *way;         /* of one with a pipeline */
    struct fetch *fetch;
    struct screens *screens;
    bool stopping, now;
    uv_timer_t turn; /* tells from the loop what was known at once */
    struct err error;
    bool failed;
    void (*ready)(const struct err *e, void *data);
    void (*done)(void *data); /* passed, closed */
    void *data;
};

static void move(struct passage *p, enum passage_state next)
{
    assert(allowed_moves[p->state] & 1u << next);
    log_line(LOG_DEBUG, "passage", "%s -> %s", state_names[p->state], state_names[next]);
    p->state = next;
    if (next > PASSAGE_OPEN && next < PASSAGE_PASSED)
        host_notify(p->host, RUN_STATE, "run", state_names[next]);
}

int passage_check(const struct run_options *options, struct err *e)
{
    const struct scenario *s = options->scenario;
    for (size_t i = 0; i < s->agent_count; i++)
        if (agent_check(s->agents[i].kind, options->root, options->build, e) < 0)
            return -1;
    return s->ui.kind == UI_PPROF ? screen_check(s, options->root, options->build, e) : 0;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

static void on_way_ready(const struct err *e, void *data)
{
    struct passage *p = data;
    if (!e)
        move(p, PASSAGE_OPEN);
    p->ready(e, p->data);
}

static void on_first_turn(uv_timer_t *turn)
{
    struct passage *p = turn->data;
    on_way_ready(p->failed ? &p->error : NULL, p);
}

struct passage *passage_open(struct host *host, void (*ready)(const struct err *e, void *data), void *data)
{
    struct passage *p = mem_calloc(1, sizeof *p);
    *p = (struct passage){.host = host, .ready = ready, .data = data, .recorder = recorder_new(host)};
    uv_timer_init(host->loop, &p->turn);
    p->turn.data = p;
    if (scenario_has_pipeline(host->options->scenario)) {
        p->way = way_start(host, p->recorder, on_way_ready, p);
        return p;
    }
    p->uploads = uploads_start(host, p->recorder, &p->error);
    p->failed = !p->uploads;
    uv_timer_start(&p->turn, on_first_turn, 0, 0);
    return p;
}

struct way *passage_way(const struct passage *p)
{
    return p->way;
}

void passage_set_workers(struct passage *p, struct worker **workers, size_t count)
{
    recorder_set_workers(p->recorder, workers, count);
}

/* --- from the workers to the page --------------------------------------------------------------------------------- */

static void tell_passed(struct passage *p)
{
    move(p, PASSAGE_PASSED);
    p->done(p->data);
}

static void on_looked(void *data)
{
    struct passage *p = data;
    p->screens = NULL;
    tell_passed(p);
}

static void on_read_settled(void *data)
{
    struct passage *p = data;
    if (p->stopping || p->host->options->scenario->ui.kind != UI_PPROF) {
        tell_passed(p);
        return;
    }
    move(p, PASSAGE_LOOKING);
    p->screens = screens_start(p->host, p->recorder, on_looked, p);
}

static void on_read(void *data)
{
    struct passage *p = data;
    p->fetch = NULL;
    recorder_settle(p->recorder, on_read_settled, p);
}

static void on_drained_settled(void *data)
{
    struct passage *p = data;
    if (p->now || p->host->soak) {
        tell_passed(p);
        return;
    }
    move(p, PASSAGE_READING);
    p->fetch = fetch_start(p->host, p->recorder, p->way, on_read, p);
}

static void on_drained(void *data)
{
    struct passage *p = data;
    recorder_settle(p->recorder, on_drained_settled, p);
}

static void on_nothing_to_pass(uv_timer_t *turn)
{
    tell_passed(turn->data);
}

void passage_finish(struct passage *p, void (*passed)(void *data), void *data)
{
    p->done = passed;
    p->data = data;
    if (!p->way) {
        uv_timer_start(&p->turn, on_nothing_to_pass, 0, 0);
        return;
    }
    move(p, PASSAGE_DRAINING);
    way_drain(p->way, on_drained, p);
}

void passage_stop(struct passage *p, bool now)
{
    bool after = p->state > PASSAGE_OPEN;
    p->stopping = true;
    p->now = p->now || now;
    if (p->uploads && (now || after))
        uploads_give_up(p->uploads);
    if (p->way && (now || p->state != PASSAGE_OPEN))
        way_give_up(p->way);
    if (p->fetch)
        fetch_stop(p->fetch);
    if (p->screens)
        screens_stop(p->screens, now);
}

/* --- closing ------------------------------------------------------------------------------------------------------ */

static void on_turn_closed(uv_handle_t *handle)
{
    struct passage *p = handle->data;
    void (*done)(void *data) = p->done;
    void *data = p->data;
    recorder_free(p->recorder);
    free(p);
    done(data);
}

static void on_settled(void *data)
{
    struct passage *p = data;
    uv_close((uv_handle_t *)&p->turn, on_turn_closed);
}

static void on_way_closed(void *data)
{
    struct passage *p = data;
    p->way = NULL;
    p->uploads = NULL;
    recorder_settle(p->recorder, on_settled, p);
}

void passage_close(struct passage *p, void (*closed)(void *data), void *data)
{
    move(p, PASSAGE_CLOSING);
    p->done = closed;
    p->data = data;
    uv_timer_stop(&p->turn);
    if (p->uploads)
        uploads_stop(p->uploads, on_way_closed, p);
    else if (p->way)
        way_close(p->way, on_way_closed, p);
    else
        on_way_closed(p);
}
