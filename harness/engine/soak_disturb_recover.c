/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/soak_disturb_internal.h"

#include "base/clock.h"
#include "base/mem.h"
#include "pipeline/fault.h"

#include <string.h>

/* An upload that was on its way when the disturbance began: sent right after its time, it passes in milliseconds, and
 * in this time on a machine that is busy. */
#define UNDER_WAY_NS INT64_C(2000000000)

/* --- who was hit -------------------------------------------------------------------------------------------------- */

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
    event->hits[event->hit_count++] = (struct hit){.instance = instance, .lasting = lasting};
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
    event->recovered_ns = clock_wall_ns();
    if (record)
        record->recovered_ms = any ? (int64_t)((uv_hrtime() - event->end_hrtime) / 1000000) : 0;
}

/* Where several can have done it, not one that only makes things slow. */
static bool loses_by_nature(const struct disturbing *event)
{
    enum disturb what = event->def->what;
    return what != DISTURB_LOAD && what != DISTURB_DELAY && what != DISTURB_FILL_DISK && what != DISTURB_STOP;
}

/* The last one whose doing it is; NULL: nobody's, or it is not listed. */
static struct soak_disturbance *blamed(const struct soak_disturb *d, const char *instance, int64_t start_ns,
                                       int64_t end_ns)
{
    const struct disturbing *found = NULL;
    for (size_t i = d->event_count; i-- > 0;)
        if (covers(d->events[i], instance, start_ns, end_ns) &&
            (!found || (!loses_by_nature(found) && loses_by_nature(d->events[i]))))
            found = d->events[i];
    return found ? disturb_record(d, found) : NULL;
}

void soak_disturb_missed(struct soak_disturb *d, const char *instance, uint64_t acquires, int64_t start_ns,
                         int64_t end_ns)
{
    struct soak_disturbance *record = blamed(d, instance, start_ns, end_ns);
    if (record)
        record->lost_acquires += acquires;
}

static void lose_upload(struct soak_disturb *d, const char *instance, int64_t start_ns, int64_t end_ns)
{
    struct soak_disturbance *record = blamed(d, instance, start_ns, end_ns);
    if (record)
        record->lost_uploads++;
}

void soak_disturb_judged(struct soak_disturb *d, const char *instance, bool through, int64_t start_ns, int64_t end_ns)
{
    if (!through) {
        lose_upload(d, instance, start_ns, end_ns);
        return;
    }
    for (size_t i = 0; i < d->event_count; i++) {
        struct disturbing *event = d->events[i];
        struct hit *hit = event->over && start_ns >= event->end_ns ? find_hit(event, instance) : NULL;
        if (!hit || hit->recovered_ns > 0)
            continue;
        hit->recovered_ns = clock_wall_ns();
        disturb_check_recovered(d, event);
    }
}
