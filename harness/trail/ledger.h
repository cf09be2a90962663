/* SPDX-License-Identifier: Apache-2.0 */
/* Ground truth of a run: every lock that a worker declared, and how often each process really took it. */
#ifndef LOCKTRAIL_TRAIL_LEDGER_H
#define LOCKTRAIL_TRAIL_LEDGER_H

#include "base/err.h"
#include "trail/words.h"

#include <stddef.h>
#include <stdint.h>

/* Most locks and processes in one run. 256 workers are asked for; a hundred locks each is beyond any shipped
 * workload. */
#define LEDGER_LOCKS_MAX 65536
#define LEDGER_INSTANCES_MAX 1024
/* Most further sites of one lock. A lock is taken at a few places of the source, and a compiler that inlines and
 * unrolls makes some dozen addresses of each. */
#define LEDGER_SITES_MAX 256

/* One declared lock of one worker of the scenario. Its identity is (worker, site). Its further sites are where a
 * collector that finds no name may say that the lock is: FILE:LINE of its making and of calls that take it,
 * MODULE+0xOFFSET. */
struct lock {
    char *worker;  /* name in the scenario: "python" */
    char *id;      /* "member/user_session_lock" */
    char *name;    /* "user_session_lock"; "" for an anonymous lock */
    char *pattern; /* "member" */
    char *file;    /* base name of the declaring file; "" where the scenario's author does not know the
                      site */
    unsigned line; /* from 1; 0 where unknown */
    enum rendering rendering;
    char *mangled; /* the mangled name, else NULL */
    bool contends; /* false: by its nature nobody ever waits for it */
    bool counted;  /* false: the runtime is known not to count its acquires one to one */
    /* The collector shows C expressions: the name is right where it is their last member. */
    bool qualified;
    /* Declared by a control that runs another build: what the worker itself says goes before it. */
    bool provisional;
    char **sites; /* further ones, each once; in the ledger its own, grown by ledger_add_site */
    size_t site_count, site_capacity;
};

/* What one process really did with one lock, counted by the workload itself. */
struct lock_count {
    uint64_t acquires; /* each of a recursive lock */
    uint64_t waits;    /* acquires that found it held */
    uint64_t wait_ns;
    uint64_t depth; /* greatest recursion depth */
    bool known;     /* false: a silent worker, or one that died before it said anything about this lock
                     */
};

/* One process. `counts` has one element for each lock of the ledger (zero for other workers' locks). */
struct instance {
    char *name;          /* "python.1.local", "python.control" */
    char *worker;        /* name in the scenario */
    enum arm arm;        /* ARM_CONTROL for the control stage */
    double capture_rate; /* chance of one acquire to be sampled, 0 < p <= 1 */
    int64_t duration_ms; /* how long its workload ran; 0 unknown */
    bool left_out;       /* nobody started it, and that is in order: none of its copies is missed */
    bool unfinished;     /* it did not reach its end: what its copies lack may just not have been written yet */
    /* The uploads of another process, sent to a second agent as well: what it has at the stage `upload` is that one's,
     * and counts there. */
    bool mirror;
    bool skips[STAGE_COUNT]; /* stages that its uploads do not pass */
    struct lock_count *counts;
};

/* `{0}` is an empty ledger. Everything in it is its own. */
struct ledger {
    struct lock *locks;
    size_t lock_count, lock_capacity;
    struct instance *instances;
    size_t instance_count, instance_capacity;
    struct table *lock_index; /* ledger.c's own: (worker, id) to index */
};

void ledger_fini(struct ledger *ledger);

/* Adds a copy of *lock. The same (worker, id) again with the same content is the same lock (both arms declare it);
 * with another content it is an error, unless one of the two is provisional, and as is one lock too many; further sites
 * are added to those that are there.
 * Returns its index or -1. Code ERR_INPUT. */
int ledger_add_lock(struct ledger *ledger, const struct lock *lock, struct err *e);

/* Adds a further site, unless it is there already; one too many is an error. */
int ledger_add_site(struct ledger *ledger, size_t lock, const char *site, struct err *e);

/* Adds a process without counts; returns its index or -1 (a name that is there already, one too many). */
int ledger_add_instance(struct ledger *ledger, const char *name, const char *worker, enum arm arm, double capture_rate,
                        struct err *e);

/* Index or -1. */
int ledger_find_lock(const struct ledger *ledger, const char *worker, const char *id);
int ledger_find_instance(const struct ledger *ledger, const char *name);

/* Sets (does not add) what a process says of a lock. Counts only grow: a smaller one than before is an error. */
int ledger_set_count(struct ledger *ledger, size_t instance, size_t lock, const struct lock_count *count,
                     struct err *e);

#endif
