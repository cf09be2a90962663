/* SPDX-License-Identifier: Apache-2.0 */
#include "outward.h"

#include <stdlib.h>

__attribute__((noinline)) void take(pthread_mutex_t *mutex)
{
    if (pthread_mutex_lock(mutex) != 0) /* call: wrapper */
        abort();
}

__attribute__((noinline)) int take_tail(pthread_mutex_t *mutex)
{
    return pthread_mutex_lock(mutex); /* call: wrapper_tail */
}

void give(pthread_mutex_t *mutex)
{
    pthread_mutex_unlock(mutex);
}
