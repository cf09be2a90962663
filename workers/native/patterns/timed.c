/* SPDX-License-Identifier: Apache-2.0 */
/* A gate that is tried first and then waited for with a patience: attempts that fail are no acquires. */
#include "native/patterns/patterns.h"

#include <errno.h>
#include <time.h>

#define PATIENCE_NS 2000000
#define NS_PER_S 1000000000

struct gate {
    const struct io *io;
    pthread_mutex_t gate_lock; // lock: timed/gate_lock exact
    uint64_t passed;
    _Atomic uint64_t refused;
};

static struct tally passing = TALLY("timed/gate_lock");

/* One wait with patience: 0, ETIMEDOUT or what else went wrong. */
static int wait_for_gate(struct gate *gate)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += PATIENCE_NS;
    until.tv_sec += until.tv_nsec / NS_PER_S;
    until.tv_nsec %= NS_PER_S;
    return pthread_mutex_timedlock(&gate->gate_lock, &until); // acquire: timed/gate_lock
}

static void pass(void *service, unsigned worker, uint64_t turn)
{
    struct gate *gate = service;
    tally_ask(&passing);
    int error = pthread_mutex_trylock(&gate->gate_lock); // acquire: timed/gate_lock
    while (error == EBUSY || error == ETIMEDOUT) {
        gate->refused++;
        error = wait_for_gate(gate);
    }
    if (!worker_check(error, "pthread_mutex_timedlock"))
        return;
    tally_take(&passing);
    gate->passed += checksum(worker, turn) % 2;
    io_wait(gate->io, 1);
    tally_leave(&passing);
    pthread_mutex_unlock(&gate->gate_lock);
}

void timed_serve(struct phase *phase)
{
    struct gate gate = {.io = phase_io(phase)};
    pthread_mutex_init(&gate.gate_lock, NULL); // init: timed/gate_lock
    tally_made(&passing);
    phase_run(phase, pass, &gate);
    pthread_mutex_destroy(&gate.gate_lock);
}
