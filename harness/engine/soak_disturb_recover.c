/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/soak_disturb_internal.h"

#include "base/mem.h"
#include "pipeline/fault.h"

#include <string.h>

/* An upload that was on its way when the disturbance began: sent right after its time, it passes in milliseconds, and
 * in this time on a machine that is busy. */
#define UNDER_WAY_NS INT64_C(2000000000)
/* Acquires that are missing are certain only some uploads later (trail/account.h): behind so many of them that came
 * through, what is missing is no more this disturbance's. */
#define SETTLED_UPLOADS 3

/* --- who was hit -------------------------------------------------------------------------------------------------- */

static const struct soak_process *find_process(const struct soak_disturb *d, const char *instance)
{
    const struct soak_record *r = d->o.record;
    for (size_t i = 0; i < r->process_count; i++)
        if (strcmp(r->processes[i].name, instance) == 0)
            return &r->processes[i];
    return NULL;
}

/* In no upload, whether that is somebody's fault (a gap) or not (a life that was killed). */
static uint64_t lost_acquires(const struct soak_disturb *d, const char *instance)
{
    const struct soak_process *p = find_process(d, instance);
    return p ? p->gap_acquires + p->cut_acquires : 0;
}

static struct hit *find_hit(const struct disturbing *event, const char *instance)
{
    for (size_t i = 0; i < event->hit_count; i++)
        if (strcmp(event->hits[i].instance, instance) == 0)
            return &event->hits[i];
    return NULL;
}

void disturb_add_hit(struct disturbing *event, const char *instance, bool lasting)
{
    event->hits = mem_grow(event->hits, event->hit_count, &event->hit_capacity, sizeof *event->hits);
    event->hits[event->hit_count++] = (struct hit){
        .instance = instance, .lasting = lasting, .acquires_at_begin = lost_acquires(event->disturb, instance)};
}

/* What stands between the processes and the backend is everybody's, also of those that were not there at its begin. */
static bool is_for_all(const struct disturbing *event)
{
    switch (event->def->what) {
    case DISTURB_RESTART_AGENT:
    case DISTURB_KILL_AGENT:
    case DISTURB_REFUSE:
    case DISTURB_DELAY:
        return true;
    default:
        return false;
    }
}

static bool concerns(const struct disturbing *event, const char *instance)
{
    if (find_hit(event, instance))
        return true;
    return is_for_all(event) && (!event->def->worker || fault_is_of(instance, event->def->worker));
}

/* --- what is its doing -------------------------------------------------------------------------------------------- */

/* While it lasts, when it should be over: an agent may never come back. */
static int64_t planned_end_ns(const struct disturbing *event)
{
    int64_t length_ms = scenario_disturbance_lasts(event->def->what) ? event->def->length_ms : 0;
    return event->over ? event->end_ns : event->begin_ns + length_ms * 1000000;
}

/* Until when what happens is its doing. */
static int64_t covered_until(const struct disturbing *event, const char *instance)
{
    const struct hit *hit = find_hit(event, instance);
    int64_t most = planned_end_ns(event) + SOAK_RECOVERY_MAX_MS * INT64_C(1000000);
    int64_t recovered = hit && hit->lasting ? hit->recovered_ns : event->recovered ? event->recovered_ns : 0;
    return recovered > 0 && recovered < most ? recovered : most;
}

static bool covers(const struct disturbing *event, const char *instance, int64_t start_ns, int64_t end_ns)
{
    return concerns(event, instance) && end_ns >= event->begin_ns - UNDER_WAY_NS &&
           start_ns <= covered_until(event, instance);
}

bool soak_disturb_covers(const struct soak_disturb *d, const char *instance, int64_t start_ns, int64_t end_ns)
{
    for (size_t i = 0; i < d->event_count; i++)
        if (covers(d->events[i], instance, start_ns, end_ns))
            return true;
    return false;
}

/* --- what it cost ------------------------------------------------------------------------------------------------- */

static void count_hit(struct soak_disturb *d, struct hit *hit)
{
    if (!hit->settled)
        hit->acquires = lost_acquires(d, hit->instance) - hit->acquires_at_begin;
}

static void count_event(struct soak_disturb *d, struct disturbing *event)
{
    struct soak_disturbance *record = disturb_record(d, event);
    uint64_t sum = 0;
    for (size_t i = 0; i < event->hit_count; i++) {
        count_hit(d, &event->hits[i]);
        sum += event->hits[i].acquires;
    }
    if (record)
        record->lost_acquires = sum;
}

void disturb_count_losses(struct soak_disturb *d)
{
    for (size_t i = 0; i < d->event_count; i++)
        count_event(d, d->events[i]);
}

void disturb_settle_others(struct soak_disturb *d, const struct disturbing *event)
{
    for (size_t i = 0; i < d->event_count; i++)
        for (size_t h = 0; h < event->hit_count && d->events[i] != event; h++) {
            struct hit *hit = find_hit(d->events[i], event->hits[h].instance);
            if (!hit)
                continue;
            count_hit(d, hit);
            hit->settled = true;
        }
}

void disturb_check_recovered(struct soak_disturb *d, struct disturbing *event)
{
    struct soak_disturbance *record = disturb_record(d, event);
    bool any = false;
    if (!event->over || event->recovered)
        return;
    for (size_t i = 0; i < event->hit_count; i++) {
        any |= event->hits[i].lasting;
        if (event->hits[i].lasting && event->hits[i].recovered_ns == 0)
            return;
    }
    event->recovered = true;
    event->recovered_ns = disturb_wall_ns();
    if (record)
        record->recovered_ms = any ? (int64_t)((uv_hrtime() - event->end_hrtime) / 1000000) : 0;
}

static void take_through(struct soak_disturb *d, struct disturbing *event, struct hit *hit)
{
    if (hit->through++ == 0)
        hit->recovered_ns = disturb_wall_ns();
    if (hit->through == SETTLED_UPLOADS) {
        count_hit(d, hit);
        hit->settled = true;
    }
    disturb_check_recovered(d, event);
}

/* The last one whose doing it is. */
static void count_lost_upload(struct soak_disturb *d, const char *instance, int64_t start_ns, int64_t end_ns)
{
    for (size_t i = d->event_count; i-- > 0;)
        if (covers(d->events[i], instance, start_ns, end_ns)) {
            struct soak_disturbance *record = disturb_record(d, d->events[i]);
            if (record)
                record->lost_uploads++;
            return;
        }
}

void soak_disturb_judged(struct soak_disturb *d, const char *instance, bool through, bool good, int64_t start_ns,
                         int64_t end_ns)
{
    (void)good; /* with a loss or without: it came through */
    if (!through) {
        count_lost_upload(d, instance, start_ns, end_ns);
        return;
    }
    for (size_t i = 0; i < d->event_count; i++) {
        struct disturbing *event = d->events[i];
        struct hit *hit = event->over && start_ns >= event->end_ns ? find_hit(event, instance) : NULL;
        if (hit && hit->through < SETTLED_UPLOADS)
            take_through(d, event, hit);
    }
}
