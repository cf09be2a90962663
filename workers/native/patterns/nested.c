/* SPDX-License-Identifier: Apache-2.0 */
/* An order with its payment inside it and its customer behind a pointer: locks two levels away from the variable. */
#include "native/patterns/patterns.h"

#include <stdlib.h>

struct payment {
    uint64_t total;
    pthread_mutex_t payment_lock; // lock: nested/payment_lock exact -- order->payment.payment_lock
};

struct customer {
    pthread_mutex_t customer_lock; // lock: nested/customer_lock exact -- order->customer->customer_lock
    uint64_t orders;
};

struct order_form {
    const struct io *io;
    pthread_mutex_t order_lock; // lock: nested/order_lock exact
    uint64_t lines;
    struct payment payment;
    struct customer *customer;
};

static struct tally form = TALLY("nested/order_lock");
static struct tally payment = TALLY("nested/payment_lock");
static struct tally customer = TALLY("nested/customer_lock");

static void add_line(void *service, unsigned worker, uint64_t turn)
{
    struct order_form *order = service;
    tally_ask(&form);
    pthread_mutex_lock(&order->order_lock); // acquire: nested/order_lock
    tally_take(&form);
    order->lines++;
    io_wait(order->io, 0.5);
    tally_leave(&form);
    pthread_mutex_unlock(&order->order_lock);

    tally_ask(&payment);
    pthread_mutex_lock(&order->payment.payment_lock); // acquire: nested/payment_lock
    tally_take(&payment);
    order->payment.total += checksum(worker, turn) % 100;
    io_wait(order->io, IO_FIRST);
    tally_leave(&payment);
    pthread_mutex_unlock(&order->payment.payment_lock);

    tally_ask(&customer);
    pthread_mutex_lock(&order->customer->customer_lock); // acquire: nested/customer_lock
    tally_take(&customer);
    order->customer->orders++;
    io_wait(order->io, 1);
    tally_leave(&customer);
    pthread_mutex_unlock(&order->customer->customer_lock);
}

void nested_serve(struct phase *phase)
{
    struct order_form *order = calloc(1, sizeof *order);
    struct customer *buyer = calloc(1, sizeof *buyer);
    if (!order || !buyer)
        abort();
    order->io = phase_io(phase);
    order->customer = buyer;
    order->order_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    order->payment.payment_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    buyer->customer_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    phase_run(phase, add_line, order);
    pthread_mutex_destroy(&buyer->customer_lock);
    pthread_mutex_destroy(&order->payment.payment_lock);
    pthread_mutex_destroy(&order->order_lock);
    free(buyer);
    free(order);
}
