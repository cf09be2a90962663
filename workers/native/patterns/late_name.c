/* SPDX-License-Identifier: Apache-2.0 */
/* Settings that are first read through the application, where their lock is two levels away, and later by functions of
 * their own. A collector that keeps what it knew at first sight must have looked far enough then. */
#include "native/patterns/patterns.h"

#include <stdlib.h>

#define SETTINGS_KEPT 64

struct settings {
    const struct io *io;
    uint32_t values[SETTINGS_KEPT];
    pthread_mutex_t settings_lock; // lock: late_name/settings_lock exact -- first taken by warm_up
};

struct application {
    struct settings *settings;
};

static struct tally counted = TALLY("late_name/settings_lock");

__attribute__((noinline)) static void warm_up(struct application *application)
{
    tally_ask(&counted);
    pthread_mutex_lock(&application->settings->settings_lock); // acquire: late_name/settings_lock
    tally_take(&counted);
    application->settings->values[0] = 1;
    tally_leave(&counted);
    pthread_mutex_unlock(&application->settings->settings_lock);
}

static void change(void *service, unsigned worker, uint64_t turn)
{
    struct settings *settings = service;
    tally_ask(&counted);
    pthread_mutex_lock(&settings->settings_lock); // acquire: late_name/settings_lock
    tally_take(&counted);
    settings->values[turn % SETTINGS_KEPT] = checksum(worker, turn);
    io_wait(settings->io, 1);
    tally_leave(&counted);
    pthread_mutex_unlock(&settings->settings_lock);
}

void late_name_serve(struct phase *phase)
{
    /* Zeroed memory is an unlocked mutex on Linux, and programs rely on it: there is no init call. */
    struct application application = {.settings = calloc(1, sizeof *application.settings)};
    if (!application.settings)
        abort();
    application.settings->io = phase_io(phase);
    warm_up(&application);
    phase_run(phase, change, application.settings);
    free(application.settings);
}
