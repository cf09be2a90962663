/* SPDX-License-Identifier: Apache-2.0 */
/* An allocator with an arena for each thread: its lock is a thread-local variable. A neighbour that is short of memory
 * reaches into the arena by a pointer, so others wait for it. */
#include "native/patterns/patterns.h"

#include <stdlib.h>

static _Thread_local pthread_mutex_t arena_lock; // lock: thread_local/arena_lock exact
static _Thread_local struct tally arena_tally = TALLY("thread_local/arena_lock");

struct arena {
    pthread_mutex_t *guard;
    struct tally *counted;
    uint64_t allocated;
};

struct allocator {
    const struct io *io;
    /* A thread's own is there from its first turn on. */
    _Atomic(struct arena *) arenas[];
};

static void allocate(struct allocator *allocator, struct arena *arena)
{
    tally_ask(&arena_tally);
    pthread_mutex_lock(&arena_lock); // acquire: thread_local/arena_lock
    tally_take(&arena_tally);
    arena->allocated++;
    io_wait(allocator->io, IO_FIRST);
    tally_leave(&arena_tally);
    pthread_mutex_unlock(&arena_lock);
}

static void borrow(struct allocator *allocator, struct arena *arena)
{
    tally_ask(arena->counted);
    pthread_mutex_lock(arena->guard); // acquire: thread_local/arena_lock
    tally_take(arena->counted);
    arena->allocated++;
    io_wait(allocator->io, IO_FIRST);
    tally_leave(arena->counted);
    pthread_mutex_unlock(arena->guard);
}

/* Made in a thread's first turn. */
static struct arena *own_arena(void)
{
    static _Thread_local struct arena arena;
    if (!arena.guard) {
        pthread_mutex_init(&arena_lock, NULL); // init: thread_local/arena_lock
        tally_made(&arena_tally);
        arena.guard = &arena_lock;
        arena.counted = &arena_tally;
    }
    return &arena;
}

static void serve_request(void *service, unsigned worker, uint64_t turn)
{
    struct allocator *allocator = service;
    unsigned neighbour = (worker + 1) % allocator->io->threads;
    (void)turn;
    allocate(allocator, own_arena());
    atomic_store(&allocator->arenas[worker], own_arena());
    struct arena *other = atomic_load(&allocator->arenas[neighbour]);
    borrow(allocator, other ? other : own_arena());
}

void thread_local_serve(struct phase *phase)
{
    size_t threads = phase_io(phase)->threads;
    struct allocator *allocator = calloc(1, sizeof *allocator + threads * sizeof allocator->arenas[0]);
    if (!allocator)
        abort();
    allocator->io = phase_io(phase);
    phase_run(phase, serve_request, allocator);
    free(allocator);
}
