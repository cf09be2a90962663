/* SPDX-License-Identifier: Apache-2.0 */
/* A journal with group commit: a writer waits a moment for others, so that one flush serves several of them. The end of
 * each wait takes the lock again, and that is an acquire. */
#include "native/patterns/patterns.h"

#include <time.h>

#define GROUP 2
#define GROUP_WAIT_NS 500000
#define NS_PER_S 1000000000

struct journal {
    const struct io *io;
    pthread_mutex_t commit_lock; // lock: condition/commit_lock exact
    pthread_cond_t committed;
    unsigned pending;
    uint32_t flushed;
};

static struct tally commits = TALLY("condition/commit_lock");

/* Holding the lock. */
static void wait_for_others(struct journal *j)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += GROUP_WAIT_NS;
    until.tv_sec += until.tv_nsec / NS_PER_S;
    until.tv_nsec %= NS_PER_S;
    tally_park(&commits);
    pthread_cond_timedwait(&j->committed, &j->commit_lock, &until); // acquire: condition/commit_lock
    tally_unpark(&commits);
}

static void commit(void *service, unsigned worker, uint64_t turn)
{
    struct journal *j = service;
    tally_ask(&commits);
    pthread_mutex_lock(&j->commit_lock); // acquire: condition/commit_lock
    tally_take(&commits);
    j->pending++;
    j->flushed = checksum(worker, turn);
    io_wait(j->io, 1);
    if (j->pending < GROUP)
        wait_for_others(j);
    j->pending = 0;
    pthread_cond_broadcast(&j->committed);
    tally_leave(&commits);
    pthread_mutex_unlock(&j->commit_lock);
}

void condition_serve(struct phase *phase)
{
    struct journal journal = {.io = phase_io(phase)};
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&journal.commit_lock, NULL); // init: condition/commit_lock
    tally_made(&commits);
    pthread_cond_init(&journal.committed, &attributes);
    pthread_condattr_destroy(&attributes);
    phase_run(phase, commit, &journal);
    pthread_cond_destroy(&journal.committed);
    pthread_mutex_destroy(&journal.commit_lock);
}
