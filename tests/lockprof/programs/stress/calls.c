/* SPDX-License-Identifier: Apache-2.0 */
/* A table of calls with every outcome they have: prints `WHAT RETURNED ERRNO` for each, and `acquires N` last: how many
 * were successful, with those made to set the scene. The calls' lines are the same with and without a profiler. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

/* No call that gives its error back may touch errno. */
#define UNTOUCHED 4711

static unsigned acquires;

/* `call` is done once; `acquired` is what it returns where it acquired something, -1: never. */
#define CALL(acquired, call)                                                                                           \
    do {                                                                                                               \
        errno = UNTOUCHED;                                                                                             \
        int returned_ = (call);                                                                                        \
        int errno_ = errno;                                                                                            \
        acquires += (acquired) >= 0 && returned_ == (acquired);                                                        \
        printf("%s %d %d\n", #call, returned_, errno_);                                                                \
    } while (0)
#define NEVER (-1)

static const struct timespec past = {1, 0}, impossible = {1, 2000000000};

static struct timespec soon(clockid_t clock, long milliseconds)
{
    struct timespec time;
    clock_gettime(clock, &time);
    time.tv_nsec += milliseconds * 1000000;
    time.tv_sec += time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}

static void in_thread(void *(*body)(void *), void *argument)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, body, argument) != 0 || pthread_join(thread, NULL) != 0)
        abort();
}

static void mutex_make(pthread_mutex_t *mutex, int type, int robust, int shared)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, type);
    pthread_mutexattr_setrobust(&attributes, robust);
    pthread_mutexattr_setpshared(&attributes, shared);
    if (pthread_mutex_init(mutex, &attributes) != 0)
        abort();
    pthread_mutexattr_destroy(&attributes);
}

/* The caller holds it. */
static void *other_thread_mutex(void *argument)
{
    pthread_mutex_t *mutex = argument;
    struct timespec wall = soon(CLOCK_REALTIME, 5), steady = soon(CLOCK_MONOTONIC, 5);
    CALL(0, pthread_mutex_trylock(mutex));
    CALL(0, pthread_mutex_timedlock(mutex, &past));
    CALL(0, pthread_mutex_timedlock(mutex, &wall));
    CALL(0, pthread_mutex_timedlock(mutex, &impossible));
    CALL(0, pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &steady));
    CALL(0, pthread_mutex_clocklock(mutex, 77, &steady));
    return NULL;
}

static void plain_mutex(void)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    struct timespec later = soon(CLOCK_MONOTONIC, 60000);
    CALL(0, pthread_mutex_lock(&mutex));
    in_thread(other_thread_mutex, &mutex);
    CALL(NEVER, pthread_mutex_unlock(&mutex));
    CALL(0, pthread_mutex_trylock(&mutex));
    CALL(NEVER, pthread_mutex_unlock(&mutex));
    CALL(0, pthread_mutex_timedlock(&mutex, &past));
    CALL(NEVER, pthread_mutex_unlock(&mutex));
    CALL(0, pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &later));
    CALL(NEVER, pthread_mutex_destroy(&mutex));
    CALL(NEVER, pthread_mutex_unlock(&mutex));
    CALL(NEVER, pthread_mutex_destroy(&mutex));
}

static void *other_thread_errorcheck(void *argument)
{
    CALL(NEVER, pthread_mutex_unlock(argument));
    return NULL;
}

static void checking_mutex(void)
{
    pthread_mutex_t mutex;
    mutex_make(&mutex, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
    CALL(NEVER, pthread_mutex_unlock(&mutex));
    CALL(0, pthread_mutex_lock(&mutex));
    CALL(0, pthread_mutex_lock(&mutex));
    CALL(0, pthread_mutex_timedlock(&mutex, &past));
    CALL(0, pthread_mutex_trylock(&mutex));
    in_thread(other_thread_errorcheck, &mutex);
    CALL(NEVER, pthread_mutex_unlock(&mutex));
    CALL(NEVER, pthread_mutex_destroy(&mutex));
}

static void recursive_mutex(void)
{
    pthread_mutex_t mutex;
    mutex_make(&mutex, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
    CALL(0, pthread_mutex_lock(&mutex));
    CALL(0, pthread_mutex_lock(&mutex));
    CALL(0, pthread_mutex_trylock(&mutex));
    CALL(0, pthread_mutex_timedlock(&mutex, &past));
    in_thread(other_thread_mutex, &mutex);
    for (int i = 0; i < 5; i++)
        CALL(NEVER, pthread_mutex_unlock(&mutex));
    CALL(NEVER, pthread_mutex_destroy(&mutex));
}

static void *die_holding(void *mutex)
{
    CALL(0, pthread_mutex_lock(mutex));
    return NULL;
}

/* EOWNERDEAD is an acquire. */
static void robust_mutex(void)
{
    pthread_mutex_t mutex;
    mutex_make(&mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE);
    in_thread(die_holding, &mutex);
    CALL(EOWNERDEAD, pthread_mutex_lock(&mutex));
    CALL(NEVER, pthread_mutex_consistent(&mutex));
    CALL(NEVER, pthread_mutex_unlock(&mutex));
    in_thread(die_holding, &mutex);
    CALL(EOWNERDEAD, pthread_mutex_trylock(&mutex));
    CALL(NEVER, pthread_mutex_unlock(&mutex));
    CALL(0, pthread_mutex_lock(&mutex));
    CALL(0, pthread_mutex_trylock(&mutex));
    CALL(0, pthread_mutex_timedlock(&mutex, &past));
    CALL(NEVER, pthread_mutex_destroy(&mutex));
}

static void shared_mutex(void)
{
    pthread_mutex_t *mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;
    mutex_make(mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_SHARED);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        _exit(pthread_mutex_lock(mutex));
    if (waitpid(pid, &status, 0) != pid || status != 0)
        abort();
    acquires++; /* the child's */
    CALL(EOWNERDEAD, pthread_mutex_lock(mutex));
    CALL(NEVER, pthread_mutex_consistent(mutex));
    CALL(NEVER, pthread_mutex_unlock(mutex));
    CALL(NEVER, pthread_mutex_destroy(mutex));
}

static void *other_thread_rwlock(void *argument)
{
    struct timespec steady = soon(CLOCK_MONOTONIC, 5);
    CALL(0, pthread_rwlock_tryrdlock(argument));
    CALL(0, pthread_rwlock_trywrlock(argument));
    CALL(0, pthread_rwlock_timedrdlock(argument, &past));
    CALL(0, pthread_rwlock_timedwrlock(argument, &past));
    CALL(0, pthread_rwlock_timedwrlock(argument, &impossible));
    CALL(0, pthread_rwlock_clockrdlock(argument, CLOCK_MONOTONIC, &steady));
    CALL(0, pthread_rwlock_clockwrlock(argument, CLOCK_MONOTONIC, &steady));
    return NULL;
}

static void rwlock(void)
{
    pthread_rwlock_t lock;
    CALL(NEVER, pthread_rwlock_init(&lock, NULL));
    CALL(0, pthread_rwlock_wrlock(&lock));
    CALL(0, pthread_rwlock_rdlock(&lock));
    CALL(0, pthread_rwlock_wrlock(&lock));
    in_thread(other_thread_rwlock, &lock);
    CALL(NEVER, pthread_rwlock_unlock(&lock));
    CALL(0, pthread_rwlock_rdlock(&lock));
    CALL(0, pthread_rwlock_tryrdlock(&lock));
    CALL(0, pthread_rwlock_timedrdlock(&lock, &past));
    CALL(0, pthread_rwlock_trywrlock(&lock));
    for (int i = 0; i < 3; i++)
        CALL(NEVER, pthread_rwlock_unlock(&lock));
    CALL(0, pthread_rwlock_trywrlock(&lock));
    CALL(NEVER, pthread_rwlock_unlock(&lock));
    CALL(NEVER, pthread_rwlock_destroy(&lock));
}

static void spin(void)
{
    pthread_spinlock_t lock;
    CALL(NEVER, pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE));
    CALL(0, pthread_spin_lock(&lock));
    CALL(0, pthread_spin_trylock(&lock));
    CALL(NEVER, pthread_spin_unlock(&lock));
    CALL(0, pthread_spin_trylock(&lock));
    CALL(NEVER, pthread_spin_unlock(&lock));
    CALL(NEVER, pthread_spin_destroy(&lock));
}

static void on_signal(int number)
{
    (void)number;
}

static void *interrupt(void *thread)
{
    struct timespec pause = {0, 20000000};
    nanosleep(&pause, NULL);
    pthread_kill(*(pthread_t *)thread, SIGUSR1);
    return NULL;
}

static void semaphore(void)
{
    sem_t sem;
    pthread_t self = pthread_self(), thread;
    struct timespec wall = soon(CLOCK_REALTIME, 5), steady = soon(CLOCK_MONOTONIC, 5);
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    CALL(NEVER, sem_init(&sem, 0, UINT32_MAX));
    CALL(NEVER, sem_init(&sem, 0, 2));
    CALL(0, sem_wait(&sem));
    CALL(0, sem_trywait(&sem));
    CALL(0, sem_trywait(&sem));
    CALL(0, sem_timedwait(&sem, &wall));
    CALL(0, sem_timedwait(&sem, &impossible));
    CALL(0, sem_clockwait(&sem, CLOCK_MONOTONIC, &steady));
    if (pthread_create(&thread, NULL, interrupt, &self) != 0)
        abort();
    CALL(0, sem_wait(&sem));
    pthread_join(thread, NULL);
    CALL(NEVER, sem_post(&sem));
    CALL(0, sem_timedwait(&sem, &past));
    CALL(NEVER, sem_destroy(&sem));
}

static void *post_later(void *sem)
{
    struct timespec pause = {0, 20000000};
    nanosleep(&pause, NULL);
    sem_post(sem);
    return NULL;
}

/* A wait is a point of cancellation also where it need not wait: nothing else ends this thread. */
static void *wait_and_post(void *sem)
{
    for (;;) {
        if (sem_wait(sem) == 0)
            acquires++;
        sem_post(sem);
    }
    return NULL;
}

/* A wait that succeeds leaves errno as it was, whether it had to wait or not. */
static void waited_semaphore(void)
{
    sem_t sem;
    pthread_t thread;
    void *result;
    sem_init(&sem, 0, 0);
    if (pthread_create(&thread, NULL, post_later, &sem) != 0)
        abort();
    CALL(0, sem_wait(&sem));
    pthread_join(thread, NULL);
    sem_post(&sem);
    if (pthread_create(&thread, NULL, wait_and_post, &sem) != 0 || pthread_cancel(thread) != 0)
        abort();
    CALL(NEVER, pthread_join(thread, &result));
    CALL(NEVER, result == PTHREAD_CANCELED);
}

static void condition(void)
{
    pthread_mutex_t mutex, held = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    struct timespec wall = soon(CLOCK_REALTIME, 5), steady = soon(CLOCK_MONOTONIC, 5);
    mutex_make(&mutex, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
    CALL(NEVER, pthread_cond_wait(&cond, &mutex));
    CALL(0, pthread_mutex_lock(&mutex));
    CALL(ETIMEDOUT, pthread_cond_timedwait(&cond, &mutex, &past));
    CALL(ETIMEDOUT, pthread_cond_timedwait(&cond, &mutex, &wall));
    CALL(NEVER, pthread_cond_timedwait(&cond, &mutex, &impossible));
    CALL(ETIMEDOUT, pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &steady));
    CALL(NEVER, pthread_cond_clockwait(&cond, &mutex, 77, &steady));
    CALL(NEVER, pthread_mutex_unlock(&mutex));
    CALL(0, pthread_mutex_lock(&held));
    CALL(NEVER, pthread_cond_signal(&cond));
    CALL(NEVER, pthread_cond_broadcast(&cond));
    CALL(NEVER, pthread_mutex_unlock(&held));
}

static int other_thread_mtx(void *argument)
{
    CALL(thrd_success, mtx_trylock(argument));
    CALL(thrd_success, mtx_timedlock(argument, &past));
    return 0;
}

static void c11(void)
{
    mtx_t mutex;
    cnd_t cond;
    thrd_t thread;
    CALL(NEVER, mtx_init(&mutex, mtx_timed | mtx_recursive));
    CALL(NEVER, cnd_init(&cond));
    CALL(thrd_success, mtx_lock(&mutex));
    CALL(thrd_success, mtx_timedlock(&mutex, &past));
    if (thrd_create(&thread, other_thread_mtx, &mutex) != thrd_success || thrd_join(thread, NULL) != thrd_success)
        abort();
    CALL(NEVER, mtx_unlock(&mutex));
    CALL(thrd_timedout, cnd_timedwait(&cond, &mutex, &past));
    CALL(NEVER, mtx_unlock(&mutex));
    mtx_destroy(&mutex);
    cnd_destroy(&cond);
}

int main(void)
{
    plain_mutex();
    checking_mutex();
    recursive_mutex();
    robust_mutex();
    shared_mutex();
    rwlock();
    spin();
    semaphore();
    waited_semaphore();
    condition();
    c11();
    printf("acquires %u\n", acquires);
    return 0;
}
