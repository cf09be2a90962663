/* SPDX-License-Identifier: Apache-2.0 */
/* What the caller had in its registers, on its stack and behind its pointers, at one call.
 *
 * Every address but that of the stack is a guess, so all is read by process_vm_readv, which fails where there is
 * nothing. */
#include "lockprof/capture/maps.h"
#include "lockprof/capture/system.h"

#include <sys/prctl.h>
#include <sys/uio.h>

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
/* Objects that one call reads: some of few candidates are there mostly. */
#define BATCH_MAX 12
/* Module data is looked through in pieces. */
#define SCRATCH 8192
/* Lower addresses are never mapped (vm.mmap_min_addr), higher ones not canonical. */
#define ADDRESS_MIN UINT64_C(0x10000)
#define ADDRESS_MAX UINT64_C(0x7ffffffff000)
/* So far below where the first thread's stack began it is that stack: the least limit that is usual. */
#define STACK_SURE (UINT64_C(1) << 16)
/* Arguments and environment take a quarter of the stack's limit at most; what they take in practice. */
#define ENVIRONMENT_MAX (UINT64_C(4) << 20)
#define SNAPSHOT_MAX                                                                                                   \
    (sizeof(struct capture_snapshot) + CAPTURE_STACK_MAX + OBJECTS_MAX * CAPTURE_OBJECT_MAX +                          \
     (1 + OBJECTS_MAX + POINTERS_MAX) * sizeof(struct capture_block) + POINTERS_MAX * 8 + SCRATCH)

struct taking {
    uint64_t lock;
    bool whole;
    uint64_t stack, stack_size;
    unsigned char *at; /* where the next block goes */
    struct capture_snapshot *snapshot;
    uint64_t objects[OBJECTS_MAX];
    uint32_t object_count, batch_count;
    struct iovec batch[BATCH_MAX];
    bool useful[BATCH_MAX]; /* to be kept only where it leads to the lock */
    unsigned char *scratch; /* the end of what is reserved of the arena */
};

/* Where the first thread's stack began: behind it are arguments and environment. */
static uint64_t stack_end(void)
{
    return lockprof.stack_end ? *lockprof.stack_end : 0;
}

/* Copies what may not be there; nothing in a sandbox. */
static size_t copy_guess(void *to, uint64_t from, size_t size)
{
    return lockprof.sandboxed ? 0 : copy_checked(lockprof.pid, to, from, size);
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

/* The stack above the caller, at most `most` bytes. A thread's stack ends below its thread pointer; the first one's
 * where the kernel left the environment, which may hold secrets and must not be copied. What is known to be stack is
 * copied at once, a stack of another kind (signal handlers, coroutines) checked; where a sandbox forbids that call, the
 * rest of the page is there. */
static void take_stack(struct taking *taking, uint64_t stack, uint64_t most)
{
    uint64_t top = thread_pointer(), end = stack_end();
    uint64_t size = top > stack && top - stack < most ? top - stack : most;
    size = end > stack && end - stack < size ? end - stack : size;
    uint64_t page = 4096 - (stack & 4095);
    size_t got = size;
    if (size <= page || (end > stack && end - stack < STACK_SURE)) {
        copy_bytes(block_bytes(taking), (const void *)stack, size);
    } else {
        got = copy_guess(block_bytes(taking), stack, size);
        if (!got) {
            got = page;
            copy_bytes(block_bytes(taking), (const void *)stack, got);
        }
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
    for (uint32_t i = 0; i < taking->batch_count; i++) {
        if (address - (uint64_t)taking->batch[i].iov_base <= CAPTURE_OBJECT_MAX / 2) {
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

/* Reads the listed objects by as few calls as can be (one ends at the first object that is not there), each to where it
 * would stand if all were kept, and moves down those that are. */
static void take_batch(struct taking *taking)
{
    struct iovec local[BATCH_MAX];
    size_t pitch = sizeof(struct capture_block) + CAPTURE_OBJECT_MAX, got[BATCH_MAX] = {0};
    unsigned char *from = block_bytes(taking);
    uint32_t count = lockprof.sandboxed ? 0 : taking->batch_count;
    for (uint32_t i = 0; i < count; i++) {
        local[i] = (struct iovec){from + i * pitch, taking->batch[i].iov_len};
    }
    for (uint32_t i = 0; i < count; i++) {
        long bytes = SYSTEM6(process_vm_readv, lockprof.pid, local + i, count - i, taking->batch + i, count - i, 0);
        for (; bytes > 0 && i < count; i++) {
            got[i] = (size_t)bytes < local[i].iov_len ? (size_t)bytes : local[i].iov_len;
            bytes -= (long)got[i];
            if (got[i] < local[i].iov_len) {
                break;
            }
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        unsigned char *bytes = local[i].iov_base;
        got[i] &= ~(size_t)7;
        if (got[i] && (!taking->useful[i] || leads_to_lock(taking, bytes, got[i]))) {
            taking->objects[taking->object_count++] = (uint64_t)taking->batch[i].iov_base;
            copy_bytes(block_bytes(taking), bytes, got[i]);
            begin_block(taking, (uint64_t)taking->batch[i].iov_base, (uint32_t)got[i]);
        }
    }
    taking->batch_count = 0;
}

/* Puts an address on the list of those to be read at once; the list is worked off where it is full. */
static void take_object(struct taking *taking, uint64_t address, bool only_if_useful)
{
    if (taking->object_count + taking->batch_count >= OBJECTS_MAX || !is_object(taking, address) ||
        have_object(taking, address)) {
        return;
    }
    uint64_t size = CAPTURE_OBJECT_MAX;
    if (address < stack_end() && stack_end() - address < size) {
        size = stack_end() - address;
    }
    taking->batch[taking->batch_count] = (struct iovec){(void *)address, size};
    taking->useful[taking->batch_count++] = only_if_useful;
    if (taking->batch_count == BATCH_MAX) {
        take_batch(taking);
    }
}

static void take_objects(struct taking *taking, const struct entry_frame *frame)
{
    const struct capture_block *stack = (const struct capture_block *)(taking->snapshot + 1);
    const uint64_t *words = (const uint64_t *)(stack + 1);
    uint32_t most = taking->whole ? STACK_POINTERS : STACK_POINTERS_SHORT;
    for (int i = 0; i < 16; i++) {
        /* Not the stack pointer; r11 is lost. */
        if (i != 7 && i != 11) {
            take_object(taking, frame->registers[i], !taking->whole);
        }
    }
    for (uint32_t i = 0; i < stack->size / 8 && i < most; i++) {
        if (!(words[i] & 7)) {
            take_object(taking, words[i], true);
        }
    }
    take_batch(taking);
}

/* Words of the range that point near the lock. Read as everything else is: a program may take its own data away. */
static uint32_t scan(struct taking *taking, uint64_t start, uint64_t end, uint32_t found)
{
    uint32_t most = taking->whole ? POINTERS_MAX : POINTERS_SHORT;
    const uint64_t *words = (const uint64_t *)taking->scratch;
    while (start < end && found < most) {
        size_t size = end - start < SCRATCH ? end - start : SCRATCH;
        size_t got = copy_guess(taking->scratch, start, size);
        for (size_t i = 0; i < got / 8 && found < most; i++) {
            if (points_near(taking, words[i])) {
                *(uint64_t *)block_bytes(taking) = words[i];
                begin_block(taking, start + i * 8, 8);
                found++;
            }
        }
        start += size;
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
    /* glibc: word 1 of the thread's control block leads to its vector of (block, to free) pairs. Pair -1 holds how many
     * there are, pair 0 a generation; a block that was not needed yet is -1. */
    const uint64_t(*vector)[2];
    snapshot->thread_pointer = thread_pointer();
    __asm__("movq %%fs:8, %0" : "=r"(vector));
    for (uint64_t i = 1; vector && i <= vector[-1][0] && i <= CAPTURE_TLS_MAX; i++) {
        snapshot->tls[i - 1] = vector[i][0] == UINT64_MAX ? 0 : vector[i][0];
    }
}

/* The lane's name is the thread's; an init may come before the thread has one. */
static void take_name(struct capture_snapshot *snapshot)
{
    const struct state *self = lockprof_self;
    if (self->owner == thread_pointer() && !self->renamed) {
        copy_bytes(snapshot->thread, lockprof.lanes[self->lane].name, CAPTURE_NAME_MAX);
    } else {
        SYSTEM3(prctl, PR_GET_NAME, snapshot->thread, 0);
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
    struct taking taking = {.lock = lock,
                            .whole = whole,
                            .snapshot = snapshot,
                            .at = (unsigned char *)(snapshot + 1),
                            .scratch = (unsigned char *)snapshot + SNAPSHOT_MAX - SCRATCH};
    snapshot->lock = lock;
    snapshot->call = site->call;
    snapshot->maps = maps;
    copy_bytes(snapshot->registers, frame->registers, sizeof snapshot->registers);
    snapshot->known = ((UINT64_C(1) << CAPTURE_REGISTERS) - 1) & ~(UINT64_C(1) << 11);
    take_name(snapshot);
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
