/* SPDX-License-Identifier: Apache-2.0 */
/* Mutexes, those of C11, and spin locks. */
#include "lockprof/capture/acquire.h"

#pragma GCC visibility push(hidden)
PLAIN(pthread_mutex_lock, pthread_mutex_t, pthread_mutex_trylock, EBUSY, ROBUST(real_pthread_mutex_lock(lock)))
TRY(pthread_mutex_trylock, pthread_mutex_t)
TIMED(pthread_mutex_timedlock, pthread_mutex_t, pthread_mutex_trylock, EBUSY,
      ROBUST(real_pthread_mutex_timedlock(lock, until)))
CLOCKED(pthread_mutex_clocklock, pthread_mutex_t, pthread_mutex_trylock, EBUSY,
        ROBUST(real_pthread_mutex_clocklock(lock, clock, until)))

PLAIN(mtx_lock, mtx_t, mtx_trylock, thrd_busy, )
TRY(mtx_trylock, mtx_t)
TIMED(mtx_timedlock, mtx_t, mtx_trylock, thrd_busy, )

PLAIN(pthread_spin_lock, pthread_spinlock_t, pthread_spin_trylock, EBUSY, )
TRY(pthread_spin_trylock, pthread_spinlock_t)
#pragma GCC visibility pop

#define DESTROY(name, type)                                                                                            \
    PUBLIC int name(__typeof__(type) *lock)                                                                            \
    {                                                                                                                  \
        int result = real_##name(lock);                                                                                \
        if (result == 0) {                                                                                             \
            lockprof_destroyed((uint64_t)lock);                                                                        \
        }                                                                                                              \
        return result;                                                                                                 \
    }
DESTROY(pthread_mutex_destroy, pthread_mutex_t)
DESTROY(pthread_spin_destroy, pthread_spinlock_t)

PUBLIC void mtx_destroy(mtx_t *lock)
{
    real_mtx_destroy(lock);
    lockprof_destroyed((uint64_t)lock);
}

/* libc's other name of it. */
PUBLIC int __pthread_mutex_destroy(pthread_mutex_t *lock);
PUBLIC int __pthread_mutex_destroy(pthread_mutex_t *lock)
{
    return pthread_mutex_destroy(lock);
}
