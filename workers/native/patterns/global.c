/* SPDX-License-Identifier: Apache-2.0 */
/* A service with one connection to its database, guarded by a global lock. */
#include "native/patterns/patterns.h"

#define TABLE_ROWS 256

pthread_mutex_t global_database_lock = PTHREAD_MUTEX_INITIALIZER; // lock: global/global_database_lock exact symbol
static uint32_t rows[TABLE_ROWS];

static struct tally database = TALLY("global/global_database_lock");

static void insert(void *io, unsigned worker, uint64_t turn)
{
    tally_ask(&database);
    pthread_mutex_lock(&global_database_lock); // acquire: global/global_database_lock
    tally_take(&database);
    rows[turn % TABLE_ROWS] = checksum(worker, turn);
    io_wait(io, 1);
    tally_leave(&database);
    pthread_mutex_unlock(&global_database_lock);
}

void global_serve(struct phase *phase)
{
    struct io io = *phase_io(phase);
    tally_at(&database, &global_database_lock);
    phase_run(phase, insert, &io);
}
