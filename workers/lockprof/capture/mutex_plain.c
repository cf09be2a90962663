/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a plain mutex (PTHREAD_MUTEX_INITIALIZER, or default attributes) is in this libc what entry.S takes it for.
 *
 * glibc's pthread_mutex_lock of such a mutex swaps the first word from 0 to 1, notes the owner and counts a user;
 * pthread_mutex_unlock does the reverse, and wakes a waiter where the word was more than 1. entry.S does the same
 * itself where nobody waits, which costs less than the call that it saves, so that a count of each acquire is free.
 * This is no promise of glibc's, so one mutex is taken through the real functions first and looked at: with another
 * layout, lock elision or anything else that leaves other traces, every call goes to the real function. */
#include "lockprof/capture/library.h"
#include "lockprof/capture/real.h"
#include "lockprof/capture/system.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(offsetof(pthread_mutex_t, __data.__lock) == MUTEX_LOCK &&
                   offsetof(pthread_mutex_t, __data.__owner) == MUTEX_OWNER &&
                   offsetof(pthread_mutex_t, __data.__nusers) == MUTEX_USERS &&
                   offsetof(pthread_mutex_t, __data.__kind) == MUTEX_KIND && sizeof(pthread_mutex_t) % 4 == 0,
               "entry.S");

static bool looks(const volatile uint32_t *words, uint32_t lock, uint32_t owner, uint32_t users)
{
    for (size_t i = 0; i < sizeof(pthread_mutex_t) / 4; i++) {
        uint32_t expected = i == MUTEX_LOCK / 4    ? lock
                            : i == MUTEX_OWNER / 4 ? owner
                            : i == MUTEX_USERS / 4 ? users
                                                   : 0;
        if (words[i] != expected) {
            return false;
        }
    }
    return true;
}

/* Whoever else stands in front of libc (a sanitizer, a deadlock detector) or watches its functions (valgrind) has to
 * see every call: then none is left out. */
static bool watched(void)
{
    Dl_info of_lock, of_libc;
    const char *preload = getenv("LD_PRELOAD");
    if (!dladdr(*(void **)&real_pthread_mutex_lock, &of_lock) ||
        !dladdr(dlsym(RTLD_DEFAULT, "gnu_get_libc_version"), &of_libc) || of_lock.dli_fbase != of_libc.dli_fbase) {
        return true;
    }
    return preload && strstr(preload, "vgpreload");
}

void mutex_plain_check(void)
{
    if (watched()) {
        return;
    }
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    volatile uint32_t *words = (volatile uint32_t *)&mutex;
    uint32_t tid = (uint32_t)SYSTEM3(gettid, 0, 0, 0);
    bool plain = looks(words, 0, 0, 0) && real_pthread_mutex_lock(&mutex) == 0 && looks(words, 1, tid, 1) &&
                 real_pthread_mutex_unlock(&mutex) == 0 && looks(words, 0, 0, 0);
    if (plain) {
        /* Held and waited for: the release wakes nobody here, and frees it. */
        words[MUTEX_LOCK / 4] = 2;
        words[MUTEX_OWNER / 4] = tid;
        words[MUTEX_USERS / 4] = 1;
        plain = real_pthread_mutex_unlock(&mutex) == 0 && looks(words, 0, 0, 0);
    }
    lockprof_not_plain = plain ? 0 : NOT_PLAIN;
}
