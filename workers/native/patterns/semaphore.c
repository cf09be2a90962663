/* SPDX-License-Identifier: Apache-2.0 */
/* A pool of two database connections behind a semaphore, and one of a single slot for exports. */
#include "native/patterns/patterns.h"

#include <errno.h>
#include <semaphore.h>

struct connection_pool {
    const struct io *io;
    sem_t connection_semaphore; // lock: semaphore/connection_semaphore exact
    sem_t export_semaphore;     // lock: semaphore/export_semaphore exact
    _Atomic uint32_t result;
    struct tally connections, exports;
};

static void query(void *service, unsigned worker, uint64_t turn)
{
    struct connection_pool *pool = service;
    tally_ask(&pool->connections);
    int failed = sem_wait(&pool->connection_semaphore); // acquire: semaphore/connection_semaphore
    if (!worker_check(failed ? errno : 0, "sem_wait"))
        return;
    tally_take(&pool->connections);
    pool->result = checksum(worker, turn);
    io_wait(pool->io, 1);
    tally_leave(&pool->connections);
    sem_post(&pool->connection_semaphore);

    tally_ask(&pool->exports);
    failed = sem_wait(&pool->export_semaphore); // acquire: semaphore/export_semaphore
    if (!worker_check(failed ? errno : 0, "sem_wait"))
        return;
    tally_take(&pool->exports);
    pool->result = checksum(turn, worker);
    io_wait(pool->io, 1);
    tally_leave(&pool->exports);
    sem_post(&pool->export_semaphore);
}

void semaphore_serve(struct phase *phase)
{
    struct connection_pool pool = {.io = phase_io(phase)};
    /* Fewer connections than threads, or nobody would ever wait. */
    unsigned connections = pool.io->threads <= 2 ? 1 : 2;
    tally_init(&pool.connections, "semaphore/connection_semaphore", connections);
    tally_init(&pool.exports, "semaphore/export_semaphore", 1);
    sem_init(&pool.connection_semaphore, 0, connections); // init: semaphore/connection_semaphore
    tally_made(&pool.connections);
    sem_init(&pool.export_semaphore, 0, 1); // init: semaphore/export_semaphore
    tally_made(&pool.exports);
    phase_run(phase, query, &pool);
    sem_destroy(&pool.export_semaphore);
    sem_destroy(&pool.connection_semaphore);
}
