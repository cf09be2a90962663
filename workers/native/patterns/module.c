/* SPDX-License-Identifier: Apache-2.0 */
/* Code that takes a lock of another file: its own debug information has no more than the declaration. */
#include "native/patterns/module_limits.h"
#include "native/patterns/patterns.h"

static struct tally counted = TALLY("module/limits_lock");

static void set_limit(void *service, unsigned worker, uint64_t turn)
{
    const struct io *io = service;
    tally_ask(&counted);
    pthread_mutex_lock(&limits_lock); // acquire: module/limits_lock
    tally_take(&counted);
    limits[turn % LIMITS_KEPT] = checksum(worker, turn);
    io_wait(io, 1);
    tally_leave(&counted);
    pthread_mutex_unlock(&limits_lock);
}

void module_serve(struct phase *phase)
{
    struct io io = *phase_io(phase);
    tally_at(&counted, &limits_lock);
    phase_run(phase, set_limit, &io);
}
