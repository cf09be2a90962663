/* SPDX-License-Identifier: Apache-2.0 */
/* Locks that come and go by the thousand, so that what is kept of them does not grow.
 *
 * Each lock has a record of its own until so many that one call had initialised were destroyed. From then on what that
 * call initialises is counted with the last of these: its name is that of them all, since the same code made them. They
 * are known by their addresses in a table that forgets: one that was forgotten is a lock whose init was not seen.
 *
 * A member that is destroyed stays in the table until somebody needs its place or its address: only then its slots,
 * which threads have cached, must not match there any more. */
#include "lockprof/capture/library.h"
#include "lockprof/capture/maps.h"

/* Calls that are counted, and where each may stand; a call that finds no room takes that of the rarest. */
#define CALLS 1024
#define CALL_WAYS 4
/* Destroyed locks of a call that had records of their own: what a program makes once or twice stays apart. */
#define CROWD 16
/* Addresses at one time. */
#define MEMBERS 131072
#define PROBES 16

/* A member in one word: the lock's number plus 1, whether it was destroyed, and the address in units of 4 bytes, the
 * alignment of a spin lock. */
#define MEMBER_LOCK ((UINT64_C(1) << 17) - 1)
#define MEMBER_ENDED (UINT64_C(1) << 17)
#define MEMBER_ADDRESS 18
_Static_assert(CAPTURE_LOCKS_MAX <= MEMBER_LOCK - 1, "a lock's number fits");

static struct {
    struct {
        _Atomic uint64_t key; /* 0: free */
        _Atomic uint32_t ended;
        _Atomic uint32_t common; /* the lock that further ones are, number + 1 */
    } calls[CALLS];
    _Atomic uint64_t members[MEMBERS];
    _Atomic uint32_t used; /* there is a member, or was */
} * memory;

uint64_t crowd_memory(void)
{
    return sizeof *memory;
}

void crowd_start(void *at)
{
    memory = at;
}

static uint64_t hash_of(uint64_t value)
{
    value *= UINT64_C(0x9e3779b97f4a7c15);
    return value ^ value >> 32;
}

/* --- calls -------------------------------------------------------------------------------------------------------- */

static uint64_t key_of(uint64_t maker, uint32_t kind)
{
    return hash_of(maker ^ (uint64_t)kind << 56) | 1;
}

void crowd_ended(uint64_t maker, uint32_t lock)
{
    uint64_t key = key_of(maker, lockprof.locks[lock].kind);
    size_t at = (key >> 8) % CALLS & ~(size_t)(CALL_WAYS - 1), rarest = at;
    for (size_t i = at; i < at + CALL_WAYS; i++) {
        uint64_t there = atomic_load_explicit(&memory->calls[i].key, memory_order_relaxed);
        if (there == key) {
            if (atomic_fetch_add_explicit(&memory->calls[i].ended, 1, memory_order_relaxed) + 1 == CROWD) {
                atomic_store_explicit(&memory->calls[i].common, lock + 1, memory_order_release);
            }
            return;
        }
        rarest = memory->calls[i].ended < memory->calls[rarest].ended ? i : rarest;
    }
    atomic_store_explicit(&memory->calls[rarest].common, 0, memory_order_relaxed);
    atomic_store_explicit(&memory->calls[rarest].ended, 1, memory_order_relaxed);
    atomic_store_explicit(&memory->calls[rarest].key, key, memory_order_release);
}

uint32_t crowd_of(uint64_t maker, uint32_t kind, uint64_t address)
{
    uint64_t key = key_of(maker, kind);
    size_t at = (key >> 8) % CALLS & ~(size_t)(CALL_WAYS - 1);
    for (size_t i = at; i < at + CALL_WAYS; i++) {
        if (atomic_load_explicit(&memory->calls[i].key, memory_order_acquire) == key) {
            struct range range;
            uint32_t common = atomic_load_explicit(&memory->calls[i].common, memory_order_acquire);
            /* What lies in a module has a name by its address. */
            bool may = common && lockprof.locks[common - 1].kind == kind && !maps_range(address, &range);
            return may ? common : 0;
        }
    }
    return 0;
}

void crowd_forget(void)
{
    for (size_t i = 0; i < CALLS; i++) {
        atomic_store_explicit(&memory->calls[i].key, 0, memory_order_relaxed);
        atomic_store_explicit(&memory->calls[i].ended, 0, memory_order_relaxed);
        atomic_store_explicit(&memory->calls[i].common, 0, memory_order_relaxed);
    }
}

/* --- members ------------------------------------------------------------------------------------------------------ */

static uint64_t word_of(uint64_t address, uint32_t lock)
{
    return address >> 2 << MEMBER_ADDRESS | lock;
}

static bool is_of(uint64_t word, uint64_t address)
{
    return word >> MEMBER_ADDRESS == (address >> 2 & (UINT64_MAX >> MEMBER_ADDRESS));
}

static _Atomic uint64_t *place_of(uint64_t address, unsigned probe)
{
    return &memory->members[(hash_of(address >> 2) + probe) % MEMBERS];
}

static _Atomic uint64_t *find(uint64_t address, uint64_t *word)
{
    if (!memory || !atomic_load_explicit(&memory->used, memory_order_relaxed)) {
        return NULL;
    }
    for (unsigned i = 0; i < PROBES; i++) {
        _Atomic uint64_t *place = place_of(address, i);
        *word = atomic_load_explicit(place, memory_order_acquire);
        if (!*word) {
            return NULL;
        }
        if (is_of(*word, address)) {
            return place;
        }
    }
    return NULL;
}

uint32_t crowd_find(uint64_t address, bool *ended)
{
    uint64_t word;
    if (!find(address, &word)) {
        return 0;
    }
    *ended = word & MEMBER_ENDED;
    return (uint32_t)(word & MEMBER_LOCK);
}

bool crowd_end(uint64_t address)
{
    uint64_t word;
    _Atomic uint64_t *place = find(address, &word);
    return place && atomic_compare_exchange_strong(place, &word, word | MEMBER_ENDED);
}

uint32_t crowd_add(uint64_t address, uint32_t lock)
{
    uint64_t word, added = word_of(address, lock);
    _Atomic uint64_t *place = find(address, &word);
    atomic_store_explicit(&memory->used, 1, memory_order_relaxed);
    /* Its own place, a free one, one of a destroyed lock, or whatever stands first. */
    for (unsigned i = 0; !place && i < PROBES; i++) {
        word = atomic_load_explicit(place_of(address, i), memory_order_relaxed);
        place = !word || word & MEMBER_ENDED ? place_of(address, i) : NULL;
    }
    if (!place) {
        place = place_of(address, 0);
    }
    word = atomic_exchange(place, added);
    uint32_t before = (uint32_t)(word & MEMBER_LOCK);
    return before == lock && is_of(word, address) ? 0 : before;
}

uint32_t crowd_remove(uint64_t address)
{
    uint64_t word;
    _Atomic uint64_t *place = find(address, &word);
    /* Not zero: others may stand behind it. */
    return place && atomic_compare_exchange_strong(place, &word, MEMBER_ENDED) ? (uint32_t)(word & MEMBER_LOCK) : 0;
}
