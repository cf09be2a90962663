/* SPDX-License-Identifier: Apache-2.0 */
/* A vault that hides its locks. C has no private members and mangles no names: what is hidden is the struct, which only
 * this file knows, and the underscores are the custom of libraries that say "not yours". So both names are exact. */
#include "native/patterns/patterns.h"

#include <stdlib.h>

#define SECRETS_KEPT 32

struct vault {
    const struct io *_io;
    pthread_mutex_t _internal_lock; // lock: private/_internal_lock exact
    pthread_mutex_t __private_lock; // lock: private/__private_lock exact -- nothing mangles it in C
    uint64_t _reads;
    uint32_t __secrets[SECRETS_KEPT];
};

static struct tally internal = TALLY("private/_internal_lock");
static struct tally hidden = TALLY("private/__private_lock");

static void rotate(void *service, unsigned worker, uint64_t turn)
{
    struct vault *v = service;
    tally_ask(&internal);
    pthread_mutex_lock(&v->_internal_lock); // acquire: private/_internal_lock
    tally_take(&internal);
    v->_reads++;
    io_wait(v->_io, IO_FIRST);
    tally_leave(&internal);
    pthread_mutex_unlock(&v->_internal_lock);

    tally_ask(&hidden);
    pthread_mutex_lock(&v->__private_lock); // acquire: private/__private_lock
    tally_take(&hidden);
    v->__secrets[turn % SECRETS_KEPT] = checksum(worker, turn);
    io_wait(v->_io, 1);
    tally_leave(&hidden);
    pthread_mutex_unlock(&v->__private_lock);
}

void private_serve(struct phase *phase)
{
    struct vault *vault = calloc(1, sizeof *vault);
    if (!vault)
        abort();
    vault->_io = phase_io(phase);
    pthread_mutex_init(&vault->_internal_lock, NULL); // init: private/_internal_lock
    tally_made(&internal);
    pthread_mutex_init(&vault->__private_lock, NULL); // init: private/__private_lock
    tally_made(&hidden);
    phase_run(phase, rotate, vault);
    pthread_mutex_destroy(&vault->__private_lock);
    pthread_mutex_destroy(&vault->_internal_lock);
    free(vault);
}
