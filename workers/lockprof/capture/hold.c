/* SPDX-License-Identifier: Apache-2.0 */
/* Hold times: each thread's stack of the locks that it holds.
 *
 * A release looks from the newest down, since locks are mostly released in the reverse order. A lock that another
 * thread releases stays here until it is the oldest of a full stack; its hold is not counted. */
#include "lockprof/capture/hot.h"

#include "lockprof/capture/condition.h"
#include "lockprof/capture/system.h"

/* Reading the clock twice costs some 20 ns. A slot whose holds are shorter than some 50 times that (about 0.4 us at
 * 2.7 GHz: there it is a twentieth) in the mean of its first releases is timed by samples. */
#define SHORT_HOLD_TICKS 1024
#define SHORT_HOLD_PROOF 64

uint32_t hold_step(struct state *self)
{
    self->random = self->random * RANDOM_MULTIPLIER + RANDOM_INCREMENT;
    /* 1 to 31, in the mean CAPTURE_HOLD_SAMPLE: no loop of the target can keep step with it. */
    uint32_t range = 2 * CAPTURE_HOLD_SAMPLE - 1;
    return 1 + (uint32_t)((self->random >> 32) * range >> 32);
}

void held_overflow(struct state *self)
{
    /* Entry 0 is the sentinel. */
    copy_bytes(&self->held[1], &self->held[2], (HELD_MAX - 1) * sizeof self->held[0]);
    self->held_top -= (uint32_t)sizeof self->held[0];
    DROPPED(holds);
}

static struct held *find(struct state *self, uint64_t lock)
{
    for (uint32_t i = self->held_top / (uint32_t)sizeof(struct held); i > 0; i--) {
        if ((self->held[i].lock & ~UINT64_C(1)) == lock) {
            return &self->held[i];
        }
    }
    return NULL;
}

static void remove_entry(struct state *self, struct held *held)
{
    char *end = (char *)self->held + self->held_top + sizeof *held;
    copy_bytes(held, held + 1, (size_t)(end - (char *)(held + 1)));
    self->held_top -= (uint32_t)sizeof *held;
}

static void adapt(struct capture_slot *slot)
{
    if (slot->releases < SHORT_HOLD_PROOF) {
        return;
    }
    uint64_t mean = slot->hold_ticks / slot->releases;
    uint32_t mode = slot->mode & ~(uint32_t)(MODE_TIMED | MODE_SAMPLED);
    if (mean < SHORT_HOLD_TICKS) {
        slot->mode = mode | MODE_SAMPLED;
    } else if (mean > 2 * SHORT_HOLD_TICKS) {
        slot->mode = mode | MODE_TIMED;
    }
}

struct held held_end(uint64_t lock, uint64_t now, uint64_t *added)
{
    struct state *self = lockprof_self;
    struct held *held = find(self, lock), ended = {0};
    *added = 0;
    if (!held) {
        return ended;
    }
    ended = *held;
    remove_entry(self, held);
    struct capture_slot *slot = ended.slot;
    slot->releases++;
    if (ended.ticks) {
        /* Counters of two cores may differ by some ticks. */
        *added = now > ended.ticks ? (now - ended.ticks) * ended.weight : 0;
        slot->hold_ticks += *added;
        adapt(slot);
    }
    if (ended.lock & 1) {
        condition_released(lock, now);
    }
    return ended;
}

void held_undo(struct held ended, uint64_t added)
{
    if (ended.slot) {
        ended.slot->releases--;
        ended.slot->hold_ticks -= added;
        hold_push(ended.lock, ended.slot, ended.ticks, ended.weight);
    }
}

void held_forget(uint64_t lock)
{
    struct held *held = find(lockprof_self, lock);
    if (held) {
        remove_entry(lockprof_self, held);
    }
}

void lockprof_release(uint64_t lock)
{
    uint64_t added;
    if (lockprof_self->held_top) {
        held_end(lock, ticks(), &added);
    }
}
