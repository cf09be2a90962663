/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/soak_disturb.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/soak_disturb_internal.h"
#include "pipeline/tap.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- the record --------------------------------------------------------------------------------------------------- */

static char *describe(const struct disturbing *event)
{
    const struct scenario_disturbance *d = event->def;
    const char *whose = d->worker ? d->worker : "every worker";
    double length_s = (double)d->length_ms / 1000;
    switch (d->what) {
    case DISTURB_KILL:
        return mem_printf("kill %s", whose);
    case DISTURB_STOP:
        return mem_printf("stop %s for %.15g s", whose, length_s);
    case DISTURB_RESTART_AGENT:
        return mem_strdup("restart the agent");
    case DISTURB_KILL_AGENT:
        return mem_printf("kill the agent, away for %.15g s", length_s);
    case DISTURB_REFUSE:
        return mem_printf("refuse %s at %s with %d for %.15g s", whose, stage_name(d->stage), d->status, length_s);
    case DISTURB_DELAY:
        return mem_printf("delay %s at %s by %.15g s for %.15g s", whose, stage_name(d->stage),
                          (double)d->delay_ms / 1000, length_s);
    case DISTURB_FILL_DISK:
        return mem_printf("fill the quota of the copies for %.15g s", length_s);
    default:
        return mem_printf("%u more of %s for %.15g s", d->processes, whose, length_s);
    }
}

static void tell(const struct soak_disturb *d, const struct disturbing *event, const char *state)
{
    struct host *host = d->o.host;
    struct json_out out = journal_begin(&host->journal, "disturbance");
    json_put_string(&out, "what", event->what);
    json_put_string(&out, "state", state);
    json_put_uint(&out, "hit", event->hit_count);
    journal_end(&host->journal, &out, false);
    char *text = mem_printf("%s: %s", event->what, state);
    host_notify(host, RUN_STATE, "disturbance", text);
    free(text);
}

struct soak_disturbance *disturb_record(const struct soak_disturb *d, const struct disturbing *event)
{
    return event->place == SIZE_MAX ? NULL : &d->o.record->disturbances[event->place];
}

static void record_begin(struct soak_disturb *d, struct disturbing *event)
{
    struct soak_record *r = d->o.record;
    event->place = SIZE_MAX;
    if (r->disturbance_count >= SOAK_DISTURBANCES_MAX) {
        r->disturbances_dropped++;
        return;
    }
    r->disturbances =
        mem_grow(r->disturbances, r->disturbance_count, &r->disturbance_capacity, sizeof *r->disturbances);
    event->place = r->disturbance_count++;
    r->disturbances[event->place] = (struct soak_disturbance){
        .at_ms = event->at_ms, .until_ms = -1, .what = mem_strdup(event->what), .recovered_ms = -1};
}

/* --- one begins and ends ------------------------------------------------------------------------------------------ */

static void on_hit(const char *instance, bool lasting, void *data)
{
    struct disturbing *event = data;
    disturb_add_hit(event, instance, lasting);
}

static void disturb_taps(struct soak_disturb *d, enum stage stage)
{
    struct tap_disturbance items[DISTURBING_MAX];
    size_t count = 0;
    for (size_t i = 0; i < d->event_count; i++) {
        const struct disturbing *event = d->events[i];
        const struct scenario_disturbance *def = event->def;
        bool at_tap = def->what == DISTURB_REFUSE || def->what == DISTURB_DELAY;
        if (!event->over && at_tap && def->stage == stage)
            items[count++] = (struct tap_disturbance){.worker = def->worker,
                                                      .status = def->what == DISTURB_REFUSE ? def->status : 0,
                                                      .delay_ms = def->what == DISTURB_DELAY ? def->delay_ms : 0};
    }
    if (d->o.way)
        way_disturb_taps(d->o.way, stage, items, count);
}

static void fill_disk(struct soak_disturb *d, bool full)
{
    struct err e;
    uint64_t used = d->o.record->copies.bytes, bytes = full && d->o.quota > used ? d->o.quota - used : 0;
    if (soak_keep_fill(d->o.keep, bytes, &e) < 0)
        soak_record_problem(d->o.record, d->now_ms, "locktrail", e.text,
                            "make room on the disk of the run directory, or soak with a smaller --max-disk");
}

static bool is_filled(const struct soak_disturb *d)
{
    for (size_t i = 0; i < d->event_count; i++)
        if (!d->events[i]->over && d->events[i]->def->what == DISTURB_FILL_DISK)
            return true;
    return false;
}

static void on_agent_back(void *data);

/* False: not now. */
static bool act(struct soak_disturb *d, struct disturbing *event)
{
    const struct scenario_disturbance *def = event->def;
    struct soak_fleet *fleet = d->o.fleet;
    switch (def->what) {
    case DISTURB_KILL:
        soak_fleet_kill(fleet, def->worker, on_hit, event);
        return true;
    case DISTURB_STOP:
        soak_fleet_stop_processes(fleet, def->worker, on_hit, event);
        return true;
    case DISTURB_LOAD:
        soak_fleet_load(fleet, def->worker, def->processes, on_hit, event);
        return true;
    case DISTURB_FILL_DISK:
        fill_disk(d, true);
        return true;
    case DISTURB_REFUSE:
    case DISTURB_DELAY:
        soak_fleet_each(fleet, def->worker, on_hit, event);
        disturb_taps(d, def->stage);
        return true;
    default:
        if (!d->o.way || !way_disturb_agent(d->o.way, def->what == DISTURB_KILL_AGENT,
                                            def->what == DISTURB_KILL_AGENT ? def->length_ms : 0, on_agent_back, event))
            return false;
        soak_fleet_each(fleet, NULL, on_hit, event);
        return true;
    }
}

static void undo(struct soak_disturb *d, const struct scenario_disturbance *def)
{
    if (def->what == DISTURB_STOP)
        soak_fleet_continue(d->o.fleet, def->worker);
    else if (def->what == DISTURB_LOAD)
        soak_fleet_unload(d->o.fleet, def->worker, def->processes);
    else if (def->what == DISTURB_FILL_DISK && !is_filled(d))
        fill_disk(d, false);
    else if (def->what == DISTURB_REFUSE || def->what == DISTURB_DELAY)
        disturb_taps(d, def->stage);
}

static void end(struct soak_disturb *d, struct disturbing *event)
{
    struct soak_disturbance *record = disturb_record(d, event);
    event->over = true;
    event->end_ns = clock_wall_ns();
    event->end_hrtime = uv_hrtime();
    undo(d, event->def);
    if (record)
        record->until_ms = d->now_ms > event->at_ms ? d->now_ms : event->at_ms;
    tell(d, event, "over");
    disturb_check_recovered(d, event);
}

static void on_agent_back(void *data)
{
    struct disturbing *event = data;
    if (!event->over)
        end(event->disturb, event);
}

static bool is_of_agent(const struct scenario_disturbance *def)
{
    return def->what == DISTURB_RESTART_AGENT || def->what == DISTURB_KILL_AGENT;
}

static void free_event(struct disturbing *event)
{
    free(event->hits);
    free(event->what);
    free(event);
}

/* The oldest that is over makes room: of as many as there are disturbances some always are. */
static void make_room(struct soak_disturb *d)
{
    for (size_t i = 0; i < d->event_count && d->event_count >= DISTURBING_MAX; i++)
        if (d->events[i]->over) {
            free_event(d->events[i]);
            memmove(d->events + i, d->events + i + 1, (--d->event_count - i) * sizeof *d->events);
        }
    assert(d->event_count < DISTURBING_MAX);
}

static bool begin(struct soak_disturb *d, const struct scenario_disturbance *def)
{
    struct disturbing *event = mem_calloc(1, sizeof *event);
    *event = (struct disturbing){.disturb = d,
                                 .def = def,
                                 .at_ms = d->now_ms,
                                 .begin_ns = clock_wall_ns(),
                                 .end_ns = INT64_MAX,
                                 .place = SIZE_MAX};
    make_room(d);
    d->events[d->event_count++] = event;
    if (!act(d, event)) {
        d->event_count--;
        free_event(event);
        return false;
    }
    char *what = describe(event);
    bool nothing = event->hit_count == 0 && def->what != DISTURB_FILL_DISK;
    event->what = mem_printf("%s%s", what, nothing ? " (nothing was there to be hit)" : "");
    free(what);
    record_begin(d, event);
    tell(d, event, "begun");
    if (def->what == DISTURB_KILL)
        end(d, event);
    return true;
}

/* --- the schedule ------------------------------------------------------------------------------------------------- */

/* The first time not before `at_ms`; -1: none. */
static int64_t next_after(const struct scenario_disturbance *def, int64_t at_ms)
{
    if (at_ms <= def->at_ms)
        return def->at_ms;
    if (def->every_ms == 0)
        return -1;
    int64_t times = (at_ms - def->at_ms + def->every_ms - 1) / def->every_ms;
    return def->at_ms + times * def->every_ms;
}

static void end_what_is_over(struct soak_disturb *d)
{
    for (size_t i = 0; i < d->event_count; i++) {
        struct disturbing *event = d->events[i];
        if (!event->over && !is_of_agent(event->def) && d->now_ms >= event->at_ms + event->def->length_ms)
            end(d, event);
    }
}

void soak_disturb_tick(struct soak_disturb *d, int64_t at_ms)
{
    const struct scenario *s = d->o.host->options->scenario;
    d->now_ms = at_ms;
    if (d->finished)
        return;
    for (size_t i = 0; i < s->disturbance_count && !d->ticked; i++)
        d->next_ms[i] = next_after(&s->disturbances[i], at_ms);
    d->ticked = true;
    end_what_is_over(d);
    for (size_t i = 0; i < s->disturbance_count; i++)
        if (d->next_ms[i] >= 0 && at_ms >= d->next_ms[i] && begin(d, &s->disturbances[i]))
            d->next_ms[i] = next_after(&s->disturbances[i], at_ms + 1);
}

/* Those of a record that was taken up again ended with the locktrail that had begun them. */
static void end_left(struct soak_record *r)
{
    for (size_t i = 0; i < r->disturbance_count; i++)
        if (r->disturbances[i].until_ms < 0)
            r->disturbances[i].until_ms =
                r->elapsed_ms > r->disturbances[i].at_ms ? r->elapsed_ms : r->disturbances[i].at_ms;
}

struct soak_disturb *soak_disturb_new(const struct soak_disturb_options *options)
{
    struct soak_disturb *d = mem_calloc(1, sizeof *d);
    d->o = *options;
    d->next_ms = mem_calloc(options->host->options->scenario->disturbance_count + 1, sizeof *d->next_ms);
    end_left(options->record);
    return d;
}

void soak_disturb_finish(struct soak_disturb *d)
{
    if (d->finished)
        return;
    d->finished = true;
    for (size_t i = 0; i < d->event_count; i++)
        if (!d->events[i]->over)
            end(d, d->events[i]);
    if (d->o.way)
        way_calm(d->o.way);
}

void soak_disturb_free(struct soak_disturb *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->event_count; i++)
        free_event(d->events[i]);
    free(d->next_ms);
    free(d);
}
