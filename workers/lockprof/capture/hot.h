/* SPDX-License-Identifier: Apache-2.0 */
/* What every hit does after its real call: count, and begin the hold. */
#ifndef LOCKPROF_CAPTURE_HOT_H
#define LOCKPROF_CAPTURE_HOT_H

#include "lockprof/capture/clock.h"
#include "lockprof/capture/real.h"

#include <errno.h>

/* Ends the newest hold of the lock, if the thread has one; called before the real release. */
void lockprof_release(uint64_t lock);
/* The same, telling what was ended, so that it can be undone. */
struct held held_end(uint64_t lock, uint64_t now, uint64_t *added);
/* Undoes held_end: the real call failed before it released the lock. */
void held_undo(struct held ended, uint64_t added);
/* Forgets a hold of the lock, if there is one: somebody else has released it. */
void held_forget(uint64_t lock);
/* Makes room by forgetting the oldest. */
void held_overflow(struct state *self);
uint32_t hold_step(struct state *self);

static inline void hold_push(uint64_t lock, struct capture_slot *slot, uint64_t now, uint32_t weight)
{
    struct state *self = lockprof_self;
    if (UNLIKELY(self->held_top >= HELD_MAX * sizeof(struct held))) {
        held_overflow(self);
    }
    uint32_t top = self->held_top + (uint32_t)sizeof(struct held);
    /* First the place, then what stands there: a signal handler that locks in between goes above it. */
    __atomic_store_n(&self->held_top, top, __ATOMIC_RELAXED);
    atomic_signal_fence(memory_order_seq_cst);
    struct held *held = (struct held *)((char *)self->held + top);
    held->lock = lock;
    held->slot = slot;
    held->ticks = now;
    held->weight = weight;
}

/* An acquire without waiting. */
static inline void acquired(uint64_t lock, struct capture_slot *slot)
{
    slot->acquires++;
    if (!lockprof.hold) {
        return;
    }
    if (LIKELY(slot->mode & MODE_SAMPLED)) {
        struct state *self = lockprof_self;
        if (LIKELY(--self->hold_countdown)) {
            hold_push(lock, slot, 0, 0);
        } else {
            self->hold_countdown = hold_step(self);
            hold_push(lock, slot, ticks(), CAPTURE_HOLD_SAMPLE);
        }
    } else {
        hold_push(lock, slot, ticks(), 1);
    }
}

/* An acquire that began at `start` and may have waited. */
static inline void acquired_after(uint64_t lock, struct capture_slot *slot, uint64_t start, bool waited)
{
    uint64_t now = ticks();
    slot->acquires++;
    if (waited) {
        slot->contended++;
        slot->wait_ticks += now - start;
    }
    clock_renew(now);
    if (lockprof.hold) {
        hold_push(lock, slot, now, 1);
    }
}

#endif
