/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/losses.h"
#include "base/buf.h"
#include "trail/changes.h"
#include "trail/mechanisms.h"

#include <stdlib.h>

static struct loss_case case_at(const struct lock_view *v, const struct trail_lock *lock, enum stage stage, size_t k)
{
    uint32_t instance = v->instances[k];
    const struct flow *f = work_flow(v->w, instance, stage);
    struct loss_case c = {
        .v = v,
        .stages = lock->stages,
        .k = k,
        .instance = instance,
        .stage = stage,
        .before = f->before,
        .flow = f,
        .cell = view_cell(v, k, stage),
        .change = changes_of(v->w, v->lock, instance, stage),
    };
    if (f->before != NO_STAGE) {
        c.flow_before = work_flow(v->w, instance, f->before);
        c.cell_before = view_cell(v, k, f->before);
        c.from_before = c.cell_before->hits > 0;
    }
    return c;
}

/* The name is right, and a copy came twice or the acquires are not what they were. */
static bool find_count_loss(const struct lock_view *v, const struct trail_lock *lock, enum stage stage,
                            struct loss_case *out)
{
    for (size_t k = 0; k < v->instance_count; k++) {
        const struct cell *cell = view_cell(v, k, stage);
        if (cell->state == STATE_NOT_RUN || work_flow(v->w, v->instances[k], stage)->by_moves ||
            !view_counts(v, k, stage)) {
            continue;
        }
        bool from_before = true;
        struct count_check check = count_against_before(v, k, stage);
        if (check.state == COUNT_UNCHECKED) {
            check = count_against_ledger(v, k, stage);
            from_before = false;
        }
        if (cell->twice == NULL && check.state != COUNT_FEWER && check.state != COUNT_MORE) {
            continue;
        }
        *out = case_at(v, lock, stage, k);
        out->check = check;
        out->from_before = from_before;
        out->what = cell->twice ? LOSS_TWICE : check.state == COUNT_FEWER ? LOSS_FEWER : LOSS_MORE;
        return true;
    }
    return false;
}

static enum loss_what what_of(enum lock_state state)
{
    return state == STATE_ABSENT ? LOSS_ABSENT : state == STATE_GENERIC ? LOSS_NAMELESS : LOSS_OTHER_NAME;
}

/* Where the copies are paired, what became of the samples tells; else the state, and then the counts. `moved` is for
 * the case to point to. */
static bool find_loss(const struct lock_view *v, const struct trail_lock *lock, enum stage stage, struct moved *moved,
                      struct loss_case *out)
{
    enum lock_state state = lock->stages[stage].state;
    size_t k = moved_find_all(v, stage, moved);
    if (k == SIZE_MAX && state_allowed(work_lock(v->w, v->lock)->rendering, state)) {
        return find_count_loss(v, lock, stage, out);
    }
    *out = case_at(v, lock, stage, k != SIZE_MAX ? k : v->worst[stage].culprit);
    out->what = what_of(state);
    out->moved = k != SIZE_MAX ? moved : NULL;
    return true;
}

/* Whether something befell the lock at just this stage, and not only before it. */
static bool is_new(const struct loss_case *c)
{
    if (c->moved != NULL || c->before == NO_STAGE || c->flow->by_moves) {
        return c->moved != NULL;
    }
    switch (c->what) {
    case LOSS_ABSENT:
        return c->cell_before->hits > 0;
    case LOSS_NAMELESS:
    case LOSS_OTHER_NAME:
        return c->change != NULL;
    default:
        return c->from_before;
    }
}

/* The process's own collector did it: where the upload was looked at, these three are made before it. */
static bool is_by_collector(const struct loss_case *c, enum mechanism mechanism)
{
    return c->before == NO_STAGE && c->stage <= STAGE_UPLOAD &&
           (mechanism == MECHANISM_NEVER_NAMED || mechanism == MECHANISM_ALIASED ||
            mechanism == MECHANISM_NEVER_SAMPLED);
}

static void add_later(const struct loss_case *c, struct loss *loss)
{
    struct loss later = {0};
    mechanism_find(c, &later);
    loss->later[loss->later_count++] = (struct later_loss){c->stage, later.mechanism};
    free(later.evidence);
    free(later.own);
    free(later.common);
}

void loss_of_lock(const struct lock_view *v, struct trail_lock *out)
{
    for (enum stage s = STAGE_COLLECTOR; s < STAGE_COUNT; s++) {
        struct moved moved;
        struct loss_case c;
        if (!v->w->input->stage_ran[s] || !find_loss(v, out, s, &moved, &c)) {
            continue;
        }
        if (out->lost) {
            if (is_new(&c)) {
                add_later(&c, &out->loss);
            }
            continue;
        }
        out->lost = true;
        out->loss.stage = s;
        mechanism_find(&c, &out->loss);
        out->loss.by_collector = is_by_collector(&c, out->loss.mechanism);
        out->loss.all_captured = work_instance(v->w, c.instance)->capture_rate >= 1;
    }
    out->known_limit = !out->lost && work_lock(v->w, v->lock)->rendering == RENDERING_GENERIC;
}

void losses_group(const struct work *w, struct trail_result *result)
{
    struct table groups = {0};
    struct buf key = {0};
    for (size_t i = 0; i < result->lock_count; i++) {
        struct loss *loss = &result->locks[i].loss;
        if (!result->locks[i].lost) {
            continue;
        }
        buf_clear(&key);
        buf_add(&key, &loss->stage, sizeof loss->stage);
        buf_add(&key, &loss->mechanism, sizeof loss->mechanism);
        buf_add(&key, &w->lock_worker[i], sizeof w->lock_worker[i]);
        buf_add_str(&key, loss->common);
        loss->group = table_put(&groups, key.data, key.size);
    }
    buf_fini(&key);
    table_fini(&groups);
}
