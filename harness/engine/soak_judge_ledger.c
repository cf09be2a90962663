/* SPDX-License-Identifier: Apache-2.0 */
/* What the workers of a soak declare, and the copy of it that a thread judges by. */
#include "engine/soak_judge_internal.h"

#include "base/mem.h"
#include "engine/declared.h"
#include "engine/orders.h"

#include <stdlib.h>
#include <string.h>

#define DECLARES_ANEW "the workload's declarations must be the same in every process and in each of its lives"

static void problem(const struct judge_process *p, const char *text)
{
    struct soak_judge *j = p->judge;
    soak_record_problem(j->o.record, judge_now_ms(j), judge_record(p)->name, text, DECLARES_ANEW);
}

/* --- places in the record --------------------------------------------------------------------------------------- */

static size_t place_in_record(struct soak_record *r, const struct lock *lock)
{
    for (size_t i = 0; i < r->lock_count; i++)
        if (strcmp(r->locks[i].id, lock->id) == 0 && strcmp(r->locks[i].worker, lock->worker) == 0)
            return i;
    r->locks = mem_realloc(r->locks, r->lock_count + 1, sizeof *r->locks);
    r->locks[r->lock_count] = (struct soak_lock){
        .worker = mem_strdup(lock->worker), .id = mem_strdup(lock->id), .name = mem_strdup(lock->name)};
    return r->lock_count++;
}

static void place_lock(struct soak_judge *j, struct judge_worker *w, size_t index)
{
    w->in_record = mem_grow(w->in_record, index, &w->in_record_capacity, sizeof *w->in_record);
    w->in_record[index] = place_in_record(j->o.record, &w->ledger.locks[index]);
    w->changed = true;
}

/* --- declarations ----------------------------------------------------------------------------------------------- */

static void add_lock(struct judge_process *p, const struct lock *declared)
{
    struct judge_worker *w = p->worker;
    struct lock lock = *declared;
    struct err e;
    if (strcmp(lock.pattern, REFERENCE_PATTERN) == 0)
        return;
    lock.worker = w->def->name;
    declared_expect(p->judge->o.scenario, &lock);
    size_t before = w->ledger.lock_count;
    bool known = ledger_find_lock(&w->ledger, lock.worker, lock.id) >= 0;
    if (!known && p->lives_begun > 1) {
        char *text = mem_printf("a later life declares the lock %.200s, which the first one did not", lock.id);
        problem(p, text);
        free(text);
    }
    uint64_t sites = known ? w->ledger.locks[ledger_find_lock(&w->ledger, lock.worker, lock.id)].site_count : 0;
    int index = ledger_add_lock(&w->ledger, &lock, &e);
    if (index < 0)
        problem(p, e.text);
    else if (w->ledger.lock_count > before)
        place_lock(p->judge, w, (size_t)index);
    else
        w->changed = w->changed || w->ledger.locks[index].site_count > sites;
}

static void add_site(struct judge_process *p, const struct message *m)
{
    struct judge_worker *w = p->worker;
    int lock = ledger_find_lock(&w->ledger, w->def->name, m->id);
    struct err e;
    if (lock < 0)
        err_set(&e, ERR_INPUT, "says a site of %.200s, which it has not declared", m->id);
    size_t sites = lock < 0 ? 0 : w->ledger.locks[lock].site_count;
    if (lock < 0 || ledger_add_site(&w->ledger, (size_t)lock, m->site, &e) < 0)
        problem(p, e.text);
    else
        w->changed = w->changed || w->ledger.locks[lock].site_count > sites;
}

void judge_declare(struct judge_process *p, const struct message *m)
{
    if (m->type == MESSAGE_LOCK)
        add_lock(p, &m->lock);
    else if (m->type == MESSAGE_SITE)
        add_site(p, m);
}

/* --- for the thread --------------------------------------------------------------------------------------------- */

/* Sums of one upload can't be held against the ledger to the acquire, since the counts of its time are bounds. The
 * account does that over many (trail/account.h). */
static void copy_ledger(struct judge_worker *w)
{
    struct err e;
    ledger_fini(&w->lent);
    w->lent = (struct ledger){0};
    for (size_t i = 0; i < w->ledger.lock_count; i++) {
        struct lock lock = w->ledger.locks[i];
        lock.counted = false;
        ledger_add_lock(&w->lent, &lock, &e); /* the same ones were taken into the ledger itself */
    }
    ledger_add_instance(&w->lent, w->def->name, w->def->name, ARM_UPLOAD, scenario_worker_capture_rate(w->def), &e);
    w->changed = false;
}

struct ledger *judge_lend(struct judge_process *p)
{
    struct judge_worker *w = p->worker;
    if (w->changed || w->lent.instance_count == 0)
        copy_ledger(w);
    struct instance *in = &w->lent.instances[0];
    free(in->name);
    in->name = mem_strdup(judge_record(p)->name);
    for (size_t i = 0; i < w->lent.lock_count; i++)
        in->counts[i] = (struct lock_count){0};
    return &w->lent;
}

/* --- workers ---------------------------------------------------------------------------------------------------- */

static void add_silent(struct soak_judge *j, struct judge_worker *w)
{
    for (size_t i = 0; i < w->def->lock_count; i++) {
        struct lock lock = declared_of_silent(j->o.scenario, w->def, i);
        struct err e;
        size_t before = w->ledger.lock_count;
        int index = ledger_add_lock(&w->ledger, &lock, &e);
        if (index < 0)
            soak_record_problem(j->o.record, judge_now_ms(j), w->def->name, e.text, "each lock once under `locks`");
        else if (w->ledger.lock_count > before)
            place_lock(j, w, (size_t)index);
    }
}

/* What was judged before a --resume counts for the thresholds. */
static void count_judged(struct soak_judge *j, struct judge_worker *w)
{
    for (size_t i = 0; i < j->o.record->process_count; i++) {
        const struct soak_process *p = &j->o.record->processes[i];
        if (strcmp(p->worker, w->def->name) == 0)
            w->judged += p->uploads.judged;
    }
}

void judge_workers_new(struct soak_judge *j)
{
    const struct scenario *s = j->o.scenario;
    j->workers = mem_calloc(s->worker_count, sizeof *j->workers);
    for (j->worker_count = 0; j->worker_count < s->worker_count; j->worker_count++) {
        struct judge_worker *w = &j->workers[j->worker_count];
        w->def = &s->workers[j->worker_count];
        count_judged(j, w);
        if (!scenario_worker_speaks(w->def))
            add_silent(j, w);
    }
}

void judge_workers_free(struct soak_judge *j)
{
    for (size_t i = 0; i < j->worker_count; i++) {
        ledger_fini(&j->workers[i].ledger);
        ledger_fini(&j->workers[i].lent);
        free(j->workers[i].in_record);
    }
    free(j->workers);
}
