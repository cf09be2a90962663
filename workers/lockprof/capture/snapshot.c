/* SPDX-License-Identifier: Apache-2.0 */
/* What the caller had in its registers, on its stack and behind its pointers, at one call.
 *
 * Every address but that of the stack is a guess, so all is read by process_vm_readv, which fails where there is
 * nothing. */
#include "lockprof/capture/maps.h"
#include "lockprof/capture/system.h"

#include <sys/prctl.h>

/* Of a call stack that was captured so often already, with other locks, a little is enough: the frames further out are
 * the same. Stack bytes then, and when the arena is nearly full. */
#define WHOLE_SNAPSHOTS 4
#define STACK_SHORT 512
#define STACK_LEAST 256
/* Stack words next to the caller that are taken for pointers, and how many objects behind them are kept: only those
 * that hold a pointer to the lock or to what it lies in. */
#define STACK_POINTERS 128
#define STACK_POINTERS_SHORT 32
#define STACK_OBJECTS 16
/* Words of module data that are kept, how far below the lock they may point, and how much data is looked through. */
#define POINTERS_MAX 32
#define POINTER_REACH 4096
#define DATA_MAX (UINT64_C(1) << 20)
#define POINTERS_SHORT 8
#define DATA_SHORT (UINT64_C(1) << 18)
#define OBJECTS_MAX (CAPTURE_REGISTERS + STACK_OBJECTS)
/* Lower addresses are never mapped (vm.mmap_min_addr), higher ones not canonical. */
#define ADDRESS_MIN UINT64_C(0x10000)
#define ADDRESS_MAX UINT64_C(0x7ffffffff000)
/* Arguments and environment take a quarter of the stack's limit at most; what they take in practice. */
#define ENVIRONMENT_MAX (UINT64_C(4) << 20)
#define SNAPSHOT_MAX                                                                                                   \
    (sizeof(struct capture_snapshot) + CAPTURE_STACK_MAX + OBJECTS_MAX * CAPTURE_OBJECT_MAX +                          \
     (1 + OBJECTS_MAX + POINTERS_MAX) * sizeof(struct capture_block) + POINTERS_MAX * 8)

struct taking {
    uint64_t lock;
    bool whole;
    uint64_t stack, stack_size;
    unsigned char *at; /* where the next block goes */
    struct capture_snapshot *snapshot;
    uint64_t objects[OBJECTS_MAX];
    uint32_t object_count;
};

/* Where the first thread's stack began: behind it are arguments and environment. */
static uint64_t stack_end(void)
{
    return lockprof.stack_end ? *lockprof.stack_end : 0;
}

static void begin_block(struct taking *taking, uint64_t address, uint32_t size)
{
    struct capture_block *block = (struct capture_block *)taking->at;
    block->address = address;
    block->size = size;
    taking->at += sizeof *block + ((size + 7) & ~7u);
    taking->snapshot->blocks++;
}

static unsigned char *block_bytes(const struct taking *taking)
{
    return taking->at + sizeof(struct capture_block);
}

/* The whole stack above the caller, at most `most`: process_vm_readv ends where it does. Where a sandbox forbids that
 * call, the rest of the page is there. */
static void take_stack(struct taking *taking, uint64_t stack, uint64_t most)
{
    uint64_t top = thread_pointer(), end = stack_end();
    /* A thread's stack ends below its thread pointer. The first one's ends where the kernel left the environment, which
     * may hold secrets and must not be copied. */
    uint64_t size = top > stack && top - stack < most ? top - stack : most;
    size = end > stack && end - stack < size ? end - stack : size;
    size_t got = copy_checked(lockprof.pid, block_bytes(taking), stack, size);
    if (!got) {
        got = 4096 - (stack & 4095);
        got = got < size ? got : size;
        copy_bytes(block_bytes(taking), (const void *)stack, got);
    }
    taking->stack = stack;
    taking->stack_size = size;
    begin_block(taking, stack, (uint32_t)(got & ~UINT64_C(7)));
}

/* Whether it may point to an object of the program: not to the stack that is copied, not to code or constants. */
static bool is_object(const struct taking *taking, uint64_t value)
{
    struct range range;
    if (value < ADDRESS_MIN || value > ADDRESS_MAX || value - taking->stack < taking->stack_size) {
        return false;
    }
    if (value >= stack_end() && value - stack_end() < ENVIRONMENT_MAX) {
        return false;
    }
    return !maps_range(value, &range) || range.flags & RANGE_DATA;
}

static bool have_object(const struct taking *taking, uint64_t address)
{
    for (uint32_t i = 0; i < taking->object_count; i++) {
        if (address - taking->objects[i] <= CAPTURE_OBJECT_MAX / 2) {
            return true;
        }
    }
    return false;
}

static bool points_near(const struct taking *taking, uint64_t value)
{
    return value <= taking->lock && taking->lock - value < POINTER_REACH;
}

static bool leads_to_lock(const struct taking *taking, const unsigned char *bytes, size_t size)
{
    const uint64_t *words = (const uint64_t *)bytes;
    for (size_t i = 0; i < size / 8; i++) {
        if (points_near(taking, words[i])) {
            return true;
        }
    }
    return false;
}

static void take_object(struct taking *taking, uint64_t address, bool only_if_useful)
{
    if (taking->object_count == OBJECTS_MAX || !is_object(taking, address) || have_object(taking, address)) {
        return;
    }
    size_t size = CAPTURE_OBJECT_MAX;
    if (address < stack_end() && stack_end() - address < size) {
        size = stack_end() - address;
    }
    size_t got = copy_checked(lockprof.pid, block_bytes(taking), address, size) & ~(size_t)7;
    if (got && (!only_if_useful || leads_to_lock(taking, block_bytes(taking), got))) {
        taking->objects[taking->object_count++] = address;
        begin_block(taking, address, (uint32_t)got);
    }
}

static void take_objects(struct taking *taking, const struct entry_frame *frame)
{
    const struct capture_block *stack = (const struct capture_block *)(taking->snapshot + 1);
    const uint64_t *words = (const uint64_t *)(stack + 1);
    for (int i = 0; i < 16; i++) {
        /* Not the stack pointer; r11 is lost. */
        if (i != 7 && i != 11) {
            take_object(taking, frame->registers[i], !taking->whole);
        }
    }
    uint32_t limit = taking->object_count + STACK_OBJECTS, most = taking->whole ? STACK_POINTERS : STACK_POINTERS_SHORT;
    for (uint32_t i = 0; i < stack->size / 8 && i < most && taking->object_count < limit; i++) {
        if (!(words[i] & 7)) {
            take_object(taking, words[i], true);
        }
    }
}

static uint32_t scan(struct taking *taking, uint64_t start, uint64_t end, uint32_t found)
{
    uint32_t most = taking->whole ? POINTERS_MAX : POINTERS_SHORT;
    for (const uint64_t *word = (const uint64_t *)start; word < (const uint64_t *)end && found < most; word++) {
        uint64_t value = __atomic_load_n(word, __ATOMIC_RELAXED);
        if (points_near(taking, value)) {
            *(uint64_t *)block_bytes(taking) = value;
            begin_block(taking, (uint64_t)word, 8);
            found++;
        }
    }
    return found;
}

/* Globals that lead to the lock: words of the module's writable data that point to it or a little below. */
static uint32_t take_pointers(struct taking *taking, uint64_t code, uint32_t found, uint32_t *module)
{
    struct range range;
    uint64_t left = taking->whole ? DATA_MAX : DATA_SHORT;
    if (!maps_range(code, &range) || range.module == *module) {
        return found;
    }
    *module = range.module;
    for (uint32_t i = 0; left && maps_data(*module, i, &range); i++) {
        uint64_t size = range.end - range.start < left ? range.end - range.start : left;
        found = scan(taking, range.start, range.start + size, found);
        left -= size;
    }
    return found;
}

static void take_tls(struct capture_snapshot *snapshot)
{
    /* glibc: word 1 of the thread's control block is its vector of (block, to free) pairs, whose first holds how many
     * there are; a block that was not needed yet is -1. */
    struct pair {
        uint64_t block, to_free;
    } pairs[CAPTURE_TLS_MAX + 1];
    uint64_t vector;
    snapshot->thread_pointer = thread_pointer();
    __asm__("movq %%fs:8, %0" : "=r"(vector));
    if (!vector) {
        return;
    }
    size_t got = copy_checked(lockprof.pid, pairs, vector, sizeof pairs);
    for (size_t i = 1; i <= CAPTURE_TLS_MAX && (i + 1) * sizeof pairs[0] <= got; i++) {
        snapshot->tls[i - 1] = pairs[i].block == UINT64_MAX ? 0 : pairs[i].block;
    }
}

uint64_t snapshot_take(uint64_t lock, const struct entry_frame *frame, const struct call_site *site)
{
    const struct capture_section *arena = &lockprof.header->arena;
    uint64_t maps = maps_now(frame->registers[16]);
    uint64_t arena_used = __atomic_load_n(&arena->used, __ATOMIC_RELAXED);
    bool whole = site_snapshots(site) <= WHOLE_SNAPSHOTS && arena_used < arena->capacity / 2;
    bool least = arena_used > arena->capacity / 4 * 3;
    uint64_t offset = arena_take(SNAPSHOT_MAX);
    if (!offset) {
        DROPPED(snapshots);
        return 0;
    }
    struct capture_snapshot *snapshot = (struct capture_snapshot *)(lockprof.arena + offset);
    struct taking taking = {.lock = lock, .whole = whole, .snapshot = snapshot, .at = (unsigned char *)(snapshot + 1)};
    snapshot->lock = lock;
    snapshot->call = site->call;
    snapshot->maps = maps;
    copy_bytes(snapshot->registers, frame->registers, sizeof snapshot->registers);
    snapshot->known = ((UINT64_C(1) << CAPTURE_REGISTERS) - 1) & ~(UINT64_C(1) << 11);
    SYSTEM3(prctl, PR_GET_NAME, snapshot->thread, 0);
    take_tls(snapshot);
    take_stack(&taking, frame->registers[7], whole ? CAPTURE_STACK_MAX : least ? STACK_LEAST : STACK_SHORT);
    take_objects(&taking, frame);
    struct range range;
    if (!maps_range(lock, &range)) {
        /* Not a lock in static storage, whose name needs no pointer. */
        uint32_t module = UINT32_MAX, found = take_pointers(&taking, frame->registers[16], 0, &module);
        take_pointers(&taking, maps_program(), found, &module);
    }
    if (least) {
        DROPPED(shortened);
    }
    uint64_t used = (uint64_t)(taking.at - (unsigned char *)snapshot);
    snapshot->record.size = (uint32_t)((used + 15) & ~UINT64_C(15));
    __atomic_store_n(&snapshot->record.type, RECORD_SNAPSHOT, __ATOMIC_RELEASE);
    arena_trim(offset, SNAPSHOT_MAX, used);
    arena_done(offset);
    return offset;
}
