/* SPDX-License-Identifier: Apache-2.0 */
#include "report/view.h"

#include "base/buf.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool feeds(enum arm instance, enum arm asked)
{
    return instance == asked || instance == ARM_TEE;
}

static struct lock_count arm_truth(const struct evidence *ev, size_t lock, enum arm arm)
{
    struct lock_count sum = {0};
    for (size_t i = 0; i < ev->ledger.instance_count; i++) {
        const struct instance *instance = &ev->ledger.instances[i];
        if (!feeds(instance->arm, arm) || !instance->counts[lock].known)
            continue;
        const struct lock_count *c = &instance->counts[lock];
        sum.known = true;
        sum.acquires += c->acquires;
        sum.waits += c->waits;
        sum.wait_ns += c->wait_ns;
        if (c->depth > sum.depth)
            sum.depth = c->depth;
    }
    return sum;
}

struct lock_count view_truth(const struct evidence *ev, size_t lock)
{
    struct lock_count local = arm_truth(ev, lock, ARM_LOCAL);
    struct lock_count upload = arm_truth(ev, lock, ARM_UPLOAD);
    if (local.known && upload.known)
        return upload.acquires > local.acquires ? upload : local;
    return local.known ? local : upload;
}

char *view_lock_label(const struct evidence *ev, size_t lock)
{
    const struct ledger *ledger = &ev->ledger;
    const char *worker = ledger->locks[lock].worker;
    for (size_t i = 0; i < ledger->lock_count; i++)
        if (strcmp(ledger->locks[i].worker, worker) != 0)
            return mem_printf("%s:%s", worker, ledger->locks[lock].id);
    return mem_strdup(ledger->locks[lock].id);
}

bool view_stage_ran(const struct evidence *ev, enum stage stage)
{
    if (stage == STAGE_DECLARED || ev->stage_ran[stage])
        return true;
    for (size_t i = 0; i < ev->trail.lock_count; i++)
        if (ev->trail.locks[i].stages[stage].state != STATE_NOT_RUN)
            return true;
    return false;
}

size_t view_stage_copies(const struct evidence *ev, enum stage stage)
{
    size_t count = 0;
    for (size_t i = 0; i < ev->copy_count; i++)
        count += ev->copies[i].stage == stage;
    return count;
}

enum view_worth view_worth(const struct trail_lock *lock, enum stage stage)
{
    enum lock_state state = lock->stages[stage].state;
    if (lock->lost && lock->loss.stage == stage)
        return VIEW_LOST;
    switch (state) {
    case STATE_NOT_RUN:
    case STATE_UNDERSAMPLED:
        return VIEW_UNKNOWN;
    case STATE_EXACT:
    case STATE_MANGLED:
        return VIEW_GOOD;
    default:
        if (lock->lost && lock->loss.stage < stage)
            return VIEW_LOST;
        /* From the collector on, what stands before the loss is as the rendering allows it. */
        bool allowed = lock->lost && stage >= STAGE_COLLECTOR;
        return lock->known_limit || allowed ? VIEW_LIMIT : VIEW_BAD;
    }
}

char *view_needed(const struct stage_result *result)
{
    if (result->needed_ms <= 0)
        return NULL;
    return mem_printf("%" PRId64 "s", (result->needed_ms - 1) / 1000 + 1);
}

const char *view_left_out(const struct evidence *ev, const char *worker)
{
    for (size_t i = 0; i < ev->left_out_count; i++)
        if (strcmp(ev->left_out[i].worker, worker) == 0)
            return ev->left_out[i].why;
    return NULL;
}

enum stage view_stage_before(const struct evidence *ev, enum stage stage)
{
    int before = (int)stage - 1;
    while (before > STAGE_DECLARED && (before == STAGE_CONTROL || !view_stage_ran(ev, (enum stage)before)))
        before--;
    return (enum stage)before;
}

char *view_hop(enum stage from, enum stage to)
{
    return mem_printf("%s \xE2\x86\x92 %s", stage_name(from), stage_name(to));
}

char *view_place(const struct evidence *ev, const struct loss *loss)
{
    enum stage before = loss->stage > STAGE_COLLECTOR ? view_stage_before(ev, loss->stage) : STAGE_DECLARED;
    if (before == STAGE_DECLARED || loss->by_collector)
        return mem_strdup(stage_name(loss->stage));
    return view_hop(before, loss->stage);
}

char *view_further(const struct evidence *ev, const struct loss *loss)
{
    struct buf text = {0};
    for (int m = 0; m < MECHANISM_COUNT; m++)
        if (m != (int)loss->mechanism && loss->mechanisms & LOSS_MECHANISM(m))
            buf_printf(&text, "%s%s there", text.size > 0 ? ", " : "", mechanism_name((enum mechanism)m));
    for (size_t i = 0; i < loss->later_count; i++) {
        struct loss later = {.stage = loss->later[i].stage};
        char *place = view_place(ev, &later);
        buf_printf(&text, "%s%s at %s", text.size > 0 ? ", " : "", mechanism_name(loss->later[i].mechanism), place);
        free(place);
    }
    return text.size > 0 ? buf_steal(&text) : NULL;
}

const char *view_control(const struct evidence *ev)
{
    switch (ev->control) {
    case CONTROL_PASSED:
        return "passed";
    case CONTROL_FAILED:
        return "failed";
    default:
        return "not_run";
    }
}
