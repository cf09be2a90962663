/* SPDX-License-Identifier: Apache-2.0 */
/* A rate limiter that keeps its lock in memory of no type, as a plug-in interface asks it to: only `void *` leads
 * there, so nothing in the debug information says that it is a lock. */
#include "native/patterns/patterns.h"

#include <stdlib.h>

struct plugin {
    const struct io *io;
    uint64_t tokens;
    void *state; // lock: anonymous/bucket generic nameless
};

static struct tally bucket = TALLY("anonymous/bucket");

static void admit(void *service, unsigned worker, uint64_t turn)
{
    struct plugin *limiter = service;
    tally_ask(&bucket);
    pthread_mutex_lock(limiter->state); // acquire: anonymous/bucket
    tally_take(&bucket);
    limiter->tokens = checksum(worker, turn) % 1000;
    io_wait(limiter->io, 1);
    tally_leave(&bucket);
    pthread_mutex_unlock(limiter->state);
}

void anonymous_serve(struct phase *phase)
{
    struct plugin limiter = {.io = phase_io(phase), .state = malloc(sizeof(pthread_mutex_t))};
    if (!limiter.state)
        abort();
    pthread_mutex_init(limiter.state, NULL); // init: anonymous/bucket
    tally_made(&bucket);
    phase_run(phase, admit, &limiter);
    pthread_mutex_destroy(limiter.state);
    free(limiter.state);
}
