/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/soak_judge.h"

#include "base/mem.h"
#include "engine/soak_judge_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- processes -------------------------------------------------------------------------------------------------- */

bool judge_is_exact(const struct judge_process *p, size_t lock)
{
    return scenario_worker_capture_rate(p->worker->def) >= 1 && p->worker->ledger.locks[lock].counted;
}

struct judge_process *judge_find(struct soak_judge *j, const char *instance)
{
    for (size_t i = 0; instance && i < j->process_count; i++)
        if (j->processes[i] && strcmp(j->o.record->processes[i].name, instance) == 0)
            return j->processes[i];
    return NULL;
}

/* Uploads that came after the last stocktaking before a kill are in no record, and their copies may be there. */
static uint64_t last_number(const struct soak_judge *j, const struct soak_process *r)
{
    uint64_t counted = r->uploads.arrived[STAGE_UPLOAD], kept = soak_keep_last(j->o.keep, r->name);
    return counted > kept ? counted : kept;
}

static struct judge_worker *find_worker(struct soak_judge *j, const char *name)
{
    for (size_t i = 0; i < j->worker_count; i++)
        if (strcmp(j->workers[i].def->name, name) == 0)
            return &j->workers[i];
    return NULL;
}

struct soak_judge *soak_judge_new(const struct soak_judge_options *options)
{
    struct soak_judge *j = mem_calloc(1, sizeof *j);
    const struct soak_record *r = options->record;
    j->o = *options;
    j->o.wall_ns = j->o.wall_ns ? j->o.wall_ns : judge_system_wall_ns;
    j->o.steady_ns = j->o.steady_ns ? j->o.steady_ns : judge_system_steady_ns;
    judge_watch_clock(j);
    j->began_ns = judge_wall_ns(j);
    judge_workers_new(j);
    j->processes = mem_calloc(r->process_count, sizeof(struct judge_process *));
    j->process_count = r->process_count;
    for (size_t i = 0; i < r->process_count; i++) {
        struct judge_worker *worker = find_worker(j, r->processes[i].worker);
        if (!worker)
            continue;
        j->processes[i] = mem_calloc(1, sizeof **j->processes);
        *j->processes[i] = (struct judge_process){
            .judge = j, .index = i, .worker = worker, .number = last_number(j, &r->processes[i])};
    }
    return j;
}

void soak_judge_free(struct soak_judge *j)
{
    if (!j)
        return;
    assert(!j->job);
    uploads_fini(&j->uploads);
    for (size_t i = 0; i < j->process_count; i++) {
        if (j->processes[i])
            lives_free(j->processes[i]);
        free(j->processes[i]);
    }
    free(j->processes);
    judge_workers_free(j);
    free(j);
}

void soak_judge_life(struct soak_judge *j, const char *instance)
{
    struct judge_process *p = judge_find(j, instance);
    judge_watch_clock(j);
    if (p)
        life_begin(p, judge_wall_ns(j));
}

void soak_judge_life_over(struct soak_judge *j, const char *instance, bool killed)
{
    struct judge_process *p = judge_find(j, instance);
    if (p)
        life_over(p, killed);
}

void soak_judge_line(struct soak_judge *j, const char *instance, const struct message *m)
{
    struct judge_process *p = judge_find(j, instance);
    if (!p)
        return;
    judge_watch_clock(j);
    if (m->type == MESSAGE_HELLO)
        life_hello(p, m);
    else if (m->type == MESSAGE_LOCK || m->type == MESSAGE_SITE)
        judge_declare(p, m);
    else if (m->type == MESSAGE_PROGRESS || m->type == MESSAGE_DONE)
        life_line(p, m);
}

void soak_judge_take_stock(struct soak_judge *j, int64_t at_ms)
{
    for (size_t i = 0; i < j->process_count; i++) {
        struct judge_process *p = j->processes[i];
        if (!p)
            continue;
        struct soak_process *r = judge_record(p);
        series_add(&r->interval.median, at_ms, sampler_median(&p->interval));
        series_add(&r->latency.median, at_ms, sampler_median(&p->latency));
    }
}

/* --- time ------------------------------------------------------------------------------------------------------- */

static int64_t came_last_ms(const struct pending *p)
{
    int64_t last = 0;
    for (enum stage s = 0; s < STAGE_COUNT; s++)
        if (p->stages[s].there && p->stages[s].at_ms > last)
            last = p->stages[s].at_ms;
    return last;
}

static void find_overdue(struct soak_judge *j)
{
    int64_t now = judge_now_ms(j);
    struct upload_known *next;
    for (struct upload_known *k = j->uploads.pending.oldest; k; k = next) {
        struct pending *p = k->pending;
        next = k->newer;
        if (p->queued || now - came_last_ms(p) < j->o.deadline_ms)
            continue;
        if (!p->stages[STAGE_UPLOAD].there) {
            judge_disown(j, p);
            continue;
        }
        p->known->missing = judge_next_stage(j, p);
        judge_queue(j, p);
    }
}

void soak_judge_tick(struct soak_judge *j)
{
    judge_watch_clock(j);
    find_overdue(j);
    for (size_t i = 0; i < j->process_count; i++)
        if (j->processes[i])
            lives_tick(j->processes[i], false);
    judge_maybe_finished(j);
}

/* --- the end ---------------------------------------------------------------------------------------------------- */

static void cut_all(struct soak_judge *j)
{
    struct upload_known *next;
    j->queue_first = j->queue_last = NULL;
    for (struct upload_known *k = j->uploads.pending.oldest; k; k = next) {
        struct pending *p = k->pending;
        struct soak_uploads *u = &judge_record(k->process)->uploads;
        next = k->newer;
        if (j->job && j->job->pending == p)
            continue;
        if (!p->stages[STAGE_UPLOAD].there) {
            judge_disown(j, p);
            continue;
        }
        u->cut++;
        u->pending--;
        if (p->life)
            life_unjudged(p->life);
        judge_forget(j, p);
    }
}

static void on_turn_closed(uv_handle_t *handle)
{
    struct soak_judge *j = handle->data;
    j->done(j->done_data);
}

static void on_turn(uv_timer_t *turn)
{
    uv_close((uv_handle_t *)turn, on_turn_closed);
}

void judge_maybe_finished(struct soak_judge *j)
{
    if (!j->finishing || j->closing || j->job || j->uploads.pending.count > 0)
        return;
    j->closing = true;
    for (size_t i = 0; i < j->process_count; i++)
        if (j->processes[i])
            lives_tick(j->processes[i], true);
    uv_timer_init(j->o.loop, &j->turn);
    j->turn.data = j;
    uv_timer_start(&j->turn, on_turn, 0, 0);
}

void soak_judge_finish(struct soak_judge *j, bool now, void (*done)(void *data), void *data)
{
    j->done = done;
    j->done_data = data;
    j->finishing = true;
    if (now && !j->cut) {
        j->cut = true;
        cut_all(j);
    }
    judge_maybe_finished(j);
}
