/* SPDX-License-Identifier: Apache-2.0 */
/* A pattern whose first thread fails with the lock in its hand. */
#include "native/patterns/patterns.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>

static pthread_mutex_t hoarded_lock = PTHREAD_MUTEX_INITIALIZER; // lock: hoarding/hoarded_lock exact symbol

/* Else the others may be through before the first thread comes. */
static atomic_bool taken;

static struct tally counted = TALLY("hoarding/hoarded_lock");

static void step(void *io, unsigned worker, uint64_t turn)
{
    (void)turn;
    while (worker != 0 && !atomic_load(&taken))
        sched_yield();
    tally_ask(&counted);
    pthread_mutex_lock(&hoarded_lock); // acquire: hoarding/hoarded_lock
    tally_take(&counted);
    atomic_store(&taken, true);
    io_wait(io, 1);
    if (!worker_check(worker == 0 ? EIO : 0, "read"))
        return;
    tally_leave(&counted);
    pthread_mutex_unlock(&hoarded_lock);
}

void hoarding_serve(struct phase *phase)
{
    struct io io = *phase_io(phase);
    phase_run(phase, step, &io);
}
