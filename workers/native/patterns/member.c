/* SPDX-License-Identifier: Apache-2.0 */
/* Visitors' sessions with a cache before them: two locks in members of one object. */
#include "native/patterns/patterns.h"

#include <stdlib.h>

#define CACHE_ENTRIES 128

struct session_store {
    const struct io *io;
    uint64_t visits;
    pthread_mutex_t user_session_lock; // lock: member/user_session_lock exact
    uint32_t last_page;
    pthread_mutex_t cache_lock; // lock: member/cache_lock exact
    uint32_t cache[CACHE_ENTRIES];
};

static struct tally session = TALLY("member/user_session_lock");
static struct tally cache = TALLY("member/cache_lock");

static struct session_store *session_store_new(const struct io *io)
{
    struct session_store *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    s->io = io;
    pthread_mutex_init(&s->user_session_lock, NULL); // init: member/user_session_lock
    tally_made(&session);
    pthread_mutex_init(&s->cache_lock, NULL); // init: member/cache_lock
    tally_made(&cache);
    return s;
}

static void session_store_free(struct session_store *s)
{
    pthread_mutex_destroy(&s->cache_lock);
    pthread_mutex_destroy(&s->user_session_lock);
    free(s);
}

static uint32_t read_page(struct session_store *s, uint32_t page)
{
    tally_ask(&cache);
    pthread_mutex_lock(&s->cache_lock); // acquire: member/cache_lock
    tally_take(&cache);
    if (s->cache[page] == 0)
        s->cache[page] = checksum(page, page);
    uint32_t content = s->cache[page];
    io_wait(s->io, IO_FIRST);
    tally_leave(&cache);
    pthread_mutex_unlock(&s->cache_lock);
    return content;
}

static void visit(void *service, unsigned worker, uint64_t turn)
{
    struct session_store *s = service;
    uint32_t content = read_page(s, (uint32_t)(turn % CACHE_ENTRIES));

    tally_ask(&session);
    pthread_mutex_lock(&s->user_session_lock); // acquire: member/user_session_lock
    tally_take(&session);
    s->visits++;
    s->last_page = content ^ worker;
    io_wait(s->io, 1);
    tally_leave(&session);
    pthread_mutex_unlock(&s->user_session_lock);
}

void member_serve(struct phase *phase)
{
    struct session_store *store = session_store_new(phase_io(phase));
    phase_run(phase, visit, store);
    session_store_free(store);
}
