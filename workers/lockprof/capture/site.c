/* SPDX-License-Identifier: Apache-2.0 */
/* Call stacks as slots tell them apart: the return address, the depth of the stack, and one return address further out.
 *
 * A program may lock everything by one wrapper (`possess(bolt)`, std::mutex::lock), so that the return address says
 * nothing. Small functions are taken for wrappers: the probe is the return address of the outermost of them, or, where
 * the locking function is none, its own. It is found by call frame information, so that it is the same word each time:
 * whatever else on the stack looks like a return address may be left over from other calls. */
#include "lockprof/capture/library.h"
#include "lockprof/capture/unwind.h"

/* Bytes of code of a function that is taken for a wrapper: std::unique_lock::lock without optimization has some 100. */
#define WRAPPER_CODE 128
#define WRAPPERS_MAX 4
/* Callers by which two calls are told apart that initialise locks: what a large function initialises for others is
 * named by these. */
#define OUTER_FRAMES 4
/* A probe farther away than this is none; each hit reads it. */
#define PROBE_MAX 65536
/* Direct-mapped and lossy: a rule that was pushed out is found again. */
#define RULES 1024
#define COUNTS 1024

/* A rule in one word, so that it is read and written at once: the return address in the lower 47 bits, then by_rbp,
 * small, saves_rbp, and the offset in eights (0: no rule). */
#define RULE_PC ((UINT64_C(1) << 47) - 1)
#define RULE_BY_RBP (UINT64_C(1) << 47)
#define RULE_SMALL (UINT64_C(1) << 48)
#define RULE_SAVES_RBP (UINT64_C(1) << 49)
#define RULE_OFFSET 50
#define RULE_OFFSET_MAX (UINT64_C(1) << 14)

static struct {
    _Atomic uint64_t rules[RULES];
    _Atomic uint64_t counts[COUNTS]; /* hash of a call stack in the upper 56 bits, snapshots in the lower 8 */
} * memory;

uint64_t site_memory(void)
{
    return sizeof *memory;
}

void site_start(void *at)
{
    memory = at;
    unwind_start();
}

void site_forget(void)
{
    for (int i = 0; i < RULES; i++) {
        atomic_store_explicit(&memory->rules[i], 0, memory_order_relaxed);
    }
    for (int i = 0; i < COUNTS; i++) {
        atomic_store_explicit(&memory->counts[i], 0, memory_order_relaxed);
    }
}

static uint64_t hash_of(uint64_t value)
{
    value *= UINT64_C(0x9e3779b97f4a7c15);
    return value ^ value >> 31;
}

static uint64_t find_rule(uint64_t pc)
{
    struct frame_rule rule;
    uint64_t word = pc & RULE_PC;
    if (!unwind_rule(pc, &rule) || rule.offset & 7 || (uint64_t)rule.offset / 8 >= RULE_OFFSET_MAX) {
        return word;
    }
    return word | (rule.by_rbp ? RULE_BY_RBP : 0) | (rule.size <= WRAPPER_CODE && !rule.loses_rbp ? RULE_SMALL : 0) |
           (rule.saves_rbp ? RULE_SAVES_RBP : 0) | (uint64_t)rule.offset / 8 << RULE_OFFSET;
}

static uint64_t rule_of(uint64_t pc)
{
    _Atomic uint64_t *place = &memory->rules[hash_of(pc) % RULES];
    uint64_t word = atomic_load_explicit(place, memory_order_relaxed);
    if (UNLIKELY((word & RULE_PC) != pc)) {
        word = find_rule(pc);
        atomic_store_explicit(place, word, memory_order_relaxed);
    }
    return word;
}

/* Reads only where the stack surely is: frames end below the thread pointer, the first thread's below where its stack
 * began. */
static bool on_stack(const struct call_site *site, uint64_t address)
{
    uint64_t limit = site->stack + PROBE_MAX, top = thread_pointer();
    uint64_t began = lockprof.stack_end ? *lockprof.stack_end : 0;
    limit = top > site->stack && top < limit ? top : limit;
    limit = began > site->stack && began < limit ? began : limit;
    return address > site->stack && address + 8 <= limit && !(address & 7);
}

void site_of(const struct entry_frame *frame, uint32_t call, struct call_site *site)
{
    uint64_t pc = frame->registers[16], stack = frame->registers[7], rbp = frame->registers[6];
    site->caller = pc;
    site->stack = stack - 8;
    site->depth = thread_pointer() - site->stack;
    site->probe = 0;
    site->probe_word = pc;
    site->call = call;
    for (int i = 0; i < WRAPPERS_MAX; i++) {
        uint64_t rule = rule_of(pc), offset = (rule >> RULE_OFFSET) * 8;
        uint64_t end = (rule & RULE_BY_RBP ? rbp : stack) + offset;
        if (!offset || !on_stack(site, end - 8) || end <= stack) {
            return;
        }
        pc = *(const uint64_t *)(end - 8);
        site->probe = (uint32_t)(end - 8 - site->stack);
        site->probe_word = pc;
        if (!(rule & RULE_SMALL)) {
            return;
        }
        if (rule & RULE_SAVES_RBP) {
            rbp = *(const uint64_t *)(end - 16);
        }
        stack = end;
    }
}

uint64_t site_outer(const struct entry_frame *frame, const struct call_site *site)
{
    uint64_t pc = frame->registers[16], stack = frame->registers[7], rbp = frame->registers[6], hash = hash_of(pc);
    bool rbp_known = true;
    for (int i = 0; i < OUTER_FRAMES; i++) {
        uint64_t rule = rule_of(pc), offset = (rule >> RULE_OFFSET) * 8;
        uint64_t end = (rule & RULE_BY_RBP ? rbp : stack) + offset;
        if (!offset || (rule & RULE_BY_RBP && !rbp_known) || !on_stack(site, end - 8) || end <= stack) {
            break;
        }
        pc = *(const uint64_t *)(end - 8);
        hash = hash_of(hash ^ pc);
        if (rule & RULE_SAVES_RBP) {
            rbp = *(const uint64_t *)(end - 16);
        } else if (!(rule & RULE_SMALL)) {
            rbp_known = false;
        }
        stack = end;
    }
    return hash ^ site->probe_word;
}

uint32_t site_snapshots(const struct call_site *site)
{
    uint64_t hash = hash_of(hash_of(site->caller ^ hash_of(site->depth)) ^ site->probe_word) & ~UINT64_C(0xff);
    _Atomic uint64_t *place = &memory->counts[hash >> 8 & (COUNTS - 1)];
    uint64_t word = atomic_load_explicit(place, memory_order_relaxed);
    uint64_t count = (word & ~UINT64_C(0xff)) == hash ? word & 0xff : 0;
    count += count < 0xff;
    atomic_store_explicit(place, hash | count, memory_order_relaxed);
    return (uint32_t)count;
}
