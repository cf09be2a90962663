/* SPDX-License-Identifier: Apache-2.0 */
/* A listener that shares two locks with its handlers: variables on its own stack, which handlers reach by pointers. The
 * listener makes both and takes one itself: its frame says which variables they are. Without the calls that make them
 * nothing would prove that what a handler takes at that address later is the same lock. */
#include "native/patterns/patterns.h"

#define REQUESTS_KEPT 64

struct listener {
    const struct io *io;
    pthread_mutex_t *requests_guard, *responses_guard;
    uint64_t requests[REQUESTS_KEPT];
    uint64_t responses;
};

static struct tally request = TALLY("local/request_lock");
static struct tally response = TALLY("local/response_lock");

static void handle(void *service, unsigned worker, uint64_t turn)
{
    struct listener *l = service;
    tally_ask(&request);
    pthread_mutex_lock(l->requests_guard); // acquire: local/request_lock
    tally_take(&request);
    l->requests[turn % REQUESTS_KEPT] = checksum(worker, turn);
    io_wait(l->io, IO_FIRST);
    tally_leave(&request);
    pthread_mutex_unlock(l->requests_guard);

    tally_ask(&response);
    pthread_mutex_lock(l->responses_guard); // acquire: local/response_lock
    tally_take(&response);
    l->responses++;
    io_wait(l->io, 1);
    tally_leave(&response);
    pthread_mutex_unlock(l->responses_guard);
}

void local_serve(struct phase *phase)
{
    pthread_mutex_t request_lock;  // lock: local/request_lock exact
    pthread_mutex_t response_lock; // lock: local/response_lock exact
    struct listener listener = {
        .io = phase_io(phase), .requests_guard = &request_lock, .responses_guard = &response_lock};
    pthread_mutex_init(&request_lock, NULL); // init: local/request_lock
    tally_made(&request);
    pthread_mutex_init(&response_lock, NULL); // init: local/response_lock
    tally_made(&response);

    tally_ask(&response);
    pthread_mutex_lock(&response_lock); // acquire: local/response_lock
    tally_take(&response);
    listener.responses = 0;
    tally_leave(&response);
    pthread_mutex_unlock(&response_lock);

    phase_run(phase, handle, &listener);
    pthread_mutex_destroy(&request_lock);
    pthread_mutex_destroy(&response_lock);
}
