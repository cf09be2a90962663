/* SPDX-License-Identifier: Apache-2.0 */
/* A catalogue with a lock that only its file knows, and a number generator whose lock only its function knows. */
#include "native/patterns/patterns.h"

#define TITLES 64

static pthread_mutex_t catalogue_lock = PTHREAD_MUTEX_INITIALIZER; // lock: static/catalogue_lock exact symbol
static uint64_t titles[TITLES];

static struct tally catalogue = TALLY("static/catalogue_lock");
static struct tally sequence = TALLY("static/sequence_lock");

static uint64_t next_number(const struct io *io)
{
    static pthread_mutex_t sequence_lock = PTHREAD_MUTEX_INITIALIZER; // lock: static/sequence_lock exact symbol
    static uint64_t number;
    tally_at(&sequence, &sequence_lock);
    tally_ask(&sequence);
    pthread_mutex_lock(&sequence_lock); // acquire: static/sequence_lock
    tally_take(&sequence);
    uint64_t next = ++number;
    io_wait(io, IO_FIRST);
    tally_leave(&sequence);
    pthread_mutex_unlock(&sequence_lock);
    return next;
}

static void add_title(void *service, unsigned worker, uint64_t turn)
{
    const struct io *io = service;
    uint64_t number = next_number(io);

    tally_ask(&catalogue);
    pthread_mutex_lock(&catalogue_lock); // acquire: static/catalogue_lock
    tally_take(&catalogue);
    titles[number % TITLES] = checksum(worker, turn);
    io_wait(io, 1);
    tally_leave(&catalogue);
    pthread_mutex_unlock(&catalogue_lock);
}

void static_serve(struct phase *phase)
{
    struct io io = *phase_io(phase);
    tally_at(&catalogue, &catalogue_lock);
    phase_run(phase, add_title, &io);
}
