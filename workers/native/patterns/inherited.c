/* SPDX-License-Identifier: Apache-2.0 */
/* A handler whose base is its first member, as C does what other languages call inheritance. The base's function gets a
 * pointer to the base; the upload's own reaches the same lock through itself. */
#include "native/patterns/patterns.h"

struct base_handler {
    const struct io *io;
    pthread_mutex_t state_lock; // lock: inherited/state_lock exact -- handler->state_lock, upload->base.state_lock
    uint32_t state;
};

struct upload_handler {
    struct base_handler base;
    uint64_t uploads;
};

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER; // lock: inherited/registry_lock exact symbol
static uint64_t registered;

static struct tally state = TALLY("inherited/state_lock");
static struct tally registry = TALLY("inherited/registry_lock");

static void base_register(struct base_handler *handler)
{
    tally_ask(&registry);
    pthread_mutex_lock(&registry_lock); // acquire: inherited/registry_lock
    tally_take(&registry);
    registered++;
    io_wait(handler->io, 1);
    tally_leave(&registry);
    pthread_mutex_unlock(&registry_lock);
}

static void base_enter(struct base_handler *handler, uint32_t state_now)
{
    tally_ask(&state);
    pthread_mutex_lock(&handler->state_lock); // acquire: inherited/state_lock
    tally_take(&state);
    handler->state = state_now;
    io_wait(handler->io, 0.4);
    tally_leave(&state);
    pthread_mutex_unlock(&handler->state_lock);
}

static void handle(void *service, unsigned worker, uint64_t turn)
{
    struct upload_handler *upload = service;
    base_enter(&upload->base, checksum(worker, turn));

    tally_ask(&state);
    pthread_mutex_lock(&upload->base.state_lock); // acquire: inherited/state_lock
    tally_take(&state);
    upload->uploads++;
    io_wait(upload->base.io, 0.3);
    tally_leave(&state);
    pthread_mutex_unlock(&upload->base.state_lock);

    base_register(&upload->base);
}

void inherited_serve(struct phase *phase)
{
    struct upload_handler upload = {.base.io = phase_io(phase)};
    tally_at(&registry, &registry_lock);
    pthread_mutex_init(&upload.base.state_lock, NULL); // init: inherited/state_lock
    tally_made(&state);
    phase_run(phase, handle, &upload);
    pthread_mutex_destroy(&upload.base.state_lock);
}
