/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of locks other than the plain mutex, and the calls other than lock(). */
#include "patterns.h"

#include <semaphore.h>
#include <stdbool.h>
#include <stdlib.h>
#include <threads.h>
#include <time.h>

struct pool {
    int size;
    pthread_rwlock_t members_lock; /* decl: rwlock_member */
    sem_t free_slots;              /* decl: sem_member */
    pthread_spinlock_t stats_spin; /* decl: spin_member */
    mtx_t queue_mtx;               /* decl: mtx_member */
    pthread_mutex_t state_lock;    /* decl: cond */
    pthread_cond_t state_changed;
    pthread_mutex_t try_lock;  /* decl: trylock */
    pthread_mutex_t time_lock; /* decl: timedlock */
    int state;
};

static sem_t start_gate;                /* decl: sem_static */
static pthread_spinlock_t counter_spin; /* decl: spin_static */
static mtx_t registry_mtx;              /* decl: mtx_static */

static unsigned long uses;

static struct pool *pool_new(void)
{
    struct pool *pool = calloc(1, sizeof(*pool));
    if (!pool)
        abort();
    return pool;
}

static struct timespec in_a_minute(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    time.tv_sec += 60;
    return time;
}

static unsigned run_rwlock_member(void)
{
    struct pool *pool = pool_new();
    pthread_rwlock_init(&pool->members_lock, NULL); /* call: rwlock_member */
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_rwlock_wrlock(&pool->members_lock); /* call: rwlock_member */
        pool->size++;
        pthread_rwlock_unlock(&pool->members_lock);
        pthread_rwlock_tryrdlock(&pool->members_lock); /* call: rwlock_member */
        uses += (unsigned long)pool->size;
        pthread_rwlock_unlock(&pool->members_lock);
    }
    pthread_rwlock_destroy(&pool->members_lock);
    free(pool);
    return 2 * ROUNDS;
}

static unsigned run_sem_member(void)
{
    struct pool *pool = pool_new();
    sem_init(&pool->free_slots, 0, 1); /* call: sem_member */
    for (unsigned i = 0; i < ROUNDS; i++) {
        sem_wait(&pool->free_slots); /* call: sem_member */
        pool->size++;
        sem_post(&pool->free_slots);
    }
    sem_destroy(&pool->free_slots);
    free(pool);
    return ROUNDS;
}

static unsigned run_sem_static(void)
{
    sem_init(&start_gate, 0, ROUNDS); /* call: sem_static */
    for (unsigned i = 0; i < ROUNDS; i++)
        sem_wait(&start_gate); /* call: sem_static */
    sem_destroy(&start_gate);
    return ROUNDS;
}

static unsigned run_spin_member(void)
{
    struct pool *pool = pool_new();
    pthread_spin_init(&pool->stats_spin, PTHREAD_PROCESS_PRIVATE); /* call: spin_member */
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_spin_lock(&pool->stats_spin); /* call: spin_member */
        pool->size++;
        pthread_spin_unlock(&pool->stats_spin);
    }
    pthread_spin_destroy(&pool->stats_spin);
    free(pool);
    return ROUNDS;
}

static unsigned run_spin_static(void)
{
    pthread_spin_init(&counter_spin, PTHREAD_PROCESS_PRIVATE); /* call: spin_static */
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_spin_lock(&counter_spin); /* call: spin_static */
        uses++;
        pthread_spin_unlock(&counter_spin);
    }
    return ROUNDS;
}

static unsigned run_mtx_member(void)
{
    struct pool *pool = pool_new();
    mtx_init(&pool->queue_mtx, mtx_plain); /* call: mtx_member */
    for (unsigned i = 0; i < ROUNDS; i++) {
        mtx_lock(&pool->queue_mtx); /* call: mtx_member */
        pool->size++;
        mtx_unlock(&pool->queue_mtx);
    }
    mtx_destroy(&pool->queue_mtx);
    free(pool);
    return ROUNDS;
}

static unsigned run_mtx_static(void)
{
    mtx_init(&registry_mtx, mtx_recursive); /* call: mtx_static */
    for (unsigned i = 0; i < ROUNDS; i++) {
        mtx_lock(&registry_mtx);    /* call: mtx_static */
        mtx_trylock(&registry_mtx); /* call: mtx_static */
        uses++;
        mtx_unlock(&registry_mtx);
        mtx_unlock(&registry_mtx);
    }
    mtx_destroy(&registry_mtx);
    return 2 * ROUNDS;
}

static void *change_state(void *argument)
{
    struct pool *pool = argument;
    pthread_mutex_lock(&pool->state_lock); /* call: cond */
    pool->state = 1;
    pthread_cond_signal(&pool->state_changed);
    pthread_mutex_unlock(&pool->state_lock);
    return NULL;
}

/* Each return of a wait is an acquire more; the changing thread's is one, too. */
static unsigned run_cond(void)
{
    struct pool *pool = pool_new();
    unsigned acquires = 2;
    pthread_t thread;
    pthread_mutex_init(&pool->state_lock, NULL); /* call: cond */
    pthread_cond_init(&pool->state_changed, NULL);
    pthread_mutex_lock(&pool->state_lock); /* call: cond */
    if (pthread_create(&thread, NULL, change_state, pool) != 0)
        abort();
    struct timespec until = in_a_minute();
    while (pool->state == 0) {
        pthread_cond_timedwait(&pool->state_changed, &pool->state_lock, &until); /* call: cond */
        acquires++;
    }
    pthread_mutex_unlock(&pool->state_lock);
    pthread_join(thread, NULL);
    free(pool);
    return acquires;
}

/* In a function of its own: gcc 12 loses track of `pool` where pool_new() is inlined before the loop. */
__attribute__((noinline)) static void pool_try(struct pool *pool)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (pthread_mutex_trylock(&pool->try_lock) == 0) /* call: trylock */
            pool->size++;
        if (pthread_mutex_trylock(&pool->try_lock) == 0) /* call: trylock */
            abort();
        pthread_mutex_unlock(&pool->try_lock);
    }
}

static unsigned run_trylock(void)
{
    struct pool *pool = pool_new();
    pool_try(pool);
    free(pool);
    return ROUNDS;
}

static unsigned run_timedlock(void)
{
    struct pool *pool = pool_new();
    struct timespec until = in_a_minute(), past = {1, 0};
    for (unsigned i = 0; i < ROUNDS; i++) {
        pthread_mutex_timedlock(&pool->time_lock, &until); /* call: timedlock */
        pool->size++;
        if (pthread_mutex_timedlock(&pool->time_lock, &past) == 0) /* call: timedlock */
            abort();
        pthread_mutex_unlock(&pool->time_lock);
        pthread_mutex_clocklock(&pool->time_lock, CLOCK_REALTIME, &until); /* call: timedlock */
        pthread_mutex_unlock(&pool->time_lock);
    }
    free(pool);
    return 2 * ROUNDS;
}

const struct pattern kind_patterns[] = {
    {"rwlock_member", run_rwlock_member},
    {"sem_member", run_sem_member},
    {"sem_static", run_sem_static},
    {"spin_member", run_spin_member},
    {"spin_static", run_spin_static},
    {"mtx_member", run_mtx_member},
    {"mtx_static", run_mtx_static},
    {"cond", run_cond},
    {"trylock", run_trylock},
    {"timedlock", run_timedlock},
    {NULL, NULL},
};
