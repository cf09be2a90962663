/* SPDX-License-Identifier: Apache-2.0 */
/* An audit log whose lock is handed to a helper: the helper's parameter is another name of the same lock. A collector
 * that looks no further than the frame of the call says `guard`; the caller knows it as log->audit_log_lock. */
#include "native/patterns/patterns.h"

#define LINES_KEPT 128

struct audit_log {
    const struct io *io;
    uint32_t lines[LINES_KEPT];
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
}

void alias_serve(struct phase *phase)
{
    struct audit_log log = {.io = phase_io(phase)};
    pthread_mutex_init(&log.audit_log_lock, NULL); // init: alias/audit_log_lock
    tally_made(&audit);
    phase_run(phase, record, &log);
    pthread_mutex_destroy(&log.audit_log_lock);
}
