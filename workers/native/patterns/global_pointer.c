/* SPDX-License-Identifier: Apache-2.0 */
/* A server whose whole state hangs on one global pointer. */
#include "native/patterns/patterns.h"

#include <stdlib.h>

struct app {
    uint64_t requests;
    pthread_mutex_t app_lock; // lock: global_pointer/app_lock exact -- g_app->app_lock
};

static struct app *g_app;

static struct tally counted = TALLY("global_pointer/app_lock");

static void handle_request(void *service, unsigned worker, uint64_t turn)
{
    const struct io *io = service;
    tally_ask(&counted);
    pthread_mutex_lock(&g_app->app_lock); // acquire: global_pointer/app_lock
    tally_take(&counted);
    g_app->requests += checksum(worker, turn) % 3;
    io_wait(io, 1);
    tally_leave(&counted);
    pthread_mutex_unlock(&g_app->app_lock);
}

void global_pointer_serve(struct phase *phase)
{
    struct io io = *phase_io(phase);
    g_app = calloc(1, sizeof *g_app);
    if (!g_app)
        abort();
    pthread_mutex_init(&g_app->app_lock, NULL); // init: global_pointer/app_lock
    tally_made(&counted);
    phase_run(phase, handle_request, &io);
    pthread_mutex_destroy(&g_app->app_lock);
    free(g_app);
    g_app = NULL;
}
