/* SPDX-License-Identifier: Apache-2.0 */
/* "The workload must have happened" (design.md): what makes a run an error although the profile may
 * look right. */
#include "base/mem.h"
#include "engine/evidence_internal.h"
#include "scenario/nearest.h"

#include <stdlib.h>
#include <string.h>

static const char *const workload_advice = "the verdict would rest on work that was not done: see the worker's output";

/* A phase that left no acquire of any lock that it declared did not run. */
static void check_phases(struct evidence *ev, const struct instance *instance)
{
    for (size_t p = 0; p < ev->scenario->phase_count; p++) {
        const char *pattern = ev->scenario->phases[p].pattern;
        uint64_t acquires = 0;
        bool declared = false;
        for (size_t i = 0; i < ev->ledger.lock_count; i++) {
            const struct lock *lock = &ev->ledger.locks[i];
            if (strcmp(lock->worker, instance->worker) != 0 || strcmp(lock->pattern, pattern) != 0)
                continue;
            declared = true;
            acquires += instance->counts[i].acquires;
        }
        if (!declared)
            evidence_add_problem(ev, instance->name, workload_advice, NULL, "phase %s declared no lock", pattern);
        else if (acquires == 0)
            evidence_add_problem(ev, instance->name, workload_advice, NULL, "phase %s did not run", pattern);
    }
}

static void check_waits(struct evidence *ev, const struct instance *instance)
{
    for (size_t i = 0; i < ev->ledger.lock_count; i++) {
        const struct lock *lock = &ev->ledger.locks[i];
        const struct lock_count *count = &instance->counts[i];
        if (strcmp(lock->worker, instance->worker) != 0 || !count->known)
            continue;
        if (count->acquires == 0)
            evidence_add_problem(ev, instance->name, workload_advice, NULL, "%s was never acquired", lock->id);
        else if (lock->contends && count->waits == 0)
            evidence_add_problem(ev, instance->name, "more threads, a higher rate or a longer duration", NULL,
                                 "nobody ever waited for %s: there was no contention", lock->id);
    }
}

/* One that was interrupted owes no work, but without its last words nobody knows how much there was to see. */
static void check_interrupted(struct evidence *ev, const struct worker_outcome *w)
{
    if (!w->said_done)
        evidence_add_problem(ev, w->name, "a worker says done when it gets SIGTERM, and has written its profiles then",
                             NULL, "was interrupted and ended without having said done: its copies may be cut short");
}

/* An expectation of a lock that nobody declared would be passed over in silence, and the verdict not be what was asked
 * for. */
static void check_expectation(struct evidence *ev, size_t at)
{
    const struct scenario_lock *x = &ev->scenario->expect[at];
    struct nearest best = {0};
    /* It may be a lock of a worker that was left out. */
    if (x->worker ? evidence_is_left_out(ev, x->worker) : ev->left_out_count > 0)
        return;
    for (size_t i = 0; i < ev->ledger.lock_count; i++) {
        const struct lock *lock = &ev->ledger.locks[i];
        if (x->worker && strcmp(x->worker, lock->worker) != 0)
            continue;
        if (strcmp(x->id, lock->id) == 0 || strcmp(x->id, lock->name) == 0)
            return;
        nearest_offer(&best, x->id, lock->id);
        nearest_offer(&best, x->id, lock->name);
    }
    evidence_add_problem(ev, "run", "give the id or the name of a lock of this scenario, and run again", NULL,
                         "expect.%zu: no worker has declared the lock %s%s%s%s", at, x->id,
                         best.word ? " (did you mean " : "", best.word ? best.word : "", best.word ? "?)" : "");
}

/* Where a process went wrong or was interrupted, it may have had no time to declare its locks. */
static void check_expectations(struct evidence *ev)
{
    bool all = !ev->interrupted && ev->complete && ev->control != CONTROL_FAILED;
    for (size_t i = 0; i < ev->worker_count; i++)
        all = all && (ev->workers[i].good || evidence_is_left_out(ev, ev->workers[i].worker));
    for (size_t i = 0; all && i < ev->scenario->expect_count; i++)
        check_expectation(ev, i);
}

void evidence_check_workload(struct evidence *ev)
{
    check_expectations(ev);
    for (size_t i = 0; i < ev->ledger.instance_count; i++) {
        const struct instance *instance = &ev->ledger.instances[i];
        const struct worker_outcome *w = evidence_find_worker(ev, instance->name);
        const struct scenario_worker *def = scenario_find_worker(ev->scenario, instance->worker);
        bool speaks = scenario_worker_speaks(def);
        /* One that went wrong has its problem already. */
        if (instance->arm == ARM_CONTROL || instance->mirror || !speaks || !w->good)
            continue;
        if (ev->interrupted) {
            check_interrupted(ev, w);
            continue;
        }
        if (scenario_worker_is_ours(def))
            check_phases(ev, instance);
        check_waits(ev, instance);
    }
}
