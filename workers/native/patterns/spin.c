/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics behind a spin lock: who waits burns processor time, so the holder computes and never sleeps, and only a
 * few threads take it. With many more than processors, waiting ones would keep a preempted holder from its processor.
 */
#include "native/patterns/patterns.h"

#define SPINNERS 3

struct statistics {
    const struct io *io;
    pthread_spinlock_t statistics_lock; // lock: spin/statistics_lock exact
    uint64_t events;
};

static struct tally counted = TALLY("spin/statistics_lock");

static void count(void *service, unsigned worker, uint64_t turn)
{
    struct statistics *s = service;
    if (worker >= SPINNERS)
        return;
    tally_ask(&counted);
    pthread_spin_lock(&s->statistics_lock); // acquire: spin/statistics_lock
    tally_take(&counted);
    s->events += checksum(worker, turn) % 3;
    /* The time that all threads share is that of these few. */
    io_compute(s->io, s->io->threads > SPINNERS ? 0.4 * s->io->threads / SPINNERS : 0.4);
    tally_leave(&counted);
    pthread_spin_unlock(&s->statistics_lock);
}

void spin_serve(struct phase *phase)
{
    struct statistics statistics = {.io = phase_io(phase)};
    pthread_spin_init(&statistics.statistics_lock, PTHREAD_PROCESS_PRIVATE); // init: spin/statistics_lock
    tally_made(&counted);
    phase_run(phase, count, &statistics);
    pthread_spin_destroy(&statistics.statistics_lock);
}
