/* SPDX-License-Identifier: Apache-2.0 */
/* A walk through a tree that calls itself, with a lock on the stack for each level: the same variable in several frames
 * at once. Only the level's own thread takes it. */
#include "native/patterns/patterns.h"

#define DEPTH 3

static uint32_t walk(const struct io *io, uint32_t node, unsigned depth)
{
    pthread_mutex_t level_lock = PTHREAD_MUTEX_INITIALIZER; // lock: recursive/level_lock exact uncontended
    struct tally counted = TALLY("recursive/level_lock");
    tally_ask(&counted);
    pthread_mutex_lock(&level_lock); // acquire: recursive/level_lock
    tally_take(&counted);
    uint32_t sum = checksum(node, depth);
    tally_leave(&counted);
    pthread_mutex_unlock(&level_lock);
    if (depth + 1 < DEPTH)
        sum ^= walk(io, sum, depth + 1);
    return sum;
}

static void scan(void *service, unsigned worker, uint64_t turn)
{
    const struct io *io = service;
    _Atomic uint32_t sum = walk(io, checksum(worker, turn), 0);
    (void)sum;
    io_wait(io, 1);
}

void recursive_serve(struct phase *phase)
{
    struct io io = *phase_io(phase);
    phase_run(phase, scan, &io);
}
