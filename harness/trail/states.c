/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/states.h"
#include "base/buf.h"
#include "base/mem.h"
#include "trail/gather.h"
#include "trail/naming.h"
#include "trail/seen.h"
#include "trail/sites.h"

#include <math.h>
#include <string.h>

int state_badness(enum lock_state state)
{
    static const int badness[STATE_COUNT] = {
        [STATE_NOT_RUN] = 0, [STATE_UNDERSAMPLED] = 1, [STATE_EXACT] = 2,  [STATE_MANGLED] = 3,
        [STATE_GENERIC] = 4, [STATE_ALIAS] = 5,        [STATE_ABSENT] = 6,
    };
    return badness[state];
}

bool state_allowed(enum rendering rendering, enum lock_state state)
{
    static const enum lock_state worst[] = {
        [RENDERING_EXACT] = STATE_EXACT,
        [RENDERING_MANGLED] = STATE_MANGLED,
        [RENDERING_GENERIC] = STATE_GENERIC,
    };
    return state_badness(state) <= state_badness(worst[rendering]);
}

double trail_absence_probability(uint64_t acquires, double rate)
{
    if (acquires == 0 || !(rate > 0)) {
        return 1;
    }
    return rate >= 1 ? 0 : exp(-(double)acquires * rate);
}

struct cell *view_cells_new(size_t instance_count)
{
    struct cell *cells = mem_calloc(instance_count * STAGE_COUNT, sizeof *cells);
    for (size_t i = 0; i < instance_count * STAGE_COUNT; i++) {
        cells[i].state = STATE_NOT_RUN;
    }
    return cells;
}

/* --- names -------------------------------------------------------------------------------------------------------- */

static enum lock_state name_state(const struct lock *lock, const char *seen, bool foreign)
{
    if (seen[0] == '\0') {
        return STATE_GENERIC;
    }
    if (foreign) {
        return STATE_ALIAS;
    }
    if (naming_is_declared(lock, seen)) {
        return STATE_EXACT;
    }
    if (naming_is_mangled(lock, seen)) {
        return STATE_MANGLED;
    }
    return lock->qualified && naming_is_place(seen) ? STATE_GENERIC : STATE_ALIAS;
}

/* --- one process at one stage ------------------------------------------------------------------------------------- */

static void add_hit(const struct work *w, const struct hit *hit, size_t number, struct cell *c)
{
    const struct row *row = &w->rows[hit->row];
    c->first_hit = c->hits ? c->first_hit : number;
    c->hits++;
    c->samples += hit->samples;
    c->acquires += hit->acquires;
    c->spoken = c->spoken || hit->spoken;
    c->twice = row->twice ? row->twice : c->twice;
    c->ambiguous = c->ambiguous || hit->ambiguous;
    c->shared = c->shared || hit->shared;
    c->shared_acquires = hit->shared_acquires;
    c->shared_known = hit->shared_known;
    c->shared_true = hit->shared_true;
}

/* Several expressions may be right for a qualified lock, but from one copy to the next none becomes another. */
static bool is_rewritten(const struct lock_view *v, const struct row *row)
{
    const struct span *s = &v->w->lock_changes[v->lock];
    bool qualified = work_lock(v->w, v->lock)->qualified;
    for (size_t i = 0; i < s->count && qualified; i++) {
        const struct change *c = &v->w->changes[s->first + i];
        if (c->instance == row->instance && c->stage == row->stage && c->after == row->label) {
            return true;
        }
    }
    return false;
}

/* The worst of the names that say anything. */
static void judge_names(const struct lock_view *v, struct cell *c)
{
    const struct work *w = v->w;
    for (size_t i = 0; i < c->hits; i++) {
        const struct hit *hit = &w->hits[c->first_hit + i];
        const struct row *row = &w->rows[hit->row];
        bool foreign = hit->adopted || hit->origin != row->label || is_rewritten(v, row);
        enum lock_state state = name_state(work_lock(w, v->lock), work_label(w, row)->name, foreign);
        if (cell_heeds(c, hit) && state_badness(state) > state_badness(c->state)) {
            c->state = state;
        }
    }
}

static void add_hits(struct lock_view *v)
{
    const struct span *s = &v->w->lock_hits[v->lock];
    size_t k = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct hit *hit = &v->w->hits[s->first + i];
        while (v->instances[k] != hit->instance) {
            k++;
        }
        add_hit(v->w, hit, s->first + i, view_cell(v, k, hit->stage));
    }
    for (k = 0; k < v->instance_count; k++) {
        for (enum stage stage = STAGE_CONTROL; stage < STAGE_COUNT; stage++) {
            if (work_flow(v->w, v->instances[k], stage)->feeds) {
                judge_names(v, view_cell(v, k, stage));
            }
        }
    }
}

/* Where a silent process writes locally and a second one uploads, the first one's k samples say how many to expect:
 * with k samples on one side the other side's chance of none is (p1 / (p1 + p2))^k. */
static void estimate(const struct lock_view *v, struct cell *c, double rate)
{
    uint64_t samples = 0;
    double rates = 0;
    for (size_t k = 0; k < v->instance_count; k++) {
        const struct instance *in = work_instance(v->w, v->instances[k]);
        if (in->arm == ARM_LOCAL) {
            samples += view_cell(v, k, STAGE_COLLECTOR)->samples;
            rates += in->capture_rate;
        }
    }
    if (samples > 0 && rates > 0 && rate > 0) {
        c->expected_known = true;
        c->expected = (double)samples * log1p(rate / rates);
        c->estimated_from = samples;
    }
}

static bool seen_before(const struct lock_view *v, size_t k, enum stage stage)
{
    for (enum stage s = STAGE_COLLECTOR; s < stage; s++) {
        if (view_cell(v, k, s)->hits > 0) {
            return true;
        }
    }
    return false;
}

/* How likely it is that the process has no sampled acquire of the lock; fills what was to be expected. */
static double chance_of_absence(const struct lock_view *v, size_t k, struct cell *c)
{
    const struct instance *in = work_instance(v->w, v->instances[k]);
    const struct lock_count *count = &in->counts[v->lock];
    double rate = in->capture_rate > 0 ? in->capture_rate : 0;
    if (count->known) {
        c->expected_known = true;
        c->expected = (double)count->acquires * (rate < 1 ? rate : 1);
        return trail_absence_probability(count->acquires, rate);
    }
    if (in->arm == ARM_UPLOAD) {
        estimate(v, c, rate);
        return c->expected_known ? exp(-c->expected) : 1;
    }
    return 1;
}

static bool is_unanswered(const struct lock_view *v, size_t k)
{
    size_t instance = v->instances[k];
    struct buf key = {0};
    buf_add(&key, &instance, sizeof instance);
    buf_add_str(&key, work_lock(v->w, v->lock)->id);
    bool found = table_find(&v->w->unanswered, key.data, key.size) != TABLE_NONE;
    buf_fini(&key);
    return found;
}

/* A process whose copies do not show the lock: absent, or nothing that can be told. */
static void judge_absence(const struct lock_view *v, size_t k, enum stage stage)
{
    struct cell *c = view_cell(v, k, stage);
    const struct flow *f = work_flow(v->w, v->instances[k], stage);
    if (f->names_only && is_unanswered(v, k)) {
        c->state = STATE_NOT_RUN;
        return;
    }
    /* What was sent and is missed behind does not depend on how the process ended. */
    bool sent = f->before >= STAGE_UPLOAD && view_cell(v, k, f->before)->hits > 0;
    if (work_instance(v->w, v->instances[k])->unfinished && !sent) {
        c->state = STATE_UNDERSAMPLED;
        return;
    }
    double chance = chance_of_absence(v, k, c);
    bool lost = chance < v->w->threshold || (stage > STAGE_COLLECTOR && seen_before(v, k, stage));
    c->state = lost ? STATE_ABSENT : STATE_UNDERSAMPLED;
}

/* Releases without one sampled acquire: they do not show how the lock is named, so where chance alone may have left the
 * acquires out, a wrong name of theirs proves as little as no sample at all. */
static void judge_releases(const struct lock_view *v, size_t k, enum stage stage)
{
    struct cell *c = view_cell(v, k, stage);
    enum stage before = work_flow(v->w, v->instances[k], stage)->before;
    bool known = work_instance(v->w, v->instances[k])->counts[v->lock].known;
    bool random = before == NO_STAGE || view_cell(v, k, before)->state == STATE_UNDERSAMPLED;
    if (!c->spoken && known && random && !state_allowed(work_lock(v->w, v->lock)->rendering, c->state) &&
        chance_of_absence(v, k, c) >= v->w->threshold) {
        c->state = STATE_UNDERSAMPLED;
    }
}

static void fill_cells(struct lock_view *v)
{
    for (size_t k = 0; k < v->instance_count; k++) {
        for (enum stage s = STAGE_CONTROL; s < STAGE_COUNT; s++) {
            if (v->w->input->stage_ran[s]) {
                *view_cell(v, k, s) = (struct cell){.state = STATE_NOT_RUN};
            }
        }
    }
    add_hits(v);
    for (size_t k = 0; k < v->instance_count; k++) {
        for (enum stage s = STAGE_CONTROL; s < STAGE_COUNT; s++) {
            if (view_cell(v, k, s)->hits > 0) {
                judge_releases(v, k, s);
            } else if (work_flow(v->w, v->instances[k], s)->feeds) {
                judge_absence(v, k, s);
            }
        }
    }
}

/* --- counts ------------------------------------------------------------------------------------------------------- */

static enum count_state compare(uint64_t expected, uint64_t found)
{
    return found < expected ? COUNT_FEWER : found > expected ? COUNT_MORE : COUNT_EQUAL;
}

static bool is_countable(const struct lock_view *v, size_t k, enum stage stage)
{
    const struct flow *f = work_flow(v->w, v->instances[k], stage);
    return !f->names_only && !f->countless;
}

struct count_check count_against_ledger(const struct lock_view *v, size_t k, enum stage stage)
{
    const struct work *w = v->w;
    const struct cell *c = view_cell(v, k, stage);
    const struct lock_count *counts = work_instance(w, v->instances[k])->counts;
    struct count_check check = {.expected = counts[v->lock].acquires, .found = c->acquires};
    bool unfinished = work_instance(w, v->instances[k])->unfinished;
    if (c->ambiguous || unfinished || !is_countable(v, k, stage) || !sites_is_exact(w, v->instances[k], v->lock)) {
        return check;
    }
    if (c->shared) {
        check.expected = c->shared_true;
        check.found = c->shared_acquires;
        if (!c->shared_known) {
            return check;
        }
    }
    check.state = compare(check.expected, check.found);
    return check;
}

struct count_check count_against_before(const struct lock_view *v, size_t k, enum stage stage)
{
    enum stage before = work_flow(v->w, v->instances[k], stage)->before;
    const struct cell *now = view_cell(v, k, stage);
    struct count_check check = {0};
    if (before == NO_STAGE || !is_countable(v, k, stage) || !is_countable(v, k, before)) {
        return check;
    }
    const struct cell *then = view_cell(v, k, before);
    bool shared = now->shared || then->shared;
    check.expected = shared ? then->shared_acquires : then->acquires;
    check.found = shared ? now->shared_acquires : now->acquires;
    if (then->hits > 0 && check.expected > 0 && !now->ambiguous && !then->ambiguous) {
        check.state = compare(check.expected, check.found);
    }
    return check;
}

/* --- one stage ---------------------------------------------------------------------------------------------------- */

/* Rounds up to whole seconds; a hair above a second is the arithmetic's. */
static int64_t needed_ms(int64_t duration_ms, double expected, double threshold)
{
    const double longest_s = 1e12; /* 30,000 years; keeps the conversion in range */
    double seconds = (double)duration_ms / 1000 * -log(threshold) / expected;
    if (duration_ms <= 0 || !(expected > 0) || !(seconds < longest_s)) {
        return 0;
    }
    return (int64_t)ceil(seconds - 1e-9) * 1000;
}

/* Each process alone may have missed the lock by chance; all of them together may not. */
static void judge_together(struct lock_view *v, enum stage stage, struct stage_result *r)
{
    double expected = 0, most = -1;
    int64_t duration_ms = 0;
    for (size_t k = 0; k < v->instance_count; k++) {
        const struct cell *c = view_cell(v, k, stage);
        /* The uploads of a mirror are the same ones, and no further evidence. */
        if (c->state != STATE_UNDERSAMPLED || !c->expected_known || work_instance(v->w, v->instances[k])->mirror) {
            continue;
        }
        const struct instance *in = work_instance(v->w, v->instances[k]);
        expected += c->expected;
        duration_ms = in->duration_ms > duration_ms ? in->duration_ms : duration_ms;
        if (c->expected > most) {
            most = c->expected;
            v->worst[stage].culprit = k;
        }
    }
    if (exp(-expected) < v->w->threshold) {
        r->state = STATE_ABSENT;
        v->worst[stage].pooled = true;
        v->worst[stage].pooled_expected = expected;
    } else {
        r->needed_ms = needed_ms(duration_ms, expected, v->w->threshold);
    }
}

static void judge_counts(const struct lock_view *v, enum stage stage, struct stage_result *r)
{
    size_t feeding = 0, checked = 0, equal = 0;
    for (size_t k = 0; k < v->instance_count; k++) {
        if (view_cell(v, k, stage)->state == STATE_NOT_RUN || !view_counts(v, k, stage)) {
            continue;
        }
        struct count_check check = count_against_ledger(v, k, stage);
        feeding++;
        checked += check.state != COUNT_UNCHECKED;
        equal += check.state == COUNT_EQUAL;
    }
    r->count_checked = feeding > 0 && checked == feeding;
    r->count_equal = r->count_checked && equal == checked;
}

static void judge_stage(struct lock_view *v, enum stage stage, struct stage_result *r)
{
    for (size_t k = 0; k < v->instance_count; k++) {
        const struct cell *c = view_cell(v, k, stage);
        const struct lock_count *count = &work_instance(v->w, v->instances[k])->counts[v->lock];
        if (c->state == STATE_NOT_RUN || !view_counts(v, k, stage)) {
            continue;
        }
        r->true_acquires += count->known ? count->acquires : 0;
        if (state_badness(c->state) > state_badness(r->state)) {
            r->state = c->state;
            v->worst[stage].culprit = k;
        }
    }
    if (r->state == STATE_UNDERSAMPLED) {
        judge_together(v, stage, r);
    }
    judge_counts(v, stage, r);
}

static void judge_declared(const struct lock_view *v, struct stage_result *r)
{
    r->state = work_lock(v->w, v->lock)->name[0] ? STATE_EXACT : STATE_GENERIC;
    for (size_t k = 0; k < v->instance_count; k++) {
        const struct instance *in = work_instance(v->w, v->instances[k]);
        if (in->arm != ARM_CONTROL && !in->mirror && in->counts[v->lock].known) {
            r->true_acquires += in->counts[v->lock].acquires;
        }
    }
}

void states_of_lock(struct lock_view *v, struct trail_lock *out)
{
    memset(v->worst, 0, sizeof v->worst);
    fill_cells(v);
    judge_declared(v, &out->stages[STAGE_DECLARED]);
    for (enum stage s = STAGE_CONTROL; s < STAGE_COUNT; s++) {
        out->stages[s].state = STATE_NOT_RUN;
        if (v->w->input->stage_ran[s]) {
            judge_stage(v, s, &out->stages[s]);
        }
    }
    seen_of_lock(v, out);
}
