/* SPDX-License-Identifier: Apache-2.0 */
/* Unlocking in other orders than the stack's, and by other threads.
 *
 * `first_lock` and `second_lock`: 1,000 times each, released in the order in which they were acquired.
 * `handed_lock`: acquired 5,000 times by one thread, released by another.
 * `after_lock`: 1,000 times by the thread that never released `handed_lock`, afterwards.
 * `slow_lock`: held 5 times for 20 ms. `wanted_lock`: held for 30 ms while another thread waits, 5 times.
 * Prints `WANTED_WAIT_NS SLOW_HOLD_NS`, upper bounds as the program saw them. */
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static pthread_mutex_t first_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t second_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t handed_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t after_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t slow_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t wanted_lock = PTHREAD_MUTEX_INITIALIZER;
static sem_t handed, given, about_to_wait;
static uint64_t waited;

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void pause_ms(long milliseconds)
{
    struct timespec time = {0, milliseconds * 1000000};
    nanosleep(&time, NULL);
}

static void in_order(void)
{
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&first_lock);
        pthread_mutex_lock(&second_lock);
        pthread_mutex_unlock(&first_lock);
        pthread_mutex_unlock(&second_lock);
    }
}

static void *release(void *unused)
{
    for (int i = 0; i < 5000; i++) {
        while (sem_wait(&handed) != 0)
            ;
        pthread_mutex_unlock(&handed_lock);
        sem_post(&given);
    }
    return unused;
}

static void *acquire(void *unused)
{
    for (int i = 0; i < 5000; i++) {
        pthread_mutex_lock(&handed_lock);
        sem_post(&handed);
        while (sem_wait(&given) != 0)
            ;
    }
    for (int i = 0; i < 1000; i++) {
        pthread_mutex_lock(&after_lock);
        pthread_mutex_unlock(&after_lock);
    }
    return unused;
}

static void *want(void *unused)
{
    for (int i = 0; i < 5; i++) {
        uint64_t start = now();
        sem_post(&about_to_wait);
        pthread_mutex_lock(&wanted_lock);
        waited += now() - start;
        pthread_mutex_unlock(&wanted_lock);
        while (sem_wait(&given) != 0)
            ;
    }
    return unused;
}

static void contend(void)
{
    pthread_t thread;
    pthread_mutex_lock(&wanted_lock);
    if (pthread_create(&thread, NULL, want, NULL) != 0)
        abort();
    for (int i = 0; i < 5; i++) {
        while (sem_wait(&about_to_wait) != 0)
            ;
        pause_ms(30);
        pthread_mutex_unlock(&wanted_lock);
        pause_ms(5); /* the other one gets it */
        pthread_mutex_lock(&wanted_lock);
        sem_post(&given);
    }
    pthread_mutex_unlock(&wanted_lock);
    pthread_join(thread, NULL);
}

int main(void)
{
    pthread_t threads[2];
    sem_init(&handed, 0, 0);
    sem_init(&given, 0, 0);
    sem_init(&about_to_wait, 0, 0);
    in_order();
    if (pthread_create(&threads[0], NULL, acquire, NULL) != 0 || pthread_create(&threads[1], NULL, release, NULL) != 0)
        abort();
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    uint64_t start = now();
    for (int i = 0; i < 5; i++) {
        pthread_mutex_lock(&slow_lock);
        pause_ms(20);
        pthread_mutex_unlock(&slow_lock);
    }
    uint64_t held = now() - start;
    contend();
    printf("%llu %llu\n", (unsigned long long)waited, (unsigned long long)held);
    return 0;
}
