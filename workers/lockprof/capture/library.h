/* SPDX-License-Identifier: Apache-2.0 */
/* The capture library's own declarations: state of a thread, of the process, and who calls whom.
 *
 * A call from the target goes entry.S (look-up in the thread's cache) -> on a hit the function's hit_ counterpart
 * (mutex.c, rwlock.c, condition.c ...), which makes the real call and counts; on a miss lockprof_miss (miss.c), which
 * finds or makes the slot (index.c, snapshot.c) first. Nothing here allocates, takes a lock or calls through the PLT on
 * these ways; every structure is added to by compare-and-swap, so that a signal handler may lock in the middle of a
 * miss. */
#ifndef LOCKPROF_CAPTURE_LIBRARY_H
#define LOCKPROF_CAPTURE_LIBRARY_H

#include "lockprof/capture/layout.h"
#include "lockprof/format/capture.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if !defined(__x86_64__) || defined(__ILP32__)
#error "the capture library is written for x86_64: its entry is assembly and its registers are those of that ABI"
#endif

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define PUBLIC __attribute__((visibility("default")))

/* Locks that a thread holds at once with their hold time; a deeper nesting drops the oldest. jemalloc takes some 200
 * before a fork. */
#define HELD_MAX 256

/* One lock that the thread holds. */
struct held {
    uint64_t lock; /* bit 0 set: its release is of interest to a condition (condition.c) */
    struct capture_slot *slot;
    uint64_t ticks;    /* when it was acquired; 0: this one is not timed */
    uint32_t weight;   /* releases that its time stands for */
    uint32_t reserved; /* keeps the size a power of two */
};

/* What a thread has of its own, one for each lane. Zero is a good state: nothing cached, nothing held. After a fork the
 * kernel gives the child zeros (MADV_WIPEONFORK), so the child's first acquire misses and finds out. */
struct state {
    uint32_t countdown; /* calls to pass until one is recorded; 0: record each */
    uint32_t held_top;  /* bytes from `held` to the newest entry; 0: the sentinel, which is no lock */
    uint64_t random;
    uint32_t hold_countdown; /* acquires until one is timed, in slots that are not timed always */
    uint32_t lane;
    uint64_t owner;   /* thread pointer; 0: not attached */
    uint32_t renamed; /* another lane is to be taken at the next miss */
    int32_t tid;
    uint64_t reserved[3];
    uint32_t cache[CACHE_SETS][2]; /* byte offsets from lockprof_slots; 0: a slot that never matches */
    struct held held[HELD_MAX + 1];
};

_Static_assert(offsetof(struct state, countdown) == STATE_COUNTDOWN, "entry.S");
_Static_assert(offsetof(struct state, held_top) == STATE_HELD_TOP, "entry.S");
_Static_assert(offsetof(struct state, random) == STATE_RANDOM, "entry.S");
_Static_assert(offsetof(struct state, hold_countdown) == STATE_HOLD_COUNTDOWN, "entry.S");
_Static_assert(offsetof(struct state, tid) == STATE_TID, "entry.S");
_Static_assert(offsetof(struct state, cache) == STATE_CACHE, "entry.S");
_Static_assert(offsetof(struct state, held) == STATE_HELD, "entry.S");
_Static_assert(offsetof(struct held, lock) == HELD_LOCK && offsetof(struct held, slot) == HELD_SLOT &&
                   offsetof(struct held, ticks) == HELD_TICKS && sizeof(struct held) == HELD_SIZE &&
                   HELD_MAX * sizeof(struct held) == HELD_LAST,
               "entry.S");
_Static_assert(offsetof(struct capture_slot, live_lock) == SLOT_LIVE_LOCK &&
                   offsetof(struct capture_slot, live_caller) == SLOT_LIVE_CALLER &&
                   offsetof(struct capture_slot, live_stack) == SLOT_LIVE_STACK &&
                   offsetof(struct capture_slot, probe_word) == SLOT_PROBE_WORD &&
                   offsetof(struct capture_slot, probe) == SLOT_PROBE &&
                   offsetof(struct capture_slot, mode) == SLOT_MODE &&
                   offsetof(struct capture_slot, acquires) == SLOT_ACQUIRES &&
                   offsetof(struct capture_slot, releases) == SLOT_RELEASES && sizeof(struct capture_slot) == 128,
               "entry.S");

/* Registers at the target's call, as entry.S saved them: by DWARF number, [7] the stack pointer after the return and
 * [16] the return address. */
struct entry_frame {
    uint64_t registers[CAPTURE_REGISTERS];
};
_Static_assert(sizeof(struct entry_frame) == FRAME_SIZE, "entry.S");

/* The stack of a call, as far as slots tell stacks apart. */
struct call_site {
    uint64_t caller;
    uint64_t stack;      /* address of the return address */
    uint64_t depth;      /* thread pointer minus `stack` */
    uint64_t probe_word; /* a return address further out, at stack + probe */
    uint32_t probe;
    uint32_t call; /* enum capture_call */
};

/* Countdown of a state that records nothing, ever. */
#define COUNTDOWN_OFF UINT32_MAX

/* The thread's state; lockprof_nobody before its first acquire. */
extern _Thread_local struct state *lockprof_self __attribute__((visibility("hidden"), tls_model("initial-exec")));
extern struct state lockprof_nobody;
/* Cache entries are offsets from here: 128 bytes before the first slot, where a slot stands that never matches. */
extern struct capture_slot *lockprof_slots;
extern uint32_t lockprof_draws[DRAWS];

enum process_phase { PHASE_NONE, PHASE_STARTING, PHASE_READY, PHASE_OFF };

/* Words that must be zero in a forked child; in the first page of the private memory. */
struct process_words {
    _Atomic uint32_t phase;
    _Atomic int32_t starter; /* tid of the thread that is starting the process's capture */
    _Atomic int32_t maps_reader;
    _Atomic uint32_t maps_again; /* snapshots that still look for a changed module list (after dlopen) */
    _Atomic uint32_t slots_root, places_root;
    _Atomic uint64_t lanes_ready, slots_ready, locks_ready,
        arena_ready;               /* bytes of the section that are known to have memory */
    _Atomic uint64_t arena_let_go; /* file offset below which the arena is not in the target's memory */
    _Atomic uint32_t generation;
};

/* Beside each slot: the tree in which it is found. */
struct slot_node {
    _Atomic uint32_t child[4]; /* slot number + 1 */
    uint32_t next;             /* next slot of the same lock, number + 1 */
    uint32_t gone;             /* its code was unloaded */
};

/* An address at which locks were seen. Found by a tree as slots are; number of a place = number of the lock that made
 * it. */
struct place {
    _Atomic uint32_t child[4]; /* place number + 1 */
    uint64_t address;
    _Atomic uint32_t current; /* lock number + 1 */
    _Atomic uint32_t locks;   /* newest lock at this address, number + 1; the chain goes on in lock_extra.next */
};

/* Beside each lock. `began` is the call that made it known (its init or its first acquire): when the address is
 * used again by the same call, it is the same lock again, so that a lock made anew in each round of a loop is one. */
struct lock_extra {
    struct call_site began;
    _Atomic uint32_t slots; /* newest slot, number + 1; the chain goes on in slot_node.next */
    uint32_t next;          /* older lock at the same address, number + 1 */
    uint32_t ended;         /* destroyed, and not begun again yet */
    uint32_t counted;       /* by crowd_ended */
    uint64_t maker;         /* site_outer of its init; 0: that was not seen */
};

/* A condition that was waited for. A table by hash: one that takes another's place costs that one's measurement. */
#define CONDITIONS_MAX 256
struct condition {
    uint64_t address, mutex;
    uint64_t signalled, released; /* ticks */
};

/* The process: set while it starts, then constant (but for what the pointers lead to). */
struct process {
    struct capture_header *header;
    struct capture_lane *lanes;
    struct capture_lock *locks;
    struct capture_slot *slots;
    unsigned char *arena;
    uint64_t mapped;
    struct process_words *words;
    struct state *states;
    struct slot_node *slot_nodes;
    struct place *places;
    struct lock_extra *lock_extras;
    struct condition *conditions; /* NULL until the process is ready */
    int64_t private_base;         /* all of the memory that a forked child finds wiped */
    uint64_t private_size;
    const uint64_t *stack_end; /* libc's note of where the first thread's stack began; NULL: unknown */
    int32_t pid;
    uint32_t rate;
    bool hold;
    bool tsc;
    /* The process has begun to restrict its own system calls (prctl): those that a filter may answer with death are not
     * made any more. Names get poorer, a forked child is not profiled. */
    bool sandboxed;
};
extern struct process lockprof;

/* process.c: starts the capture if it was not; false where there is none (switched off, or being started by the
 * caller's own interrupted code). */
bool lockprof_ready(void);

/* file.c */
#define CAPTURE_LANES_MAX 8192
#define CAPTURE_LOCKS_MAX 65536
#define CAPTURE_SLOTS_MAX 262144
#define CAPTURE_ARENA_MAX (UINT64_C(128) << 20)
bool file_create(const char *directory, int32_t parent);
/* A parent's file, which its child finds mapped. */
void file_remove_mapping(struct capture_header *header, uint64_t size);
/* Takes the next element of a section; false: full. `ready` is the section's word in process_words. */
bool file_take(struct capture_section *section, _Atomic uint64_t *ready, uint64_t size, uint64_t *index);
/* `size` bytes of the arena at a multiple of 16; 0: full. Zeroed. */
uint64_t arena_take(uint64_t size);
/* Gives back what a record did not use of its `size`, where nobody has taken more since. */
void arena_trim(uint64_t offset, uint64_t size, uint64_t used);
/* Lets go of the memory (not the file's bytes) of what lies well below a finished record. */
#define ARENA_KEEP UINT64_C(65536)
void arena_done(uint64_t offset);

/* index.c */
struct capture_lock *index_lock_of(uint64_t address, enum capture_kind kind, const struct call_site *site,
                                   const struct entry_frame *frame, bool is_init);
struct capture_slot *index_slot_of(uint32_t lane, struct capture_lock *lock, uint64_t address,
                                   const struct call_site *site, const struct entry_frame *frame);
void index_lock_end(uint64_t address);
/* Ends everything that lies in or was called from [start, end). */
void index_forget(uint64_t start, uint64_t end);

/* crowd.c; locks are numbers plus 1, 0 is none. */
uint64_t crowd_memory(void);
void crowd_start(void *memory);
/* A lock (its number) that this call (site_outer) had initialised was destroyed for the first time. */
void crowd_ended(uint64_t maker, uint32_t lock);
/* The lock as which one is counted that this call initialises now. */
uint32_t crowd_of(uint64_t maker, uint32_t kind, uint64_t address);
/* Code was unloaded: what is known of calls may be wrong. */
void crowd_forget(void);
/* The lock as which what lies at the address is counted; `ended`: it was destroyed. */
uint32_t crowd_find(uint64_t address, bool *ended);
/* It is destroyed; false: not there. */
bool crowd_end(uint64_t address);
/* Returns the lock whose slots may still match at the address, or at another one that is forgotten. */
uint32_t crowd_add(uint64_t address, uint32_t lock);
uint32_t crowd_remove(uint64_t address);

/* site.c */
uint64_t site_memory(void);
void site_start(void *memory);
/* Code was unloaded: what is known of call sites may be wrong. */
void site_forget(void);
void site_of(const struct entry_frame *frame, uint32_t call, struct call_site *site);

/* A hash of the return address and of some further out: calls of which one code makes the lock have the same. */
uint64_t site_outer(const struct entry_frame *frame, const struct call_site *site);

/* How many snapshots this call stack had, this one included; forgets now and then. */
uint32_t site_snapshots(const struct call_site *site);

/* snapshot.c: 0 where the arena is full. */
uint64_t snapshot_take(uint64_t lock, const struct entry_frame *frame, const struct call_site *site);

/* miss.c, called by entry.S */
struct capture_slot *lockprof_miss(struct entry_frame *frame, uint64_t lock, uint32_t call);
void lockprof_init_call(struct entry_frame *frame, uint64_t lock, uint32_t call);
/* A destroy succeeded. */
void lockprof_destroyed(uint64_t lock);
/* hold.c, condition.c: called by entry.S */
void lockprof_wait_passes(uint64_t mutex);
extern uint32_t lockprof_loading;

/* mutex_plain.c: sets lockprof_not_plain to 0 where plain mutexes are what entry.S takes them for. */
void mutex_plain_check(void);
extern uint32_t lockprof_not_plain;

enum capture_kind call_kind(uint32_t call);

/* Counts in the header, told in every profile. */
#define DROPPED(what) __atomic_fetch_add(&lockprof.header->dropped.what, 1, __ATOMIC_RELAXED)

static inline uint64_t thread_pointer(void)
{
    uint64_t value;
    __asm__("movq %%fs:0, %0" : "=r"(value));
    return value;
}

#endif
