/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads as they come to their stages. */
#include "engine/soak_judge_internal.h"

#include "base/mem.h"
#include "pipeline/intake_time.h"
#include "pipeline/readback.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* 0 where it is none, or one that 64 bits can't hold. */
int64_t judge_time_ns(const char *text)
{
    struct intake_time time;
    int64_t ns;
    bool fits = intake_time_read(text, &time) == 0 && !__builtin_mul_overflow(time.s, INT64_C(1000000000), &ns) &&
                !__builtin_add_overflow(ns, (int64_t)time.ns, &ns);
    return fits ? ns : 0;
}

/* --- arrivals --------------------------------------------------------------------------------------------------- */

/* Came once more. Before it is over that is only noted. */
static void find_doubled(struct soak_judge *j, struct upload_known *k, enum stage stage, const struct upload *upload)
{
    enum stage first = STAGE_UPLOAD;
    if (k->doubled != STAGE_DECLARED || k->arrivals[j->o.last] < 2)
        return;
    while (!j->o.stages[first] || k->arrivals[first] < 2)
        first++;
    struct soak_uploads *u = &judge_record(k->process)->uploads;
    k->doubled = first;
    u->doubled[first]++;
    if (k->pending || !k->good)
        return;
    k->good = false;
    u->good--;
    u->with_loss++;
    struct loss_place place = {.process = k->process,
                               .runtime_id = upload->runtime_id,
                               .start = upload->start,
                               .end = upload->end,
                               .start_ns = judge_time_ns(upload->start),
                               .end_ns = judge_time_ns(upload->end)};
    char *evidence = mem_printf("upload %" PRIu64 " came to %s again", k->number, stage_name(stage));
    tell_loss(j, &place, "", first, MECHANISM_DUPLICATED, evidence);
    free(evidence);
}

static void give_up(struct soak_judge *j, struct upload_known *known, struct pending *p)
{
    struct soak_uploads *u = &judge_record(known->process)->uploads;
    u->unjudged++;
    u->pending--;
    if (p->life)
        life_unjudged(p->life);
    judge_forget(j, p);
}

static struct pending *new_pending(const struct soak_judge *j, struct upload_known *known, const struct upload *upload)
{
    struct pending *p = mem_calloc(1, sizeof *p);
    *p = (struct pending){.known = known,
                          .runtime_id = mem_strdup(upload->runtime_id),
                          .start = mem_strdup(upload->start),
                          .end = mem_strdup(upload->end),
                          .start_ns = judge_time_ns(upload->start),
                          .end_ns = judge_time_ns(upload->end),
                          .arrived_ns = judge_wall_ns(j)};
    known->pending = p;
    return p;
}

/* The first stage of its way that it has not come to, or STAGE_DECLARED. */
enum stage judge_next_stage(const struct soak_judge *j, const struct pending *p)
{
    for (enum stage s = STAGE_UPLOAD; s <= j->o.last; s++)
        if (j->o.stages[s] && !p->stages[s].there)
            return s;
    return STAGE_DECLARED;
}

static void arrive(struct soak_judge *j, struct pending *p, enum stage stage, const struct upload *upload)
{
    struct judge_process *process = p->known->process;
    if (j->uploads.pending.count > SOAK_PENDING_COUNT_MAX || !uploads_hold(&j->uploads, p, stage, upload)) {
        give_up(j, p->known, p);
        return;
    }
    p->stages[stage].at_ms = judge_now_ms(j);
    if (stage == j->o.last && p->end_ns != 0)
        tell_time(&judge_record(process)->latency, &process->latency,
                  fmax(0, (double)(judge_wall_ns(j) - p->end_ns) / 1e6));
    if (judge_next_stage(j, p) == STAGE_DECLARED)
        judge_queue(j, p);
}

static void take_first(struct soak_judge *j, struct judge_process *process, struct upload_keys keys,
                       const struct upload *upload)
{
    struct upload_known *known = uploads_add(&j->uploads, process, keys);
    struct pending *p = new_pending(j, known, upload);
    struct life *life = life_find(process, p->end_ns);
    known->arrivals[STAGE_UPLOAD] = 1;
    judge_record(process)->uploads.arrived[STAGE_UPLOAD]++;
    judge_record(process)->uploads.pending++;
    if (life)
        life_upload(life, p, upload);
    arrive(j, p, STAGE_UPLOAD, upload);
}

/* A tap behind the first one may tell an upload before that does, which reads it when its next hop has answered. What
 * the first one never tells is nobody's. */
static void take_early(struct soak_judge *j, struct judge_process *process, struct upload_keys keys, enum stage stage,
                       const struct upload *upload)
{
    struct upload_known *known = uploads_add(&j->uploads, process, keys);
    struct pending *p = new_pending(j, known, upload);
    known->arrivals[stage] = 1;
    judge_record(process)->uploads.arrived[stage]++;
    judge_record(process)->uploads.pending++;
    arrive(j, p, stage, upload);
}

void judge_disown(struct soak_judge *j, struct pending *p)
{
    struct soak_uploads *u = &judge_record(p->known->process)->uploads;
    for (enum stage s = STAGE_UPLOAD; s < STAGE_COUNT; s++)
        u->arrived[s] -= p->stages[s].there;
    u->pending--;
    j->o.record->uploads.unknown++;
    judge_forget(j, p);
}

static void take_known(struct soak_judge *j, struct upload_known *known, enum stage stage, const struct upload *upload)
{
    struct pending *p = known->pending;
    if (++known->arrivals[stage] > 1) {
        find_doubled(j, known, stage, upload);
        return;
    }
    if (known->missing != STAGE_DECLARED)
        return; /* later is never */
    judge_record(known->process)->uploads.arrived[stage]++;
    if (!p || p->queued)
        return;
    struct life *life = stage == STAGE_UPLOAD ? life_find(known->process, p->end_ns) : NULL;
    if (life)
        life_upload(life, p, upload);
    arrive(j, p, stage, upload);
}

/* One of an earlier locktrail's, which nobody of this one has seen. */
static bool is_earlier(const struct soak_judge *j, enum stage stage, const struct upload *upload)
{
    int64_t end = judge_time_ns(upload->end);
    return stage != STAGE_UPLOAD && end != 0 && end < j->began_ns;
}

void soak_judge_upload(struct soak_judge *j, enum stage stage, const char *instance, const struct upload *upload)
{
    struct judge_process *process = judge_find(j, instance);
    struct soak_uploads *all = &j->o.record->uploads;
    if (j->cut || stage >= STAGE_COUNT || !j->o.stages[stage])
        return;
    judge_watch_clock(j);
    if (!process) {
        all->unknown++;
        return;
    }
    if (upload->rejected) {
        judge_record(process)->uploads.unreadable++;
        return;
    }
    struct upload_keys keys = upload_keys(process, upload);
    struct upload_known *known = uploads_find(&j->uploads, keys, stage);
    if (known)
        take_known(j, known, stage, upload);
    else if (stage == STAGE_UPLOAD)
        take_first(j, process, keys, upload);
    else if (!is_earlier(j, stage, upload))
        take_early(j, process, keys, stage, upload);
}

void soak_judge_read_back(struct soak_judge *j, const struct readback_event *event)
{
    struct upload upload;
    struct upload_profile *profiles = readback_as_upload(event, &upload);
    soak_judge_upload(j, STAGE_BACKEND, event->instance, &upload);
    free(profiles);
}

int64_t soak_judge_oldest_ns(const struct soak_judge *j)
{
    int64_t oldest = 0;
    for (const struct upload_known *k = j->uploads.pending.oldest; k; k = k->newer) {
        const struct pending *p = k->pending;
        bool waits = p && !p->queued && j->o.stages[STAGE_BACKEND] && !p->stages[STAGE_BACKEND].there;
        if (waits && p->start_ns != 0 && (oldest == 0 || p->start_ns < oldest))
            oldest = p->start_ns;
    }
    return oldest;
}
