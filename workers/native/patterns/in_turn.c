/* SPDX-License-Identifier: Apache-2.0 */
/* A poller that takes its two locks strictly in turn, and nobody else takes any: in step with a sampler that counts. */
#include "native/patterns/patterns.h"

struct poller {
    const struct io *io;
    pthread_mutex_t inbox_lock;  // lock: in_turn/inbox_lock exact uncontended
    pthread_mutex_t outbox_lock; // lock: in_turn/outbox_lock exact uncontended
    uint32_t last;
};

static struct tally inbox = TALLY("in_turn/inbox_lock");
static struct tally outbox = TALLY("in_turn/outbox_lock");

static void poll_once(void *service, unsigned worker, uint64_t turn)
{
    struct poller *p = service;
    if (worker != 0)
        return;
    tally_ask(&inbox);
    pthread_mutex_lock(&p->inbox_lock); // acquire: in_turn/inbox_lock
    tally_take(&inbox);
    p->last = checksum(turn, turn);
    io_wait(p->io, 1);
    tally_leave(&inbox);
    pthread_mutex_unlock(&p->inbox_lock);

    tally_ask(&outbox);
    pthread_mutex_lock(&p->outbox_lock); // acquire: in_turn/outbox_lock
    tally_take(&outbox);
    p->last = checksum(p->last, turn);
    io_wait(p->io, 1);
    tally_leave(&outbox);
    pthread_mutex_unlock(&p->outbox_lock);
}

void in_turn_serve(struct phase *phase)
{
    struct poller poller = {.io = phase_io(phase)};
    pthread_mutex_init(&poller.inbox_lock, NULL); // init: in_turn/inbox_lock
    tally_made(&inbox);
    pthread_mutex_init(&poller.outbox_lock, NULL); // init: in_turn/outbox_lock
    tally_made(&outbox);
    phase_run(phase, poll_once, &poller);
    pthread_mutex_destroy(&poller.inbox_lock);
    pthread_mutex_destroy(&poller.outbox_lock);
}
