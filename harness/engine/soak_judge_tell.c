/* SPDX-License-Identifier: Apache-2.0 */
/* Counting in the record: what is listed is bounded, and what is not listed is counted. */
#include "engine/soak_judge_internal.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- groups ----------------------------------------------------------------------------------------------------- */

static bool is_of(const struct soak_group *g, const char *worker, const char *lock, enum stage stage,
                  enum mechanism mechanism)
{
    return g->stage == stage && g->mechanism == mechanism && strcmp(g->lock, lock) == 0 &&
           strcmp(g->worker, worker) == 0;
}

static void add_to_group(struct soak_record *r, const char *worker, const struct soak_loss *loss)
{
    for (size_t i = 0; i < r->group_count; i++) {
        struct soak_group *g = &r->groups[i];
        if (!is_of(g, worker, loss->lock, loss->stage, loss->mechanism))
            continue;
        g->uploads++;
        g->last_ms = loss->at_ms;
        g->disturbed = g->disturbed && loss->disturbed;
        return;
    }
    if (r->group_count >= SOAK_GROUPS_MAX) {
        r->groups_dropped++;
        return;
    }
    r->groups = mem_grow(r->groups, r->group_count, &r->group_capacity, sizeof *r->groups);
    r->groups[r->group_count++] = (struct soak_group){.worker = mem_strdup(worker),
                                                      .lock = mem_strdup(loss->lock),
                                                      .stage = loss->stage,
                                                      .mechanism = loss->mechanism,
                                                      .uploads = 1,
                                                      .first_ms = loss->at_ms,
                                                      .last_ms = loss->at_ms,
                                                      .disturbed = loss->disturbed};
}

/* --- losses that are listed ------------------------------------------------------------------------------------- */

/* "python" of "python.1.upload": a group is of a worker, a listed loss of a process. */
static const char *worker_of(const struct soak_record *r, const struct soak_loss *loss)
{
    for (size_t i = 0; i < r->process_count; i++)
        if (strcmp(r->processes[i].name, loss->instance) == 0)
            return r->processes[i].worker;
    return "";
}

static bool same_group(const struct soak_record *r, const struct soak_loss *a, const struct soak_loss *b)
{
    return a->stage == b->stage && a->mechanism == b->mechanism && strcmp(a->lock, b->lock) == 0 &&
           strcmp(worker_of(r, a), worker_of(r, b)) == 0;
}

static void free_loss(struct soak_loss *loss)
{
    free(loss->instance);
    free(loss->lock);
    free(loss->evidence);
    free(loss->runtime_id);
    free(loss->start);
    free(loss->end);
    for (size_t s = 0; s < STAGE_COUNT; s++)
        free(loss->copies[s]);
}

/* How many of its group are listed; the places of the second and the last of them. */
static size_t count_listed(const struct soak_record *r, const struct soak_loss *loss, size_t *second, size_t *last)
{
    size_t count = 0;
    for (size_t i = 0; i < r->loss_count; i++) {
        if (!same_group(r, &r->losses[i], loss))
            continue;
        *last = i;
        *second = ++count == 2 ? i : *second;
    }
    return count;
}

/* The place of the one that has to go for `loss`: the last of its own group, where its first is there too; else one
 * between the first and the last of the largest group. SIZE_MAX: none can. */
static size_t find_dispensable(const struct soak_record *r, const struct soak_loss *loss)
{
    size_t second = SIZE_MAX, last = SIZE_MAX, place = SIZE_MAX, most = 2;
    if (count_listed(r, loss, &second, &last) >= 2)
        return last;
    for (size_t i = 0; i < r->loss_count; i++) {
        size_t count = count_listed(r, &r->losses[i], &second, &last);
        if (count > most) {
            most = count;
            place = second;
        }
    }
    return place;
}

/* Takes what is in it. */
static void list_loss(struct soak_record *r, struct soak_loss *loss)
{
    if (r->loss_count >= SOAK_LOSSES_MAX) {
        size_t place = find_dispensable(r, loss);
        r->losses_dropped++;
        if (place == SIZE_MAX) {
            free_loss(loss);
            return;
        }
        free_loss(&r->losses[place]);
        memmove(r->losses + place, r->losses + place + 1, (--r->loss_count - place) * sizeof *r->losses);
    }
    r->losses = mem_grow(r->losses, r->loss_count, &r->loss_capacity, sizeof *r->losses);
    r->losses[r->loss_count++] = *loss;
}

void tell_loss(struct soak_judge *j, const struct loss_place *place, const char *lock, enum stage stage,
               enum mechanism mechanism, const char *evidence)
{
    const struct soak_process *process = judge_record(place->process);
    struct soak_loss loss = {.at_ms = judge_now_ms(j),
                             .instance = mem_strdup(process->name),
                             .lock = mem_strdup(lock),
                             .stage = stage,
                             .mechanism = mechanism,
                             .evidence = mem_strdup(evidence),
                             .runtime_id = mem_strdup(place->runtime_id),
                             .start = mem_strdup(place->start),
                             .end = mem_strdup(place->end),
                             .disturbed = j->o.disturbed &&
                                          j->o.disturbed(process->name, place->start_ns, place->end_ns, j->o.data)};
    for (size_t s = 0; place->copies && s < STAGE_COUNT; s++)
        loss.copies[s] = mem_strdup_null(place->copies[s]);
    add_to_group(j->o.record, process->worker, &loss);
    list_loss(j->o.record, &loss);
}

/* --- states ----------------------------------------------------------------------------------------------------- */

void tell_states(const struct judge_process *p, const struct job *job)
{
    const struct soak_judge *j = p->judge;
    for (size_t i = 0; job->judged && i < job->result.lock_count; i++) {
        struct soak_lock *lock = &j->o.record->locks[p->worker->in_record[i]];
        for (enum stage s = STAGE_UPLOAD; s <= STAGE_BACKEND; s++)
            if (job->judged_stages[s])
                lock->states[s][job->result.locks[i].stages[s].state]++;
    }
}

/* --- times ------------------------------------------------------------------------------------------------------ */

void sampler_add(struct sampler *s, double value)
{
    s->stride = s->stride ? s->stride : 1;
    if (s->seen++ % s->stride != 0)
        return;
    if (s->count == SAMPLER_MAX) {
        for (size_t i = 0; i < SAMPLER_MAX / 2; i++)
            s->values[i] = s->values[2 * i];
        s->count = SAMPLER_MAX / 2;
        s->stride *= 2;
    }
    s->values[s->count++] = value;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double sampler_median(struct sampler *s)
{
    double median = NAN;
    if (s->count > 0) {
        qsort(s->values, s->count, sizeof *s->values, by_value);
        median = s->count % 2 ? s->values[s->count / 2] : (s->values[s->count / 2 - 1] + s->values[s->count / 2]) / 2;
    }
    s->count = 0;
    s->seen = 0;
    s->stride = 1;
    return median;
}

void tell_time(struct soak_times *times, struct sampler *sampler, double ms)
{
    times->least = times->count == 0 || ms < times->least ? ms : times->least;
    times->most = times->count == 0 || ms > times->most ? ms : times->most;
    times->sum += ms;
    times->count++;
    sampler_add(sampler, ms);
}
