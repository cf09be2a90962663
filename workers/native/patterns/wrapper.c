/* SPDX-License-Identifier: Apache-2.0 */
/* A storage engine with a lock type of its own, as portable programs have one: every call goes through the engine's
 * functions, of which one is really called, one is inlined, and one ends in a jump. A collector that stops at the
 * wrapper knows three locks by one name. */
#include "native/patterns/patterns.h"

#include <stdlib.h>

struct engine_lock {
    pthread_mutex_t mutex; // member: wrapper/index_lock wrapper/page_lock wrapper/trail_lock
    uint64_t taken;
};

struct engine {
    const struct io *io;
    struct engine_lock index_lock; // lock: wrapper/index_lock exact shown:.mutex
    struct engine_lock page_lock;  // lock: wrapper/page_lock exact shown:.mutex
    struct engine_lock trail_lock; // lock: wrapper/trail_lock exact shown:.mutex
    uint32_t index, page, trail;
};

static struct tally index_tally = TALLY("wrapper/index_lock");
static struct tally page_tally = TALLY("wrapper/page_lock");
static struct tally trail_tally = TALLY("wrapper/trail_lock");

__attribute__((noinline)) static void lock_acquire(struct engine_lock *lock)
{
    pthread_mutex_lock(&lock->mutex); // acquire: wrapper/index_lock
    lock->taken++;
}

__attribute__((always_inline)) static inline void lock_acquire_inline(struct engine_lock *lock)
{
    pthread_mutex_lock(&lock->mutex); // acquire: wrapper/page_lock
    lock->taken++;
}

__attribute__((noinline)) static int lock_acquire_last(struct engine_lock *lock)
{
    return pthread_mutex_lock(&lock->mutex); // acquire: wrapper/trail_lock
}

static void lock_release(struct engine_lock *lock)
{
    pthread_mutex_unlock(&lock->mutex);
}

static void put(void *service, unsigned worker, uint64_t turn)
{
    struct engine *engine = service;
    tally_ask(&index_tally);
    lock_acquire(&engine->index_lock); // acquire: wrapper/index_lock
    tally_take(&index_tally);
    engine->index = checksum(worker, turn);
    io_wait(engine->io, 0.5);
    tally_leave(&index_tally);
    lock_release(&engine->index_lock);

    tally_ask(&page_tally);
    lock_acquire_inline(&engine->page_lock); // acquire: wrapper/page_lock
    tally_take(&page_tally);
    engine->page = checksum(turn, turn);
    io_wait(engine->io, IO_FIRST);
    tally_leave(&page_tally);
    lock_release(&engine->page_lock);

    tally_ask(&trail_tally);
    int error = lock_acquire_last(&engine->trail_lock); // acquire: wrapper/trail_lock
    if (!worker_check(error, "lock_acquire_last"))
        return;
    tally_take(&trail_tally);
    engine->trail = checksum(turn, worker);
    io_wait(engine->io, 1);
    tally_leave(&trail_tally);
    lock_release(&engine->trail_lock);
}

void wrapper_serve(struct phase *phase)
{
    static const struct engine_lock unlocked = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        abort();
    engine->io = phase_io(phase);
    engine->index_lock = engine->page_lock = engine->trail_lock = unlocked;
    phase_run(phase, put, engine);
    pthread_mutex_destroy(&engine->trail_lock.mutex);
    pthread_mutex_destroy(&engine->page_lock.mutex);
    pthread_mutex_destroy(&engine->index_lock.mutex);
    free(engine);
}
