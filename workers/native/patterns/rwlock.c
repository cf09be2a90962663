/* SPDX-License-Identifier: Apache-2.0 */
/* A price list that many read and few change: a lock for readers and writers in a member, and a static one. */
#include "native/patterns/patterns.h"

#define PRICES 64

struct price_list {
    const struct io *io;
    pthread_rwlock_t price_lock; // lock: rwlock/price_lock exact
    uint32_t prices[PRICES];
};

static pthread_rwlock_t route_lock = PTHREAD_RWLOCK_INITIALIZER; // lock: rwlock/route_lock exact symbol
static uint32_t routes[PRICES];

static struct tally prices = TALLY_SHARED("rwlock/price_lock");
static struct tally route = TALLY_SHARED("rwlock/route_lock");

static uint32_t price_of(struct price_list *list, size_t article)
{
    tally_ask(&prices);
    pthread_rwlock_rdlock(&list->price_lock); // acquire: rwlock/price_lock
    tally_take(&prices);
    uint32_t price = list->prices[article];
    io_wait(list->io, 0.4);
    tally_leave(&prices);
    pthread_rwlock_unlock(&list->price_lock);
    return price;
}

static void set_price(struct price_list *list, size_t article, uint32_t price)
{
    tally_ask_all(&prices);
    pthread_rwlock_wrlock(&list->price_lock); // acquire: rwlock/price_lock
    tally_take_all(&prices);
    list->prices[article] = price;
    io_wait(list->io, 0.6);
    tally_leave_all(&prices);
    pthread_rwlock_unlock(&list->price_lock);
}

static void set_route(const struct io *io, size_t article, uint32_t by)
{
    tally_ask_all(&route);
    pthread_rwlock_wrlock(&route_lock); // acquire: rwlock/route_lock
    tally_take_all(&route);
    routes[article] = by;
    io_wait(io, 1);
    tally_leave_all(&route);
    pthread_rwlock_unlock(&route_lock);
}

static void trade(void *service, unsigned worker, uint64_t turn)
{
    struct price_list *list = service;
    size_t article = turn % PRICES;
    uint32_t price = price_of(list, article);
    set_price(list, article, price + worker);
    set_route(list->io, article, checksum(worker, turn));
}

void rwlock_serve(struct phase *phase)
{
    struct price_list list = {.io = phase_io(phase)};
    tally_at(&route, &route_lock);
    pthread_rwlock_init(&list.price_lock, NULL); // init: rwlock/price_lock
    tally_made(&prices);
    phase_run(phase, trade, &list);
    pthread_rwlock_destroy(&list.price_lock);
}
