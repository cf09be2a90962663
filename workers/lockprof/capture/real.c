/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the functions that this library stands in front of.
 *
 * dlsym may allocate when it finds nothing, and a malloc that locks comes back here before the pointers are set. So
 * each pointer is stored as soon as it is found, what a malloc may use first, and a look-up inside a look-up goes over
 * the list again: it can only meet a missing name after the ones that it needs. */
#include "lockprof/capture/real.h"
#include "lockprof/capture/library.h"

#include <errno.h>

#pragma GCC visibility push(hidden)
#define REAL(name, version) extern void *stub_##name;
#define OLD(name) extern void *stub_old_##name;
#include "lockprof/capture/real_list.h"
#undef REAL
#undef OLD
#pragma GCC visibility pop

static int missing(void)
{
    return ENOSYS;
}

static _Thread_local int depth __attribute__((tls_model("initial-exec")));

static void find(void **pointer, const char *name, const char *version, const void *stub)
{
    if (__atomic_load_n(pointer, __ATOMIC_RELAXED) != stub)
        return;
    void *found = version[0] ? dlvsym(RTLD_NEXT, name, version) : NULL;
    if (!found)
        found = dlsym(RTLD_NEXT, name);
    /* A libc without it: nobody who runs on it can call it either, but for a look-up by name. */
    if (!found)
        *(int (**)(void)) & found = missing;
    __atomic_store_n(pointer, found, __ATOMIC_RELAXED);
}

void lockprof_resolve(void)
{
    int saved = errno;
    /* Bounds a libc that allocates in each look-up; the third level would find what the second is about to store. */
    if (depth < 3) {
        depth++;
#define REAL(name, version) find((void **)&real_##name, #name, version, &stub_##name);
#define OLD(name) find((void **)&real_old_##name, #name, "GLIBC_2.2.5", &stub_old_##name);
#include "lockprof/capture/real_list.h"
#undef REAL
#undef OLD
        depth--;
    }
    errno = saved;
}
