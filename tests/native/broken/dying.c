/* SPDX-License-Identifier: Apache-2.0 */
/* A pattern whose second thread fails in its fourth turn. */
#include "native/patterns/patterns.h"

#include <errno.h>

#define LAST_TURN 3

static pthread_mutex_t fragile_lock = PTHREAD_MUTEX_INITIALIZER; // lock: dying/fragile_lock exact symbol

static struct tally counted = TALLY("dying/fragile_lock");

static void step(void *io, unsigned worker, uint64_t turn)
{
    if (!worker_check(worker == 1 && turn == LAST_TURN ? EDEADLK : 0, "pthread_mutex_lock"))
        return;
    tally_ask(&counted);
    pthread_mutex_lock(&fragile_lock); // acquire: dying/fragile_lock
    tally_take(&counted);
    io_wait(io, 1);
    tally_leave(&counted);
    pthread_mutex_unlock(&fragile_lock);
}

void dying_serve(struct phase *phase)
{
    struct io io = *phase_io(phase);
    tally_at(&counted, &fragile_lock);
    phase_run(phase, step, &io);
}
