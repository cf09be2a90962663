/* SPDX-License-Identifier: Apache-2.0 */
/* The capture file: what liblockprof.so writes inside a target and the resolver reads, while the target runs or after
 * it is dead. One sparse file for each process image, mapped MAP_SHARED by its writer, so that _exit, exec and SIGKILL
 * lose nothing.
 *
 * Layout: header, lanes, locks, slots, arena, each at the offset that the header gives. Elements are added at the end
 * of their section and never move; `used` may count some that are not complete yet, or never will be (their kind, call
 * or type, written last, is 0), since writers do not wait for one another. 64-bit counters are
 * written by one thread at a time with plain aligned stores: a reader sees an old or a new value, never half of one.
 * Byte order and alignment are those of the machine (x86_64). All addresses are the target's. */
#ifndef LOCKPROF_FORMAT_CAPTURE_H
#define LOCKPROF_FORMAT_CAPTURE_H

#include <stdint.h>

#define CAPTURE_MAGIC UINT64_C(0x315041434b434f4c) /* "LOCKCAP1" */
#define CAPTURE_VERSION 1
/* Name of a capture file in its directory: PID.SEQUENCE.lockcap, the sequence telling images of one pid (exec). */
#define CAPTURE_SUFFIX ".lockcap"

/* Stack bytes copied with a snapshot: enough for some ten frames. */
#define CAPTURE_STACK_MAX 4096
/* Memory copied behind each pointer in a register, so that members of what it points to can be followed. */
#define CAPTURE_OBJECT_MAX 256
/* Registers by DWARF number (System V ABI x86_64, figure 3.36): 0-15 are rax rdx rcx rbx rsi rdi rbp rsp r8-r15, 16
 * is the return address. */
#define CAPTURE_REGISTERS 17
/* Thread-local blocks recorded with a snapshot: of the first so many modules. */
#define CAPTURE_TLS_MAX 16
#define CAPTURE_NAME_MAX 16 /* TASK_COMM_LEN, its zero included */
#define CAPTURE_PROGRAM_MAX 256

enum capture_flags {
    CAPTURE_HOLD = 1, /* releases and hold times are recorded */
    CAPTURE_TSC = 2,  /* ticks are of the time-stamp counter; else they are nanoseconds of CLOCK_MONOTONIC */
};

/* What was called, as in the name of the function that the target called. */
enum capture_call {
    CALL_NONE,
    CALL_MUTEX_INIT,
    CALL_MUTEX_LOCK,
    CALL_MUTEX_TRYLOCK,
    CALL_MUTEX_TIMEDLOCK,
    CALL_MUTEX_CLOCKLOCK,
    CALL_RWLOCK_INIT,
    CALL_RWLOCK_RDLOCK,
    CALL_RWLOCK_TRYRDLOCK,
    CALL_RWLOCK_TIMEDRDLOCK,
    CALL_RWLOCK_CLOCKRDLOCK,
    CALL_RWLOCK_WRLOCK,
    CALL_RWLOCK_TRYWRLOCK,
    CALL_RWLOCK_TIMEDWRLOCK,
    CALL_RWLOCK_CLOCKWRLOCK,
    CALL_COND_WAIT, /* the re-acquire of the mutex */
    CALL_COND_TIMEDWAIT,
    CALL_COND_CLOCKWAIT,
    CALL_SPIN_INIT,
    CALL_SPIN_LOCK,
    CALL_SPIN_TRYLOCK,
    CALL_SEM_INIT,
    CALL_SEM_WAIT,
    CALL_SEM_TRYWAIT,
    CALL_SEM_TIMEDWAIT,
    CALL_SEM_CLOCKWAIT,
    CALL_MTX_INIT, /* C11 */
    CALL_MTX_LOCK,
    CALL_MTX_TRYLOCK,
    CALL_MTX_TIMEDLOCK,
    CALL_CND_WAIT,
    CALL_CND_TIMEDWAIT,
    CALL_COUNT
};

enum capture_kind { KIND_MUTEX = 1, KIND_RWLOCK, KIND_SPIN, KIND_SEMAPHORE, KIND_COUNT };

/* `used` counts elements, for the arena bytes. */
struct capture_section {
    uint64_t offset;   /* of the section in the file, bytes */
    uint64_t capacity; /* elements, for the arena bytes */
    uint64_t used;
};

/* What did not fit or could not be seen: told in every profile that is made of the file. */
struct capture_dropped {
    uint64_t lanes;     /* threads without a lane: their acquires are in `acquires` */
    uint64_t locks;     /* locks beyond the capacity */
    uint64_t slots;     /* (lane, lock, stack) beyond the capacity */
    uint64_t snapshots; /* that found the arena full */
    uint64_t shortened; /* snapshots with the least of stack, since the arena is nearly full */
    uint64_t acquires;  /* acquires that no slot counts */
    uint64_t holds;     /* locks held at once by a thread beyond what is tracked: no hold time */
    uint64_t maps;      /* module lists that could not be read */
};

struct capture_header {
    uint64_t magic;
    uint32_t version;
    uint32_t header_size; /* of this struct */
    int32_t pid;
    int32_t parent;         /* pid of the process that forked it, 0 for an image that was executed */
    uint64_t process_start; /* field 22 of /proc/PID/stat: tells a reused pid */
    uint32_t rate;          /* one acquire in so many is recorded; a counter times the rate is the estimate */
    uint32_t flags;         /* enum capture_flags */
    /* Ticks to time: two readings of both clocks, the second renewed now and then. */
    uint64_t start_ticks, start_monotonic_ns, start_realtime_ns;
    uint64_t last_ticks, last_monotonic_ns;
    struct capture_section lanes, locks, slots, arena;
    struct capture_dropped dropped;
    uint64_t last_maps;                /* arena offset of the newest RECORD_MAPS, 0 none */
    char program[CAPTURE_PROGRAM_MAX]; /* /proc/self/exe */
};

/* The threads of one name that run one after the other: a lane belongs to one live thread at most. Its name never
 * changes: a thread that is renamed takes another lane. */
struct capture_lane {
    int32_t tid;    /* of the last owner */
    uint32_t state; /* the writer's own */
    char name[CAPTURE_NAME_MAX];
    uint64_t reserved;
};

/* One lock from its init (or first sight) to its destroy (or next init, or dlclose of the module that it lies in). An
 * address that is used again is another lock, unless it begins by the same call from the same stack again: a lock that
 * a function makes and destroys in each of its calls is one. Once many that one call had initialised were destroyed,
 * the further ones that it initialises are counted with the last of these, wherever they lie (but for modules' data).
 */
struct capture_lock {
    uint64_t address; /* where it lay first; a snapshot says which lock it is of */
    uint32_t kind;    /* enum capture_kind; written last: 0 is a lock that is not complete, to be passed over */
    uint32_t state;   /* the writer's own */
    uint64_t init;    /* arena offset of the snapshot of its init call; 0: not seen */
    uint64_t maps;    /* arena offset of the RECORD_MAPS that was the newest at first sight */
};

/* Counters of one (lane, lock, stack). The stack's identity is (return address, distance from the thread pointer to the
 * return address' place, the word at `probe`: a return address further out). 128 bytes: the first line is what an
 * uncontended acquire touches. `acquires` and `releases` are exact (times the rate). `hold_ticks` is an unbiased
 * estimate: all holds are timed until a slot has shown that its holds are shorter than reading a clock is worth;
 * then one in CAPTURE_HOLD_SAMPLE, chosen at random, which counts so many times. */
#define CAPTURE_HOLD_SAMPLE 16
struct capture_slot {
    uint64_t live_lock;   /* address of the lock while the slot can be used, 0 afterwards */
    uint64_t live_caller; /* return address */
    uint64_t live_stack;  /* where the return address stands: the caller's stack pointer minus 8 */
    uint64_t probe_word;
    uint32_t probe; /* bytes above live_stack; 0: the return address itself */
    uint32_t mode;  /* the writer's own */
    uint64_t acquires;
    uint64_t releases;
    uint64_t hold_ticks;
    uint64_t contended;
    uint64_t wait_ticks;
    uint64_t snapshot; /* arena offset; 0: the arena was full */
    uint64_t caller;   /* return address, for good */
    uint32_t lock;     /* index */
    uint32_t call; /* enum capture_call; written last: CALL_NONE is a slot that is not complete, to be passed over */
    uint32_t lane; /* index */
    uint32_t reserved;
    uint64_t depth; /* thread pointer minus live_stack */
    uint64_t reserved2;
};

enum capture_record_type { RECORD_SNAPSHOT = 1, RECORD_MAPS };

/* Head of everything in the arena; records begin at multiples of 16, offset 0 is never one. */
struct capture_record {
    uint32_t type;
    uint32_t size; /* of the whole record, head and padding included */
};

/* Taken before the call does anything: registers are the caller's at the call instruction (arguments included, only r11
 * is lost), and the lock's memory is as the caller left it. Blocks follow. */
struct capture_snapshot {
    struct capture_record record;
    uint64_t lock;                         /* address */
    uint32_t call;                         /* enum capture_call */
    uint32_t blocks;                       /* count */
    uint64_t maps;                         /* arena offset of the RECORD_MAPS of this moment */
    uint64_t registers[CAPTURE_REGISTERS]; /* rsp: after the return, i.e. the caller's at the call instruction */
    uint64_t known;                        /* bit per register */
    uint64_t thread_pointer;
    uint64_t tls[CAPTURE_TLS_MAX]; /* dtv[1], dtv[2] ...: the calling thread's block of TLS module 1 ...; 0: none */
    char thread[CAPTURE_NAME_MAX];
};

/* Memory of the target at the moment of the snapshot: the stack from the stack pointer upwards first, then objects that
 * registers point to, then words of writable module data whose value points to or a little below the lock. */
struct capture_block {
    uint64_t address;
    uint32_t size; /* bytes that follow, padded to 8 */
    uint32_t reserved;
};

/* The module list: `text` is what /proc/self/maps said (lines with a path or an executable mapping, as they are), and
 * before it the modules that dl_iterate_phdr knew when the process started, for their TLS module numbers. */
struct capture_maps {
    struct capture_record record;
    uint32_t generation; /* 1, 2 ... */
    uint32_t modules;    /* struct capture_module that follow */
    uint32_t text_size;  /* bytes that follow them, then padding */
    uint32_t truncated;  /* 1: the text did not fit */
};

struct capture_module {
    uint64_t bias; /* load address minus link address */
    uint64_t tls;  /* TLS module number, 0 none */
    uint64_t phdr; /* address of its program headers */
};

#endif
