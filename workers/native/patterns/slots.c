/* SPDX-License-Identifier: Apache-2.0 */
/* A connection with a lock for each direction and one for its state: three locks of one type in one struct, told apart
 * by nothing but their places in it. */
#include "native/patterns/patterns.h"

struct connection {
    pthread_mutex_t receive_lock; // lock: slots/receive_lock exact
    pthread_mutex_t send_lock;    // lock: slots/send_lock exact
    pthread_mutex_t state_lock;   // lock: slots/state_lock exact
    const struct io *io;
    uint64_t received, sent;
    uint32_t state;
};

static struct tally receiving = TALLY("slots/receive_lock");
static struct tally sending = TALLY("slots/send_lock");
static struct tally state = TALLY("slots/state_lock");

static void exchange(void *service, unsigned worker, uint64_t turn)
{
    struct connection *c = service;
    tally_ask(&receiving);
    pthread_mutex_lock(&c->receive_lock); // acquire: slots/receive_lock
    tally_take(&receiving);
    c->received += checksum(worker, turn) % 1500;
    io_wait(c->io, 0.5);
    tally_leave(&receiving);
    pthread_mutex_unlock(&c->receive_lock);

    tally_ask(&sending);
    pthread_mutex_lock(&c->send_lock); // acquire: slots/send_lock
    tally_take(&sending);
    c->sent++;
    io_wait(c->io, IO_FIRST);
    tally_leave(&sending);
    pthread_mutex_unlock(&c->send_lock);

    tally_ask(&state);
    pthread_mutex_lock(&c->state_lock); // acquire: slots/state_lock
    tally_take(&state);
    c->state = checksum(turn, worker);
    io_wait(c->io, 1);
    tally_leave(&state);
    pthread_mutex_unlock(&c->state_lock);
}

void slots_serve(struct phase *phase)
{
    struct connection connection = {.io = phase_io(phase)};
    pthread_mutex_init(&connection.receive_lock, NULL); // init: slots/receive_lock
    tally_made(&receiving);
    pthread_mutex_init(&connection.send_lock, NULL); // init: slots/send_lock
    tally_made(&sending);
    pthread_mutex_init(&connection.state_lock, NULL); // init: slots/state_lock
    tally_made(&state);
    phase_run(phase, exchange, &connection);
    pthread_mutex_destroy(&connection.state_lock);
    pthread_mutex_destroy(&connection.send_lock);
    pthread_mutex_destroy(&connection.receive_lock);
}
