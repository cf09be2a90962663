/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/losses.h"
#include "trail/changes.h"
#include "trail/mechanisms.h"

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
        if (cell->state == STATE_NOT_RUN) {
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

static bool find_loss(const struct lock_view *v, const struct trail_lock *lock, enum stage stage, struct loss_case *out)
{
    enum lock_state state = lock->stages[stage].state;
    if (state_allowed(work_lock(v->w, v->lock)->rendering, state)) {
        return find_count_loss(v, lock, stage, out);
    }
    *out = case_at(v, lock, stage, v->worst[stage].culprit);
    out->what = what_of(state);
    return true;
}

void loss_of_lock(const struct lock_view *v, struct trail_lock *out)
{
    out->known_limit = work_lock(v->w, v->lock)->rendering == RENDERING_GENERIC;
    for (enum stage s = STAGE_COLLECTOR; s < STAGE_COUNT && !out->lost; s++) {
        struct loss_case c;
        if (v->w->input->stage_ran[s] && find_loss(v, out, s, &c)) {
            out->lost = true;
            out->loss.stage = s;
            out->loss.mechanism = mechanism_of(&c, &out->loss.evidence);
        }
    }
}
