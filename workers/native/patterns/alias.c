/* SPDX-License-Identifier: Apache-2.0 */
/* An audit log whose lock is handed to a helper: the helper's parameter is another name of the same lock. A collector
 * that looks no further than the frame of the call says `guard`; the caller knows it as log->audit_log_lock. No call
 * makes the lock: what its creator knows is seen by nobody. */
#include "native/patterns/patterns.h"

#include <stdlib.h>

#define LINES_KEPT 128

struct audit_log {
    const struct io *io;
    uint32_t lines[LINES_KEPT];
    _Atomic uint64_t recorded;
    pthread_mutex_t audit_log_lock; // lock: alias/audit_log_lock exact -- the helper below knows it as `guard`
};

static struct tally audit = TALLY("alias/audit_log_lock");

__attribute__((noinline)) static void store_guarded(pthread_mutex_t *guard, uint32_t *place, const struct io *io,
                                                    uint32_t value)
{
    tally_ask(&audit);
    pthread_mutex_lock(guard); // acquire: alias/audit_log_lock
    tally_take(&audit);
    *place = value;
    io_wait(io, 1);
    tally_leave(&audit);
    pthread_mutex_unlock(guard);
}

static void record(void *service, unsigned worker, uint64_t turn)
{
    struct audit_log *log = service;
    store_guarded(&log->audit_log_lock, &log->lines[turn % LINES_KEPT], log->io, checksum(worker, turn));
    log->recorded++;
}

void alias_serve(struct phase *phase)
{
    struct audit_log *log = calloc(1, sizeof *log);
    if (!log)
        abort();
    log->io = phase_io(phase);
    log->audit_log_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    phase_run(phase, record, log);
    pthread_mutex_destroy(&log->audit_log_lock);
    free(log);
}
