/* SPDX-License-Identifier: Apache-2.0 */
/* Two queues whose structs chose the same name for their lock: only the sites tell them apart. */
#include "native/patterns/patterns.h"

struct mail_queue {
    uint32_t last;
    pthread_mutex_t queue_lock; // lock: shared_name/mail_queue.queue_lock exact
};

struct print_queue {
    pthread_mutex_t queue_lock; // lock: shared_name/print_queue.queue_lock exact
    uint32_t last, pages;
};

struct office {
    const struct io *io;
    struct mail_queue mail;
    struct print_queue printer;
};

static struct tally mailing = TALLY("shared_name/mail_queue.queue_lock");
static struct tally printing = TALLY("shared_name/print_queue.queue_lock");

static void mail_push(struct mail_queue *queue, const struct io *io, uint32_t letter)
{
    tally_ask(&mailing);
    pthread_mutex_lock(&queue->queue_lock); // acquire: shared_name/mail_queue.queue_lock
    tally_take(&mailing);
    queue->last = letter;
    io_wait(io, IO_FIRST);
    tally_leave(&mailing);
    pthread_mutex_unlock(&queue->queue_lock);
}

static void print_push(struct print_queue *queue, const struct io *io, uint32_t page)
{
    tally_ask(&printing);
    pthread_mutex_lock(&queue->queue_lock); // acquire: shared_name/print_queue.queue_lock
    tally_take(&printing);
    queue->last = page;
    queue->pages++;
    io_wait(io, 1);
    tally_leave(&printing);
    pthread_mutex_unlock(&queue->queue_lock);
}

static void push(void *service, unsigned worker, uint64_t turn)
{
    struct office *office = service;
    mail_push(&office->mail, office->io, checksum(worker, turn));
    print_push(&office->printer, office->io, checksum(turn, worker));
}

void shared_name_serve(struct phase *phase)
{
    struct office office = {.io = phase_io(phase)};
    pthread_mutex_init(&office.mail.queue_lock, NULL); // init: shared_name/mail_queue.queue_lock
    tally_made(&mailing);
    pthread_mutex_init(&office.printer.queue_lock, NULL); // init: shared_name/print_queue.queue_lock
    tally_made(&printing);
    phase_run(phase, push, &office);
    pthread_mutex_destroy(&office.mail.queue_lock);
    pthread_mutex_destroy(&office.printer.queue_lock);
}
