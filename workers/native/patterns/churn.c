/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions that come and go by the thousand: each has a lock of its own, in an object that lies elsewhere each time,
 * and each of their answers has one on the stack. All locks of one place are one lock of the ledger. */
#include "native/patterns/patterns.h"

#include <stdlib.h>

/* Of one thread: that live at once, and that come and go in one step. */
#define SESSIONS_KEPT 48
#define SESSIONS_EACH 16
/* Objects of many sizes do not take one another's place. */
#define DATA_MAX 1024

struct session {
    uint64_t number;
    pthread_mutex_t session_lock; // lock: churn/session_lock exact uncontended
    uint32_t sum;
    char data[];
};

struct desk {
    struct session *sessions[SESSIONS_KEPT];
    uint64_t number;
};

struct service {
    const struct io *io;
    struct desk *desks; /* one for each thread */
};

/* Nobody waits for anybody, since no two threads have the same one. */
static struct tally session = TALLY_SHARED("churn/session_lock");
static struct tally answer = TALLY_SHARED("churn/answer_lock");

static void session_free(struct session *s)
{
    if (!s)
        return;
    pthread_mutex_destroy(&s->session_lock);
    free(s);
}

static struct session *session_new(uint64_t number)
{
    struct session *s = malloc(sizeof *s + checksum(number, number) % DATA_MAX);
    if (!s)
        abort();
    s->number = number;
    pthread_mutex_init(&s->session_lock, NULL); // init: churn/session_lock
    tally_made(&session);
    return s;
}

static uint32_t session_visit(struct session *s)
{
    tally_ask(&session);
    pthread_mutex_lock(&s->session_lock); // acquire: churn/session_lock
    tally_take(&session);
    s->sum = checksum(s->number, SESSIONS_EACH);
    uint32_t sum = s->sum;
    tally_leave(&session);
    pthread_mutex_unlock(&s->session_lock);
    return sum;
}

static uint32_t write_answer(const struct io *io, uint32_t sum)
{
    pthread_mutex_t answer_lock;            // lock: churn/answer_lock exact uncontended
    pthread_mutex_init(&answer_lock, NULL); // init: churn/answer_lock
    tally_made(&answer);
    tally_ask(&answer);
    pthread_mutex_lock(&answer_lock); // acquire: churn/answer_lock
    tally_take(&answer);
    uint32_t text = checksum(sum, sum);
    io_wait(io, 1);
    tally_leave(&answer);
    pthread_mutex_unlock(&answer_lock);
    pthread_mutex_destroy(&answer_lock);
    return text;
}

static void serve_some(void *service, unsigned worker, uint64_t turn)
{
    struct service *s = service;
    struct desk *desk = &s->desks[worker];
    uint32_t sum = (uint32_t)turn;
    for (unsigned i = 0; i < SESSIONS_EACH; i++) {
        struct session **place = &desk->sessions[desk->number % SESSIONS_KEPT];
        session_free(*place);
        *place = session_new((uint64_t)worker << 48 | desk->number++);
        sum ^= session_visit(*place);
    }
    write_answer(s->io, sum);
}

void churn_serve(struct phase *phase)
{
    struct service service = {.io = phase_io(phase)};
    service.desks = calloc(service.io->threads, sizeof *service.desks);
    if (!service.desks)
        abort();
    phase_run(phase, serve_some, &service);
    for (unsigned i = 0; i < service.io->threads; i++)
        for (unsigned k = 0; k < SESSIONS_KEPT; k++)
            session_free(service.desks[i].sessions[k]);
    free(service.desks);
}
