/* SPDX-License-Identifier: Apache-2.0 */
/* What an acquire does that the thread's cache does not know, and what an init and a destroy do. */
#include "lockprof/capture/calls.h"
#include "lockprof/capture/clock.h"
#include "lockprof/capture/lanes.h"
#include "lockprof/capture/library.h"

static enum capture_kind kind_of(uint32_t call)
{
    switch (call) {
    case CALL_RWLOCK_INIT ... CALL_RWLOCK_CLOCKWRLOCK:
        return KIND_RWLOCK;
    case CALL_SPIN_INIT ... CALL_SPIN_TRYLOCK:
        return KIND_SPIN;
    case CALL_SEM_INIT ... CALL_SEM_CLOCKWAIT:
        return KIND_SEMAPHORE;
    default:
        return KIND_MUTEX;
    }
}

static uint32_t draw(struct state *state)
{
    state->random = state->random * RANDOM_MULTIPLIER + RANDOM_INCREMENT;
    return lockprof_draws[state->random >> 56];
}

/* Whether this call is one that is recorded. entry.S has already counted down, but for a thread's first call. */
static bool chosen(struct state *state)
{
    if (lockprof.rate == 1 || state->countdown) {
        return true;
    }
    uint32_t step = draw(state);
    if (step > 1) {
        state->countdown = step - 1;
        return false;
    }
    state->countdown = draw(state);
    return true;
}

/* The newest goes first, the one before second: two that share a set in turn are both found. */
static void remember(struct state *state, const struct capture_slot *slot, const struct call_site *site, uint64_t lock)
{
    uint32_t sum = (uint32_t)(site->caller + lock + site->stack) * CACHE_MULTIPLIER;
    uint32_t set = (sum >> CACHE_SHIFT & CACHE_MASK) / sizeof state->cache[0];
    uint32_t offset = (uint32_t)((const char *)slot - (const char *)lockprof_slots);
    if (state->cache[set][0] != offset) {
        state->cache[set][1] = state->cache[set][0];
        state->cache[set][0] = offset;
    }
}

static struct capture_slot *record(struct state *state, const struct entry_frame *frame, uint64_t lock, uint32_t call)
{
    struct call_site site;
    site_of(frame, call, &site);
    struct capture_lock *found = index_lock_of(lock, kind_of(call), &site, frame, false);
    struct capture_slot *slot = found ? index_slot_of(state->lane, found, lock, &site, frame) : NULL;
    if (!slot) {
        DROPPED(acquires);
        return NULL;
    }
    slot->live_caller = site.caller;
    slot->live_stack = site.stack;
    __atomic_store_n(&slot->live_lock, lock, __ATOMIC_RELEASE);
    remember(state, slot, &site, lock);
    return slot;
}

struct capture_slot *lockprof_miss(struct entry_frame *frame, uint64_t lock, uint32_t call)
{
    if (!lockprof_ready()) {
        return NULL;
    }
    struct state *state = lockprof_self;
    if (UNLIKELY(state->owner != thread_pointer() || state->renamed)) {
        state = lane_attach();
        if (!state) {
            DROPPED(lanes);
            DROPPED(acquires);
            return NULL;
        }
    }
    clock_renew(ticks());
    return chosen(state) ? record(state, frame, lock, call) : NULL;
}

void lockprof_init_call(struct entry_frame *frame, uint64_t lock, uint32_t call)
{
    if (lockprof_nobody.countdown == COUNTDOWN_OFF || !lockprof_ready()) {
        return;
    }
    struct call_site site;
    site_of(frame, call, &site);
    index_lock_of(lock, kind_of(call), &site, frame, true);
}

void lockprof_destroyed(uint64_t lock)
{
    if (lockprof_nobody.countdown != COUNTDOWN_OFF && lockprof_ready()) {
        index_lock_end(lock);
    }
}
