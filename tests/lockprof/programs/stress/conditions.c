/* SPDX-License-Identifier: Apache-2.0 */
/* Condition variables under load, a wait that is cancelled, and one that times out.
 *
 * Prints `QUEUE GATE CANCELLED`: acquires of the three mutexes, returns of waits included. The cancelled wait acquires
 * its mutex without returning: it is not in the number. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ITEMS 3000
#define THREADS 3

static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queue_changed = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t cancelled_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static int queued, consumed, waiting;
static unsigned long queue_acquires, gate_acquires, cancelled_acquires; /* each under its lock */

static void *consume(void *unused)
{
    pthread_mutex_lock(&queue_lock);
    queue_acquires++;
    while (consumed < ITEMS) {
        if (queued == 0) {
            pthread_cond_wait(&queue_changed, &queue_lock);
            queue_acquires++;
            continue;
        }
        queued--;
        consumed++;
        if (consumed == ITEMS)
            pthread_cond_broadcast(&queue_changed);
    }
    pthread_mutex_unlock(&queue_lock);
    return unused;
}

static void *produce(void *unused)
{
    for (int i = 0; i < ITEMS; i++) {
        pthread_mutex_lock(&queue_lock);
        queue_acquires++;
        queued++;
        pthread_cond_signal(&queue_changed);
        pthread_mutex_unlock(&queue_lock);
    }
    return unused;
}

static void time_out(void)
{
    struct timespec past = {1, 0};
    pthread_mutex_lock(&gate_lock);
    gate_acquires++;
    for (int i = 0; i < 50; i++) {
        pthread_cond_timedwait(&never, &gate_lock, &past);
        gate_acquires++;
    }
    pthread_mutex_unlock(&gate_lock);
}

/* The mutex is held: it is re-acquired before the first handler runs. */
static void give_back(void *lock)
{
    if (pthread_mutex_unlock(lock) != 0)
        abort();
}

static void *wait_for_ever(void *unused)
{
    pthread_mutex_lock(&cancelled_lock);
    cancelled_acquires++;
    waiting = 1;
    pthread_cleanup_push(give_back, &cancelled_lock);
    for (;;)
        pthread_cond_wait(&never, &cancelled_lock);
    pthread_cleanup_pop(1);
    return unused;
}

static void cancel(void)
{
    pthread_t thread;
    void *result;
    int seen = 0;
    waiting = 0;
    if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
        abort();
    while (!seen) {
        pthread_mutex_lock(&cancelled_lock);
        cancelled_acquires++;
        seen = waiting;
        pthread_mutex_unlock(&cancelled_lock);
        sched_yield();
    }
    pthread_cancel(thread);
    if (pthread_join(thread, &result) != 0 || result != PTHREAD_CANCELED)
        abort();
    pthread_mutex_lock(&cancelled_lock);
    cancelled_acquires++;
    pthread_mutex_unlock(&cancelled_lock);
}

int main(void)
{
    pthread_t consumers[THREADS], producer;
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&consumers[i], NULL, consume, NULL) != 0)
            abort();
    if (pthread_create(&producer, NULL, produce, NULL) != 0)
        abort();
    for (int i = 0; i < THREADS; i++)
        pthread_join(consumers[i], NULL);
    pthread_join(producer, NULL);
    time_out();
    for (int i = 0; i < 20; i++)
        cancel();
    printf("%lu %lu %lu\n", queue_acquires, gate_acquires, cancelled_acquires);
    return 0;
}
