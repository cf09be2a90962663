/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of what has come through or is given up, one upload at a time on the thread, and what becomes of its
 * findings. */
#include "engine/soak_judge_internal.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- what was found --------------------------------------------------------------------------------------------- */

static void lend_set(const struct pending *p, struct soak_copy_set *set)
{
    set->instance = judge_record(p->known->process)->name;
    set->number = (unsigned)p->known->number;
    for (enum stage s = 0; s < STAGE_COUNT; s++) {
        const struct arrival *a = &p->stages[s];
        if (!a->there || a->part_count == 0)
            continue;
        set->stages[s].bytes = a->parts[0].bytes;
        set->stages[s].size = a->parts[0].size;
        set->stages[s].description = a->description.data;
    }
}

static void tell_findings(const struct job *job)
{
    const struct pending *p = job->pending;
    const struct judge_process *process = p->known->process;
    struct soak_copy_set set = {0};
    char *paths[STAGE_COUNT];
    lend_set(p, &set);
    soak_keep_loss(job->judge->o.keep, &set, paths);
    struct loss_place place = {.process = process,
                               .runtime_id = p->runtime_id,
                               .start = p->start,
                               .end = p->end,
                               .start_ns = p->start_ns,
                               .end_ns = p->end_ns,
                               .copies = paths};
    for (size_t i = 0; i < job->finding_count; i++) {
        const struct finding *f = &job->findings[i];
        const char *lock = f->lock == NO_LOCK ? "" : job->ledger->locks[f->lock].id;
        tell_loss(job->judge, &place, lock, f->stage, f->mechanism, f->evidence);
    }
    for (size_t s = 0; s < STAGE_COUNT; s++)
        free(paths[s]);
}

/* Nothing in one upload alone proves it; what was found over several is told with the last. */
static void say_droughts(struct job *job)
{
    const struct life *life = job->pending->life;
    for (size_t i = 0; life && i < job->finding_count; i++) {
        struct finding *f = &job->findings[i];
        uint64_t uploads = f->lock == NO_LOCK ? 1 : life_drought(life, f->lock);
        if (f->lock == NO_LOCK || f->stage != STAGE_UPLOAD || uploads < 2 ||
            job->result.locks[f->lock].stages[STAGE_UPLOAD].state != STATE_ABSENT)
            continue;
        char *text = mem_printf("%s; nor have the %" PRIu64 " uploads before it", f->evidence, uploads - 1);
        free(f->evidence);
        f->evidence = text;
    }
}

static void find_whole(struct job *job)
{
    const struct pending *p = job->pending;
    if (p->known->missing != STAGE_DECLARED)
        job_add(job, NO_LOCK, p->known->missing, MECHANISM_PROFILE_DROPPED,
                mem_printf("upload %" PRIu64 " did not come to %s within %.1f s", p->known->number,
                           stage_name(p->known->missing), (double)job->judge->o.deadline_ms / 1000));
    if (p->known->doubled != STAGE_DECLARED)
        job_add(job, NO_LOCK, p->known->doubled, MECHANISM_DUPLICATED,
                mem_printf("upload %" PRIu64 " came to %s more than once", p->known->number,
                           stage_name(p->known->doubled)));
}

static void count_upload(const struct job *job)
{
    const struct pending *p = job->pending;
    struct soak_uploads *u = &judge_record(p->known->process)->uploads;
    u->pending--;
    u->judged++;
    p->known->process->worker->judged++;
    p->known->good = job->finding_count == 0;
    *(p->known->good ? &u->good : &u->with_loss) += 1;
    u->unreadable += job->unreadable != STAGE_DECLARED;
    if (p->known->missing != STAGE_DECLARED)
        u->missing[p->known->missing]++;
}

void judge_forget(struct soak_judge *j, struct pending *p)
{
    struct upload_known *known = p->known;
    if (p->life)
        p->life->under_way--;
    uploads_free_pending(&j->uploads, p);
    uploads_over(&j->uploads, known);
}

static void settle(struct job *job)
{
    struct soak_judge *j = job->judge;
    struct pending *p = job->pending;
    const char *instance = judge_record(p->known->process)->name;
    bool through = p->known->missing == STAGE_DECLARED;
    struct soak_copy_set set = {0};
    find_whole(job);
    say_droughts(job);
    count_upload(job);
    tell_states(p->known->process, job);
    if (job->finding_count > 0) {
        tell_findings(job);
    } else {
        lend_set(p, &set);
        soak_keep_sample(j->o.keep, &set);
    }
    if (p->life && job->judged)
        life_judged(p->life, p, &job->result);
    else if (p->life)
        life_unjudged(p->life);
    if (j->o.judged)
        j->o.judged(instance, through, job->finding_count == 0, p->start_ns, p->end_ns, j->o.data);
    judge_forget(j, p);
}

/* --- the thread ------------------------------------------------------------------------------------------------- */

static void work_on(struct soak_judge *j);

static void on_work(uv_work_t *work)
{
    job_execute(work->data);
}

static void on_worked(uv_work_t *work, int status)
{
    struct job *job = work->data;
    struct soak_judge *j = job->judge;
    (void)status; /* never cancelled: it is waited for */
    j->job = NULL;
    settle(job);
    job_fini(job);
    free(job);
    work_on(j);
    judge_maybe_finished(j);
}

/* Below, chance alone would leave out a lock somewhere in the soak more rarely than the scenario asks for. */
static double threshold(const struct soak_judge *j, const struct judge_worker *w)
{
    double k = (double)w->judged + 1;
    return j->o.scenario->evidence.absence_probability / (k * (k + 1));
}

static void work_on(struct soak_judge *j)
{
    struct pending *p = j->queue_first;
    if (j->job || !p)
        return;
    j->queue_first = p->next;
    j->queue_last = p->next ? j->queue_last : NULL;
    struct ledger *ledger = judge_lend(p->known->process);
    if (p->life)
        life_expect(p->life, p, ledger);
    struct job *job = mem_calloc(1, sizeof *job);
    *job =
        (struct job){.judge = j, .pending = p, .ledger = ledger, .threshold = threshold(j, p->known->process->worker)};
    memcpy(job->stages, j->o.stages, sizeof job->stages);
    job->work.data = job;
    j->job = job;
    uv_queue_work(j->o.loop, &job->work, on_work, on_worked);
}

void judge_queue(struct soak_judge *j, struct pending *p)
{
    p->queued = true;
    if (j->queue_last)
        j->queue_last->next = p;
    else
        j->queue_first = p;
    j->queue_last = p;
    work_on(j);
}
