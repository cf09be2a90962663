/* SPDX-License-Identifier: Apache-2.0 */
/* Read-write locks. */
#include "lockprof/capture/acquire.h"

#pragma GCC visibility push(hidden)
PLAIN(pthread_rwlock_rdlock, pthread_rwlock_t, pthread_rwlock_tryrdlock, EBUSY, )
TRY(pthread_rwlock_tryrdlock, pthread_rwlock_t)
TIMED(pthread_rwlock_timedrdlock, pthread_rwlock_t, pthread_rwlock_tryrdlock, EBUSY, )
CLOCKED(pthread_rwlock_clockrdlock, pthread_rwlock_t, pthread_rwlock_tryrdlock, EBUSY, )
PLAIN(pthread_rwlock_wrlock, pthread_rwlock_t, pthread_rwlock_trywrlock, EBUSY, )
TRY(pthread_rwlock_trywrlock, pthread_rwlock_t)
TIMED(pthread_rwlock_timedwrlock, pthread_rwlock_t, pthread_rwlock_trywrlock, EBUSY, )
CLOCKED(pthread_rwlock_clockwrlock, pthread_rwlock_t, pthread_rwlock_trywrlock, EBUSY, )

#pragma GCC visibility pop

PUBLIC int pthread_rwlock_destroy(pthread_rwlock_t *lock)
{
    int result = real_pthread_rwlock_destroy(lock);
    if (result == 0) {
        lockprof_destroyed((uint64_t)lock);
    }
    return result;
}

/* libc's other name of it. */
PUBLIC int __pthread_rwlock_destroy(pthread_rwlock_t *lock);
PUBLIC int __pthread_rwlock_destroy(pthread_rwlock_t *lock)
{
    return pthread_rwlock_destroy(lock);
}
