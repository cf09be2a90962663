/* SPDX-License-Identifier: Apache-2.0 */
/* Finds and makes locks and slots.
 *
 * Both are found by trees of four branches whose nodes stand beside the elements (two bits of the key's hash for each
 * step), so they need no table that grows, touch memory in the order of creation, and are added to by one
 * compare-and-swap. Nothing is ever taken out. */
#include "lockprof/capture/library.h"
#include "lockprof/capture/maps.h"

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

static uint64_t rotate(uint64_t hash)
{
    return hash >> 2 | hash << 62;
}

static uint32_t number(const _Atomic uint32_t *link)
{
    return atomic_load_explicit(link, memory_order_acquire);
}

/* Hangs `element` (number + 1) into the empty link; what is there instead otherwise. */
static uint32_t hang(_Atomic uint32_t *link, uint32_t element)
{
    uint32_t none = 0;
    return atomic_compare_exchange_strong_explicit(link, &none, element, memory_order_acq_rel, memory_order_acquire)
               ? element
               : none;
}

static uint32_t index_of(const struct capture_lock *lock)
{
    return (uint32_t)(lock - lockprof.locks);
}

/* The place of the address; where it is new and `made` is not NULL, that of the lock. NULL: not there. */
static struct place *place_of(uint64_t address, const struct capture_lock *made)
{
    uint64_t hash = mix(0, address);
    _Atomic uint32_t *link = &lockprof.words->places_root;
    for (;;) {
        uint32_t there = number(link);
        if (!there && made) {
            struct place *place = &lockprof.places[index_of(made)];
            place->address = address;
            there = hang(link, index_of(made) + 1);
        }
        if (!there) {
            return NULL;
        }
        struct place *place = &lockprof.places[there - 1];
        if (place->address == address) {
            return place;
        }
        link = &place->child[hash & 3];
        hash = rotate(hash);
    }
}

static bool same_site(const struct call_site *a, const struct call_site *b)
{
    return a->caller == b->caller && a->depth == b->depth && a->probe == b->probe && a->probe_word == b->probe_word;
}

/* Its slots do not match any more: the address belongs to another lock. */
static void retire(const struct capture_lock *lock, bool gone)
{
    for (uint32_t n = number(&lockprof.lock_extras[index_of(lock)].slots); n; n = lockprof.slot_nodes[n - 1].next) {
        __atomic_store_n(&lockprof.slots[n - 1].live_lock, 0, __ATOMIC_RELEASE);
        if (gone) {
            lockprof.slot_nodes[n - 1].gone = 1;
        }
    }
}

/* The lock that began here by the same call before. */
static struct capture_lock *began_so(const struct place *place, enum capture_kind kind, const struct call_site *site)
{
    for (uint32_t n = number(&place->locks); n; n = lockprof.lock_extras[n - 1].next) {
        if (lockprof.locks[n - 1].kind == kind && same_site(&lockprof.lock_extras[n - 1].began, site)) {
            return &lockprof.locks[n - 1];
        }
    }
    return NULL;
}

/* Not found by anybody until it is its place's. */
static struct capture_lock *make_lock(uint64_t address, enum capture_kind kind, const struct call_site *site)
{
    uint64_t index;
    if (!file_take(&lockprof.header->locks, &lockprof.words->locks_ready, sizeof(struct capture_lock), &index)) {
        DROPPED(locks);
        return NULL;
    }
    struct capture_lock *lock = &lockprof.locks[index];
    lock->address = address;
    lockprof.lock_extras[index].began = *site;
    lock->maps = maps_now(site->caller);
    __atomic_store_n(&lock->kind, kind, __ATOMIC_RELEASE);
    return lock;
}

static void chain(struct place *place, const struct capture_lock *lock)
{
    uint32_t newest = number(&place->locks), n = index_of(lock) + 1;
    do {
        lockprof.lock_extras[n - 1].next = newest;
    } while (!atomic_compare_exchange_weak(&place->locks, &newest, n));
}

/* The lock with which others are counted has slots for several addresses. */
static void retire_number(uint32_t lock)
{
    if (lock) {
        retire(&lockprof.locks[lock - 1], false);
    }
}

/* `maker` is 0 where the call is no init. The lock with which the address is counted; 0: with none, or another lock
 * begins there. */
static uint32_t member_of(uint64_t address, enum capture_kind kind, uint64_t maker)
{
    bool ended = false;
    uint32_t member = crowd_find(address, &ended);
    if (!member || (!maker && !ended && lockprof.locks[member - 1].kind == kind)) {
        return member;
    }
    if (maker && crowd_of(maker, kind, address) == member) {
        crowd_add(address, member);
        return member;
    }
    retire_number(crowd_remove(address));
    return 0;
}

/* One that is counted with others; what was at its address before has ended. */
static struct capture_lock *join(uint64_t address, uint32_t common, uint32_t current)
{
    retire_number(crowd_add(address, common));
    if (current && current != common) {
        lockprof.lock_extras[current - 1].ended = 1;
        retire_number(current);
    }
    return &lockprof.locks[common - 1];
}

struct capture_lock *index_lock_of(uint64_t address, enum capture_kind kind, const struct call_site *site,
                                   const struct entry_frame *frame, bool is_init)
{
    uint64_t maker = is_init ? site_outer(frame, site) : 0;
    uint32_t member = member_of(address, kind, maker);
    if (member) {
        return &lockprof.locks[member - 1];
    }
    struct place *place = place_of(address, NULL);
    uint32_t current = place ? number(&place->current) : 0;
    if (current) {
        struct capture_lock *lock = &lockprof.locks[current - 1];
        struct lock_extra *extra = &lockprof.lock_extras[current - 1];
        if (lock->kind == kind && !extra->ended && !is_init) {
            return lock;
        }
        if (lock->kind == kind && same_site(&extra->began, site)) {
            extra->ended = 0;
            return lock;
        }
    }
    struct capture_lock *lock = place ? began_so(place, kind, site) : NULL;
    bool is_new = !lock;
    uint32_t common = is_new && is_init ? crowd_of(maker, kind, address) : 0;
    if (common) {
        return join(address, common, current);
    }
    if (is_new) {
        lock = make_lock(address, kind, site);
        if (!lock) {
            return NULL;
        }
        lockprof.lock_extras[index_of(lock)].maker = maker;
        if (is_init) {
            lock->init = snapshot_take(address, frame, site);
        }
        place = place_of(address, lock);
    }
    lockprof.lock_extras[index_of(lock)].ended = 0;
    uint32_t before = current;
    if (!atomic_compare_exchange_strong(&place->current, &before, index_of(lock) + 1)) {
        /* Another thread saw the address for the first time at the same moment. */
        if (is_new) {
            __atomic_store_n(&lock->kind, 0, __ATOMIC_RELEASE);
        }
        return before && lockprof.locks[before - 1].kind == kind ? &lockprof.locks[before - 1] : NULL;
    }
    if (is_new) {
        chain(place, lock);
    }
    if (current) {
        lockprof.lock_extras[current - 1].ended = 1;
        retire(&lockprof.locks[current - 1], false);
    }
    return lock;
}

static bool matches(const struct capture_slot *slot, uint32_t lane, uint32_t lock, const struct call_site *site)
{
    return slot->lock == lock && slot->lane == lane && slot->caller == site->caller && slot->depth == site->depth &&
           slot->probe == site->probe && slot->probe_word == site->probe_word &&
           !lockprof.slot_nodes[slot - lockprof.slots].gone;
}

/* The snapshot of the same lock and stack in another lane; one of its own where there is none. */
static uint64_t snapshot_of(uint32_t lock, uint64_t address, const struct call_site *site,
                            const struct entry_frame *frame)
{
    for (uint32_t n = number(&lockprof.lock_extras[lock].slots); n; n = lockprof.slot_nodes[n - 1].next) {
        const struct capture_slot *slot = &lockprof.slots[n - 1];
        if (slot->snapshot && matches(slot, slot->lane, lock, site)) {
            return slot->snapshot;
        }
    }
    return snapshot_take(address, frame, site);
}

static struct capture_slot *make_slot(uint32_t lane, uint32_t lock, uint64_t address, const struct call_site *site,
                                      const struct entry_frame *frame)
{
    uint64_t index;
    if (!file_take(&lockprof.header->slots, &lockprof.words->slots_ready, sizeof(struct capture_slot), &index)) {
        DROPPED(slots);
        return NULL;
    }
    struct capture_slot *slot = &lockprof.slots[index];
    slot->lock = lock;
    slot->lane = lane;
    slot->caller = site->caller;
    slot->depth = site->depth;
    slot->probe = site->probe;
    slot->probe_word = site->probe_word;
    slot->mode = lockprof.hold ? MODE_TIMED : 0;
    slot->snapshot = snapshot_of(lock, address, site, frame);
    __atomic_store_n(&slot->call, site->call, __ATOMIC_RELEASE);
    return slot;
}

static void chain_slot(uint32_t lock, uint32_t n)
{
    struct lock_extra *extra = &lockprof.lock_extras[lock];
    uint32_t newest = number(&extra->slots);
    do {
        lockprof.slot_nodes[n - 1].next = newest;
    } while (!atomic_compare_exchange_weak(&extra->slots, &newest, n));
}

struct capture_slot *index_slot_of(uint32_t lane, struct capture_lock *of, uint64_t address,
                                   const struct call_site *site, const struct entry_frame *frame)
{
    uint32_t lock = index_of(of);
    uint64_t hash = mix(mix(mix(mix(lock, lane), site->caller), site->depth), site->probe_word);
    _Atomic uint32_t *link = &lockprof.words->slots_root;
    struct capture_slot *made = NULL;
    for (;;) {
        uint32_t there = number(link);
        if (!there) {
            if (!made && !(made = make_slot(lane, lock, address, site, frame))) {
                return NULL;
            }
            uint32_t mine = (uint32_t)(made - lockprof.slots) + 1;
            there = hang(link, mine);
            if (there == mine) {
                chain_slot(lock, mine);
                return made;
            }
        }
        struct capture_slot *slot = &lockprof.slots[there - 1];
        if (matches(slot, lane, lock, site)) {
            if (made) {
                /* Only a signal handler of this very thread can have been faster. */
                __atomic_store_n(&made->call, CALL_NONE, __ATOMIC_RELEASE);
            }
            return slot;
        }
        link = &lockprof.slot_nodes[there - 1].child[hash & 3];
        hash = rotate(hash);
    }
}

void index_lock_end(uint64_t address)
{
    if (crowd_end(address)) {
        return;
    }
    struct place *place = place_of(address, NULL);
    uint32_t current = place ? number(&place->current) : 0;
    if (!current) {
        return;
    }
    struct lock_extra *extra = &lockprof.lock_extras[current - 1];
    extra->ended = 1;
    if (!extra->counted && extra->maker) {
        extra->counted = 1;
        crowd_ended(extra->maker, current - 1);
    }
}

void index_forget(uint64_t start, uint64_t end)
{
    uint64_t size = end - start;
    uint64_t slots = __atomic_load_n(&lockprof.header->slots.used, __ATOMIC_ACQUIRE);
    for (uint64_t i = 0; i < slots; i++) {
        if (lockprof.slots[i].caller - start < size || lockprof.slots[i].probe_word - start < size) {
            lockprof.slot_nodes[i].gone = 1;
            __atomic_store_n(&lockprof.slots[i].live_lock, 0, __ATOMIC_RELEASE);
        }
    }
    uint64_t locks = __atomic_load_n(&lockprof.header->locks.used, __ATOMIC_ACQUIRE);
    for (uint64_t i = 0; i < locks; i++) {
        struct lock_extra *extra = &lockprof.lock_extras[i];
        bool within = lockprof.locks[i].address - start < size;
        extra->maker = 0;
        if (within || extra->began.caller - start < size) {
            extra->began.caller = 0;
        }
        if (within) {
            extra->ended = 1;
            retire(&lockprof.locks[i], true);
        }
    }
}
