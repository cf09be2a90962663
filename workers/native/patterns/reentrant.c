/* SPDX-License-Identifier: Apache-2.0 */
/* Bookings that lock the journal in every layer, three deep: each function is safe to call by itself. */
#include "native/patterns/patterns.h"

#define ENTRIES_KEPT 128

struct journal {
    const struct io *io;
    pthread_mutex_t journal_lock; // lock: reentrant/journal_lock exact
    pthread_mutex_t balance_lock; // lock: reentrant/balance_lock exact
    uint32_t entries[ENTRIES_KEPT];
    uint64_t balance;
};

static struct tally entries = TALLY("reentrant/journal_lock");
static struct tally balance = TALLY("reentrant/balance_lock");

static void sync_journal(struct journal *j)
{
    tally_ask(&entries);
    pthread_mutex_lock(&j->journal_lock); // acquire: reentrant/journal_lock
    tally_take(&entries);
    io_wait(j->io, IO_FIRST);
    tally_leave(&entries);
    pthread_mutex_unlock(&j->journal_lock);
}

static void write_entry(struct journal *j, unsigned worker, uint64_t turn)
{
    tally_ask(&entries);
    pthread_mutex_lock(&j->journal_lock); // acquire: reentrant/journal_lock
    tally_take(&entries);
    j->entries[turn % ENTRIES_KEPT] = checksum(worker, turn);
    sync_journal(j);
    tally_leave(&entries);
    pthread_mutex_unlock(&j->journal_lock);
}

static void add_amount(struct journal *j, uint64_t amount)
{
    tally_ask(&balance);
    pthread_mutex_lock(&j->balance_lock); // acquire: reentrant/balance_lock
    tally_take(&balance);
    j->balance += amount;
    io_wait(j->io, 1);
    tally_leave(&balance);
    pthread_mutex_unlock(&j->balance_lock);
}

static void book(void *service, unsigned worker, uint64_t turn)
{
    struct journal *j = service;
    tally_ask(&entries);
    pthread_mutex_lock(&j->journal_lock); // acquire: reentrant/journal_lock
    tally_take(&entries);
    write_entry(j, worker, turn);
    tally_leave(&entries);
    pthread_mutex_unlock(&j->journal_lock);

    tally_ask(&balance);
    pthread_mutex_lock(&j->balance_lock); // acquire: reentrant/balance_lock
    tally_take(&balance);
    add_amount(j, turn % 7);
    tally_leave(&balance);
    pthread_mutex_unlock(&j->balance_lock);
}

void reentrant_serve(struct phase *phase)
{
    struct journal journal = {.io = phase_io(phase)};
    pthread_mutexattr_t recursive;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&journal.journal_lock, &recursive); // init: reentrant/journal_lock
    tally_made(&entries);
    pthread_mutex_init(&journal.balance_lock, &recursive); // init: reentrant/balance_lock
    tally_made(&balance);
    pthread_mutexattr_destroy(&recursive);
    phase_run(phase, book, &journal);
    pthread_mutex_destroy(&journal.balance_lock);
    pthread_mutex_destroy(&journal.journal_lock);
}
