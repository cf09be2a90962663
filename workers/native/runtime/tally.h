/* SPDX-License-Identifier: Apache-2.0 */
/* Counts what threads do with one lock, without a lock of its own and without touching the lock that it counts.
 *
 * The code that takes a lock puts the plain call between two calls of the lock's tally:
 *     tally_ask(&cache);
 *     pthread_mutex_lock(&store->cache_lock); // acquire: member/cache_lock
 *     tally_take(&cache);
 *     ...
 *     tally_leave(&cache);
 *     pthread_mutex_unlock(&store->cache_lock);
 *
 * Each acquire that succeeds counts, recursive ones too, and the one at the end of a wait for a condition. A wait is an
 * acquire that found the lock taken just before it asked: an estimate from outside, like the time it took.
 * Counters are per thread; whoever adds them up sees values of a moment ago. A forked child goes on counting in those
 * of the thread that forked it, which waits for its end meanwhile. */
#ifndef NATIVE_RUNTIME_TALLY_H
#define NATIVE_RUNTIME_TALLY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* More readers than there are threads: a writer takes all of a lock's slots. */
#define TALLY_READERS 4096

/* One instance of a declared lock. */
struct tally {
    const char *id;          /* of the declaration, borrowed */
    unsigned slots;          /* how many can hold the lock at once */
    atomic_uint declaration; /* place in `declarations` plus one; 0: not looked up yet */
    atomic_uint holders;
};

#define TALLY(lock_id)                                                                                                 \
    {                                                                                                                  \
        .id = (lock_id), .slots = 1                                                                                    \
    }
#define TALLY_SHARED(lock_id)                                                                                          \
    {                                                                                                                  \
        .id = (lock_id), .slots = TALLY_READERS                                                                        \
    }

void tally_init(struct tally *t, const char *id, unsigned slots);

/* Tells where the call of the lock's init function was, just after it. */
void tally_made(struct tally *t);
/* Tells where a lock with static storage lies. */
void tally_at(struct tally *t, const void *lock);
/* The same for one that lies within a larger static object of that name. */
void tally_within(struct tally *t, const void *lock, const void *object, const char *symbol);

/* Just before the acquire. */
void tally_ask(struct tally *t);
/* Just after an acquire that succeeded. */
void tally_take(struct tally *t);
/* Just before the release. */
void tally_leave(struct tally *t);

/* The same for one who excludes all others, of a lock that has more slots than one. */
void tally_ask_all(struct tally *t);
void tally_take_all(struct tally *t);
void tally_leave_all(struct tally *t);

/* Around a wait for a condition, in which the holder lets go of the lock and takes it again. */
void tally_park(struct tally *t);
void tally_unpark(struct tally *t);

/* --- for the runtime -------------------------------------------------------------------------------------------- */

/* The calling thread's counters are those of this number from now on: 0 for the main thread, below 1 + THREADS_MAX.
 * One thread at a time has a number. */
void tally_thread(unsigned number);

struct tally_total {
    uint64_t acquires, waits, wait_ns, depth; /* depth: the greatest of any thread */
};

/* Of all instances of one declaration. */
struct tally_total tally_total(size_t declaration);

void tally_fini(void);

#endif
