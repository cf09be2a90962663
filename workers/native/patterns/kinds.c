/* SPDX-License-Identifier: Apache-2.0 */
/* Mutexes that are not the plain kind: one that checks its owner, a robust one, and one for several processes in shared
 * memory. */
#include "native/patterns/patterns.h"

#include <stdlib.h>
#include <sys/mman.h>

struct ledger_page {
    pthread_mutex_t shared_lock; // lock: kinds/shared_lock exact -- in memory that other processes could map
    uint64_t entries;
};

struct bank {
    const struct io *io;
    pthread_mutex_t checked_lock; // lock: kinds/checked_lock exact
    pthread_mutex_t robust_lock;  // lock: kinds/robust_lock exact
    struct ledger_page *page;
    uint64_t checks, bookings;
};

static struct tally checked = TALLY("kinds/checked_lock");
static struct tally robust = TALLY("kinds/robust_lock");
static struct tally shared = TALLY("kinds/shared_lock");

static void book(void *service, unsigned worker, uint64_t turn)
{
    struct bank *bank = service;
    tally_ask(&checked);
    int error = pthread_mutex_lock(&bank->checked_lock); // acquire: kinds/checked_lock
    if (!worker_check(error, "pthread_mutex_lock"))
        return;
    tally_take(&checked);
    bank->checks += checksum(worker, turn) % 2;
    io_wait(bank->io, 0.5);
    tally_leave(&checked);
    pthread_mutex_unlock(&bank->checked_lock);

    tally_ask(&robust);
    error = pthread_mutex_lock(&bank->robust_lock); // acquire: kinds/robust_lock
    if (!worker_check(error, "pthread_mutex_lock"))
        return;
    tally_take(&robust);
    bank->bookings++;
    io_wait(bank->io, IO_FIRST);
    tally_leave(&robust);
    pthread_mutex_unlock(&bank->robust_lock);

    struct ledger_page *page = bank->page;
    tally_ask(&shared);
    pthread_mutex_lock(&page->shared_lock); // acquire: kinds/shared_lock
    tally_take(&shared);
    page->entries++;
    io_wait(bank->io, 1);
    tally_leave(&shared);
    pthread_mutex_unlock(&page->shared_lock);
}

static void make_locks(struct bank *bank)
{
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&bank->checked_lock, &kind); // init: kinds/checked_lock
    tally_made(&checked);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_DEFAULT);
    pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&bank->robust_lock, &kind); // init: kinds/robust_lock
    tally_made(&robust);
    pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_STALLED);
    pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&bank->page->shared_lock, &kind); // init: kinds/shared_lock
    tally_made(&shared);
    pthread_mutexattr_destroy(&kind);
}

void kinds_serve(struct phase *phase)
{
    struct bank bank = {.io = phase_io(phase)};
    bank.page = mmap(NULL, sizeof *bank.page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (bank.page == MAP_FAILED)
        abort();
    make_locks(&bank);
    phase_run(phase, book, &bank);
    pthread_mutex_destroy(&bank.page->shared_lock);
    pthread_mutex_destroy(&bank.robust_lock);
    pthread_mutex_destroy(&bank.checked_lock);
    munmap(bank.page, sizeof *bank.page);
}
