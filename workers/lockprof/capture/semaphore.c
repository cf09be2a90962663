/* SPDX-License-Identifier: Apache-2.0 */
/* Semaphores: their wait counts as an acquire. They tell failures by errno, which a try that the target did not make
 * must not change, and are cancellation points also where they need not wait.
 *
 * Most are posted by another thread than the one that waited. So a thread keeps its newest wait only as held, lest
 * those that it never posts fill its list, and a post ends the hold where the same thread makes it. */
#include "lockprof/capture/hot.h"

static inline void taken(sem_t *lock, struct capture_slot *slot)
{
    if (lockprof.hold && lockprof_self->held_top) {
        held_forget((uint64_t)lock);
    }
    acquired((uint64_t)lock, slot);
}

/* True where it was taken without a wait. */
static bool take_first(sem_t *lock, struct capture_slot *slot)
{
    int saved = errno;
    real_pthread_testcancel();
    if (real_sem_trywait(lock) == 0) {
        taken(lock, slot);
        return true;
    }
    errno = saved;
    return false;
}

static int waited(sem_t *lock, struct capture_slot *slot, uint64_t start, int result)
{
    if (result == 0) {
        if (lockprof.hold && lockprof_self->held_top) {
            held_forget((uint64_t)lock);
        }
        acquired_after((uint64_t)lock, slot, start, true);
    }
    return result;
}

#define SLOT struct capture_slot *slot
#pragma GCC visibility push(hidden)
int hit_sem_wait(sem_t *lock, long b, long c, long d, SLOT);
int hit_sem_trywait(sem_t *lock, long b, long c, long d, SLOT);
int hit_sem_timedwait(sem_t *lock, const struct timespec *until, long c, long d, SLOT);
int hit_sem_clockwait(sem_t *lock, clockid_t clock, const struct timespec *until, long d, SLOT);

int hit_sem_wait(sem_t *lock, long b, long c, long d, SLOT)
{
    (void)b, (void)c, (void)d;
    if (take_first(lock, slot)) {
        return 0;
    }
    uint64_t start = ticks();
    return waited(lock, slot, start, real_sem_wait(lock));
}

int hit_sem_trywait(sem_t *lock, long b, long c, long d, SLOT)
{
    (void)b, (void)c, (void)d;
    int result = real_sem_trywait(lock);
    if (result == 0) {
        taken(lock, slot);
    }
    return result;
}

int hit_sem_timedwait(sem_t *lock, const struct timespec *until, long c, long d, SLOT)
{
    (void)c, (void)d;
    uint64_t start = ticks();
    /* A time that is none is an error even where the semaphore is free. */
    if (until->tv_nsec >= 0 && until->tv_nsec < 1000000000 && take_first(lock, slot)) {
        return 0;
    }
    return waited(lock, slot, start, real_sem_timedwait(lock, until));
}

int hit_sem_clockwait(sem_t *lock, clockid_t clock, const struct timespec *until, long d, SLOT)
{
    (void)d;
    uint64_t start = ticks();
    if ((clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC) && until->tv_nsec >= 0 && until->tv_nsec < 1000000000 &&
        take_first(lock, slot)) {
        return 0;
    }
    return waited(lock, slot, start, real_sem_clockwait(lock, clock, until));
}
#pragma GCC visibility pop

PUBLIC int sem_destroy(sem_t *lock)
{
    int result = real_sem_destroy(lock);
    if (result == 0) {
        lockprof_destroyed((uint64_t)lock);
    }
    return result;
}
