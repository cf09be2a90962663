/* SPDX-License-Identifier: Apache-2.0 */
/* A server that has reports written by children: they take a lock that they have from it and one that they make
 * themselves, and end. What they take counts as the server's (runtime/shared.h). */
#include "native/patterns/patterns.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* In one phase, evenly. */
#define CHILDREN 4
#define LINES_EACH 5

struct server {
    const struct io *io;
    uint64_t every;             /* turns from one child to the next */
    pthread_mutex_t queue_lock; // lock: forks/queue_lock exact
    uint64_t queued;
    pthread_mutex_t report_lock; // lock: forks/report_lock exact uncontended
    uint32_t report;
};

/* Of the last two, one process at a time has them. */
static struct tally queue = TALLY("forks/queue_lock");
static struct tally report = TALLY("forks/report_lock");
static struct tally line = TALLY("forks/line_lock");

/* Not inlined: in a child no call that makes the lock is seen, so only this frame says which member it is. */
__attribute__((noinline)) static void add_to_report(struct server *s, uint32_t sum)
{
    tally_ask(&report);
    pthread_mutex_lock(&s->report_lock); // acquire: forks/report_lock
    tally_take(&report);
    s->report = checksum(s->report, sum);
    tally_leave(&report);
    pthread_mutex_unlock(&s->report_lock);
}

static uint32_t make_line(uint64_t number)
{
    pthread_mutex_t line_lock;            // lock: forks/line_lock exact uncontended
    pthread_mutex_init(&line_lock, NULL); // init: forks/line_lock
    tally_made(&line);
    tally_ask(&line);
    pthread_mutex_lock(&line_lock); // acquire: forks/line_lock
    tally_take(&line);
    uint32_t sum = checksum(number, number);
    tally_leave(&line);
    pthread_mutex_unlock(&line_lock);
    pthread_mutex_destroy(&line_lock);
    return sum;
}

static void write_report(struct server *s, uint64_t turn)
{
    add_to_report(s, (uint32_t)turn);
    pid_t child = fork();
    if (child == 0) {
        for (uint64_t i = 0; i < LINES_EACH; i++)
            add_to_report(s, make_line(turn + i));
        _exit(EXIT_SUCCESS);
    }
    int status = 0;
    pid_t ended;
    do
        ended = child < 0 ? child : waitpid(child, &status, 0);
    while (ended < 0 && errno == EINTR);
    if (!worker_check(ended < 0 ? errno : 0, child < 0 ? "fork" : "waitpid"))
        return;
    worker_check(status == 0 ? 0 : ECANCELED, "a child that writes a report");
}

static void take_order(void *server, unsigned worker, uint64_t turn)
{
    struct server *s = server;
    tally_ask(&queue);
    pthread_mutex_lock(&s->queue_lock); // acquire: forks/queue_lock
    tally_take(&queue);
    s->queued++;
    io_wait(s->io, 1);
    tally_leave(&queue);
    pthread_mutex_unlock(&s->queue_lock);
    if (worker == 0 && turn % s->every == 0)
        write_report(s, turn);
}

void forks_serve(struct phase *phase)
{
    struct server server = {.io = phase_io(phase)};
    server.every = server.io->iterations < CHILDREN ? 1 : server.io->iterations / CHILDREN;
    pthread_mutex_init(&server.queue_lock, NULL); // init: forks/queue_lock
    tally_made(&queue);
    pthread_mutex_init(&server.report_lock, NULL); // init: forks/report_lock
    tally_made(&report);
    phase_run(phase, take_order, &server);
    pthread_mutex_destroy(&server.report_lock);
    pthread_mutex_destroy(&server.queue_lock);
}
