/* SPDX-License-Identifier: Apache-2.0 */
/* ACQUIRE makes hit_NAME of a function that may wait, TRY of one that does not. entry.S goes on to it with the
 * target's own arguments in their registers and the slot in the fifth; the return address is the target's.
 *
 * A lock is tried first: only one that is busy is worth reading the clock. Where the try acquired, its result is the
 * call's; in every other case the function that the target called decides. */
#ifndef LOCKPROF_CAPTURE_ACQUIRE_H
#define LOCKPROF_CAPTURE_ACQUIRE_H

#include "lockprof/capture/hot.h"

#define SLOT struct capture_slot *slot
#define FILLER __attribute__((unused)) long

/* A robust mutex whose owner died is acquired all the same. */
static inline bool got(int result)
{
    return result == 0 || result == EOWNERDEAD;
}

/* Robust mutexes are never tried: the try of glibc 2.36 leaves one that is not recoverable locked, so that the real
 * call would wait for ever. Their first word tells whether somebody holds them (bit 30: its owner died). */
static inline bool is_robust(const pthread_mutex_t *mutex)
{
    return mutex->__data.__kind & 16;
}

static inline bool robust_busy(const pthread_mutex_t *mutex)
{
    uint32_t word = (uint32_t)__atomic_load_n(&mutex->__data.__lock, __ATOMIC_RELAXED);
    return word && !(word & 0x40000000);
}

#define ROBUST(call)                                                                                                   \
    if (UNLIKELY(is_robust(lock))) {                                                                                   \
        bool busy = robust_busy(lock);                                                                                 \
        uint64_t start = ticks();                                                                                      \
        int result = call;                                                                                             \
        if (got(result)) {                                                                                             \
            acquired_after((uint64_t)lock, slot, start, busy &&result == 0);                                           \
        }                                                                                                              \
        return result;                                                                                                 \
    }

/* params: the real parameters and fillers up to four, then SLOT; the first is the lock. all: their names with slot;
 * own: those of the real call. */
#define ACQUIRE(name, params, all, own, trying, busy, first)                                                           \
    static __attribute__((noinline)) int wait_##name params                                                            \
    {                                                                                                                  \
        uint64_t start = ticks();                                                                                      \
        int result = real_##name own;                                                                                  \
        if (got(result)) {                                                                                             \
            acquired_after((uint64_t)lock, slot, start, true);                                                         \
        }                                                                                                              \
        return result;                                                                                                 \
    }                                                                                                                  \
    int hit_##name params;                                                                                             \
    int hit_##name params                                                                                              \
    {                                                                                                                  \
        first int result = trying;                                                                                     \
        if (UNLIKELY(result == (busy))) {                                                                              \
            return wait_##name all;                                                                                    \
        }                                                                                                              \
        if (UNLIKELY(!got(result))) {                                                                                  \
            result = real_##name own;                                                                                  \
        }                                                                                                              \
        if (LIKELY(got(result))) {                                                                                     \
            acquired((uint64_t)lock, slot);                                                                            \
        }                                                                                                              \
        return result;                                                                                                 \
    }

#define TRY(name, type)                                                                                                \
    int hit_##name(type *lock, FILLER b, FILLER c, FILLER d, SLOT);                                                    \
    int hit_##name(type *lock, FILLER b, FILLER c, FILLER d, SLOT)                                                     \
    {                                                                                                                  \
        int result = real_##name(lock);                                                                                \
        if (got(result)) {                                                                                             \
            acquired((uint64_t)lock, slot);                                                                            \
        }                                                                                                              \
        return result;                                                                                                 \
    }

#define PLAIN(name, type, try_name, busy, ...)                                                                         \
    ACQUIRE(name, (type * lock, FILLER b, FILLER c, FILLER d, SLOT), (lock, b, c, d, slot), (lock),                    \
            real_##try_name(lock), busy, __VA_ARGS__)

#define TIMED(name, type, try_name, busy, ...)                                                                         \
    ACQUIRE(name, (type * lock, const struct timespec *until, FILLER c, FILLER d, SLOT), (lock, until, c, d, slot),    \
            (lock, until), real_##try_name(lock), busy, __VA_ARGS__)

/* A clock that libc does not know is an error even where the lock is free, which a try would not tell. */
#define CLOCKED(name, type, try_name, busy, ...)                                                                       \
    ACQUIRE(name, (type * lock, clockid_t clock, const struct timespec *until, FILLER d, SLOT),                        \
            (lock, clock, until, d, slot), (lock, clock, until),                                                       \
            (clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC ? real_##try_name(lock) : EINVAL), busy, __VA_ARGS__)

#endif
