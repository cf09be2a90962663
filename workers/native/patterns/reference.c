/* SPDX-License-Identifier: Apache-2.0 */
/* The control's yardstick: a plain global lock, which every lock profiler must be able to name. */
#include "native/patterns/patterns.h"

pthread_mutex_t reference_lock = PTHREAD_MUTEX_INITIALIZER; // lock: reference/reference_lock exact symbol uncontended

static struct tally counted = TALLY("reference/reference_lock");

static void step(void *io, unsigned worker, uint64_t turn)
{
    (void)turn;
    if (worker != 0)
        return;
    tally_ask(&counted);
    pthread_mutex_lock(&reference_lock); // acquire: reference/reference_lock
    tally_take(&counted);
    io_wait(io, 1);
    tally_leave(&counted);
    pthread_mutex_unlock(&reference_lock);
}

void reference_serve(struct phase *phase)
{
    struct io io = *phase_io(phase);
    tally_at(&counted, &reference_lock);
    phase_run(phase, step, &io);
}
