/* SPDX-License-Identifier: Apache-2.0 */
/* 4 threads add to one number under each kind of lock, by lock and by trylock: nothing may be lost. Mutexes are looked
 * at while they are held and afterwards as well: what libc keeps in them is of use to debuggers and to libc itself.
 *
 * Prints `KIND ACQUIRES` for each; leaves with 1 where exclusion fails. */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <threads.h>
#include <unistd.h>

#define THREADS 4
#define TIMES 20000

static pthread_mutex_t normal_lock, recursive_lock, checking_lock, adaptive_lock, inheriting_lock, robust_lock,
    shared_lock;
static pthread_rwlock_t rw_lock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spin_lock;
static sem_t semaphore_lock;
static mtx_t c11_lock;
static volatile unsigned long number;

static int mutex_take(void *lock)
{
    pthread_mutex_t *mutex = lock;
    int result = number % 3 ? pthread_mutex_lock(mutex) : pthread_mutex_trylock(mutex);
    if (result == 0 && mutex->__data.__owner != gettid()) {
        fprintf(stderr, "owner %d, thread %d\n", mutex->__data.__owner, gettid());
        exit(1);
    }
    return result;
}

static int mutex_give(void *lock)
{
    return pthread_mutex_unlock(lock);
}

static int rw_take(void *lock)
{
    return number % 3 ? pthread_rwlock_wrlock(lock) : pthread_rwlock_trywrlock(lock);
}

static int rw_give(void *lock)
{
    return pthread_rwlock_unlock(lock);
}

static int spin_take(void *lock)
{
    return number % 3 ? pthread_spin_lock(lock) : pthread_spin_trylock(lock);
}

static int spin_give(void *lock)
{
    return pthread_spin_unlock(lock);
}

static int semaphore_take(void *lock)
{
    return number % 3 ? sem_wait(lock) : sem_trywait(lock);
}

static int semaphore_give(void *lock)
{
    return sem_post(lock);
}

static int c11_take(void *lock)
{
    return number % 3 ? mtx_lock(lock) : mtx_trylock(lock);
}

static int c11_give(void *lock)
{
    return mtx_unlock(lock);
}

static const struct kind {
    const char *name;
    void *lock;
    int (*take)(void *), (*give)(void *);
    int is_mutex;
} kinds[] = {
    {"normal_lock", &normal_lock, mutex_take, mutex_give, 1},
    {"recursive_lock", &recursive_lock, mutex_take, mutex_give, 1},
    {"checking_lock", &checking_lock, mutex_take, mutex_give, 1},
    {"adaptive_lock", &adaptive_lock, mutex_take, mutex_give, 1},
    {"inheriting_lock", &inheriting_lock, mutex_take, mutex_give, 1},
    {"robust_lock", &robust_lock, mutex_take, mutex_give, 1},
    {"shared_lock", &shared_lock, mutex_take, mutex_give, 1},
    {"rw_lock", &rw_lock, rw_take, rw_give, 0},
    {"spin_lock", (void *)&spin_lock, spin_take, spin_give, 0},
    {"semaphore_lock", &semaphore_lock, semaphore_take, semaphore_give, 0},
    {"c11_lock", &c11_lock, c11_take, c11_give, 0},
};

static void *add(void *argument)
{
    const struct kind *kind = argument;
    for (int i = 0; i < TIMES; i++) {
        while (kind->take(kind->lock) != 0)
            sched_yield();
        number = number + 1;
        if (kind->give(kind->lock) != 0)
            exit(1);
    }
    return NULL;
}

static void make(pthread_mutex_t *mutex, int type, int protocol, int robust, int shared)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    if (pthread_mutexattr_settype(&attributes, type) != 0 ||
        pthread_mutexattr_setprotocol(&attributes, protocol) != 0 ||
        pthread_mutexattr_setrobust(&attributes, robust) != 0 ||
        pthread_mutexattr_setpshared(&attributes, shared) != 0 || pthread_mutex_init(mutex, &attributes) != 0)
        exit(2);
    pthread_mutexattr_destroy(&attributes);
}

static void make_all(void)
{
    make(&normal_lock, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, 0, 0);
    make(&recursive_lock, PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, 0, 0);
    make(&checking_lock, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, 0, 0);
    make(&adaptive_lock, PTHREAD_MUTEX_ADAPTIVE_NP, PTHREAD_PRIO_NONE, 0, 0);
    make(&inheriting_lock, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, 0, 0);
    make(&robust_lock, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST, 0);
    make(&shared_lock, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, 0, PTHREAD_PROCESS_SHARED);
    pthread_spin_init(&spin_lock, 0);
    sem_init(&semaphore_lock, 0, 1);
    mtx_init(&c11_lock, mtx_plain);
}

int main(void)
{
    make_all();
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        pthread_t threads[THREADS];
        number = 0;
        for (int k = 0; k < THREADS; k++)
            if (pthread_create(&threads[k], NULL, add, (void *)&kinds[i]) != 0)
                exit(2);
        for (int k = 0; k < THREADS; k++)
            pthread_join(threads[k], NULL);
        printf("%s %lu\n", kinds[i].name, number);
        if (number != THREADS * TIMES)
            return 1;
        const pthread_mutex_t *mutex = kinds[i].lock;
        if (kinds[i].is_mutex && (mutex->__data.__owner || mutex->__data.__nusers || mutex->__data.__lock))
            return 1;
    }
    return 0;
}
