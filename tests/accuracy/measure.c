/* SPDX-License-Identifier: Apache-2.0 */
#include "measure.h"

#include "base/mem.h"
#include "judged.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- without a change --------------------------------------------------------------------------------------------- */

int measure_begin(const struct recording *r, struct owners *owners, struct err *e)
{
    struct plan none = {0};
    struct chain chain;
    struct judged judged;
    int result = 0;
    *owners = (struct owners){0};
    chain_make(r, &none, NULL, &chain);
    judge_chain(r, &chain, &judged);
    for (size_t i = 0; i < judged.result.lock_count && result == 0; i++) {
        const struct trail_lock *l = &judged.result.locks[i];
        const struct stage_result *s = &l->stages[STAGE_UPLOAD];
        if (l->lost) {
            result =
                err_set(e, ERR_INPUT, "the recording itself lacks %s: %s", r->ledger.locks[i].id, l->loss.evidence);
        }
        for (size_t k = 0; k < s->seen_count; k++) {
            owners_add(owners, s->seen_as[k].label, i);
        }
    }
    judged_fini(&judged);
    chain_fini(&chain);
    return result;
}

/* --- plans with faults -------------------------------------------------------------------------------------------- */

static size_t count_mechanisms(const struct truth *t)
{
    size_t count = 0;
    for (size_t m = 0; m < MECHANISM_COUNT; m++) {
        count += t->mechanisms[m];
    }
    return count;
}

static void say_mechanisms(const struct truth *t, FILE *out)
{
    const char *before = "";
    for (size_t m = 0; m < MECHANISM_COUNT; m++) {
        if (t->mechanisms[m]) {
            fprintf(out, "%s%s", before, mechanism_name((enum mechanism)m));
            before = "+";
        }
    }
}

/* One line for each lock that was judged wrongly. */
static void say_miss(const struct recording *r, const struct plan *plan, size_t lock, const struct truth *t,
                     const struct trail_lock *said, FILE *out)
{
    const struct lock *l = &r->ledger.locks[lock];
    if (out == NULL) {
        return;
    }
    fprintf(out, "seed %" PRIu64 ": %s:%s: ", plan->seed, l->worker, l->id);
    if (t->hit) {
        say_mechanisms(t, out);
        fprintf(out, " at %s hit %" PRIu64 " samples (%" PRIu64 " acquires)", stage_name(t->hop), t->samples,
                t->acquires);
    } else {
        fputs("no fault hit it", out);
    }
    if (said->lost) {
        fprintf(out, "; reported: %s at %s: %s\n", mechanism_name(said->loss.mechanism), stage_name(said->loss.stage),
                said->loss.evidence);
    } else {
        fputs("; reported: no loss\n", out);
    }
}

static enum hop_kind kind_of_hop(const struct recording *r, size_t lock, const struct truth *t)
{
    bool tee = false;
    for (size_t i = 0; i < r->ledger.instance_count; i++) {
        const struct instance *instance = &r->ledger.instances[i];
        tee = tee || (instance->arm == ARM_TEE && strcmp(instance->worker, r->ledger.locks[lock].worker) == 0);
    }
    return t->hop == STAGE_UPLOAD && !tee ? HOP_OF_PROCESSES : HOP_OF_COPIES;
}

static void count_table(const struct truth *t, const struct trail_lock *said, bool hop_right, struct accuracy *sum)
{
    size_t reported = hop_right ? (size_t)said->loss.mechanism : MECHANISM_COUNT;
    size_t planned = 0;
    while (!t->mechanisms[planned]) {
        planned++;
    }
    if (hop_right && t->mechanisms[reported]) {
        planned = reported; /* where several hit it, the one that was found */
    }
    sum->table[planned][reported]++;
    sum->all_planned[planned]++;
}

/* Returns whether the answer for this lock was right. */
static bool count_lock(const struct recording *r, size_t lock, const struct truth *t, const struct trail_lock *said,
                       struct accuracy *sum)
{
    /* Between processes only acquires are held against the ledger: a release that is not there is nobody's loss
     * (design.md, "Evidence before verdicts"). */
    enum hop_kind kind = kind_of_hop(r, lock, t);
    if (t->hit && kind == HOP_OF_PROCESSES && t->acquires == 0 && !said->lost) {
        sum->unseen++;
        return true;
    }
    if (!t->hit) {
        sum->false_losses += said->lost;
        return !said->lost;
    }
    bool hop_right = said->lost && said->loss.stage == t->hop;
    bool mechanism_right = hop_right && t->mechanisms[said->loss.mechanism];
    struct score *score = &sum->scores[kind];
    score->hits++;
    score->hop_right += hop_right;
    score->mechanism_right += mechanism_right;
    score->several += mechanism_right && count_mechanisms(t) > 1;
    count_table(t, said, hop_right, sum);
    return mechanism_right;
}

static void say_plan(const struct plan *plan, FILE *out)
{
    struct buf text = {0};
    plan_describe(plan, &text);
    fprintf(out, "seed %" PRIu64 ": plan: %s\n", plan->seed, text.data);
    buf_fini(&text);
}

void measure_losing(const struct recording *r, const struct owners *owners, uint64_t seed, bool verbose, FILE *misses,
                    struct accuracy *sum)
{
    struct plan plan;
    struct chain chain;
    struct judged judged;
    bool said_plan = false;
    plan_make_losing(seed, &r->ledger, &plan);
    chain_make(r, &plan, owners, &chain);
    judge_chain(r, &chain, &judged);
    for (size_t i = 0; i < judged.result.lock_count; i++) {
        bool right = count_lock(r, i, &chain.locks[i], &judged.result.locks[i], sum);
        if (misses != NULL && (!right || verbose)) {
            if (!said_plan) {
                say_plan(&plan, misses);
                said_plan = true;
            }
            say_miss(r, &plan, i, &chain.locks[i], &judged.result.locks[i], misses);
        }
    }
    sum->plans++;
    judged_fini(&judged);
    chain_fini(&chain);
    plan_fini(&plan);
}

/* --- plans that lose nothing -------------------------------------------------------------------------------------- */

/* Uploads that are said to be lost, doubled or unknown where all that happened is another order. */
static uint64_t wrong_hops(const struct trail_matching *m)
{
    uint64_t wrong = 0;
    for (size_t i = 0; i < m->hop_count; i++) {
        const struct trail_hop *h = &m->hops[i];
        wrong += h->lost + h->doubled + h->retried + h->merged + h->split + h->unknown;
    }
    return wrong;
}

void measure_harmless(const struct recording *r, uint64_t seed, FILE *misses, struct accuracy *sum)
{
    struct plan plan;
    struct chain chain;
    struct judged judged;
    static const struct truth untouched = {0};
    uint64_t wrong;
    plan_make_harmless(seed, &plan);
    chain_make(r, &plan, NULL, &chain);
    judge_chain(r, &chain, &judged);
    wrong = wrong_hops(&judged.matching) + (judged.result.verdict != VERDICT_SUCCESS);
    for (size_t i = 0; i < judged.result.lock_count; i++) {
        if (judged.result.locks[i].lost) {
            wrong++;
            say_miss(r, &plan, i, &untouched, &judged.result.locks[i], misses);
        }
    }
    if (wrong > 0 && misses != NULL) {
        say_plan(&plan, misses);
        fprintf(misses, "seed %" PRIu64 ": false alarm: verdict %s, uploads lost, doubled or unknown: %" PRIu64 "\n",
                seed, verdict_name(judged.result.verdict), wrong_hops(&judged.matching));
    }
    sum->false_alarms += wrong > 0;
    sum->harmless++;
    judged_fini(&judged);
    chain_fini(&chain);
    plan_fini(&plan);
}
