/* SPDX-License-Identifier: Apache-2.0 */
/* The real functions: real_NAME is a pointer, at first to a stub that looks all of them up (real_stubs.S), since a
 * target may lock before any constructor ran. */
#ifndef LOCKPROF_CAPTURE_REAL_H
#define LOCKPROF_CAPTURE_REAL_H

#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/prctl.h>
#include <threads.h>

#pragma GCC visibility push(hidden)
#define REAL(name, version) extern __typeof__(name) *real_##name;
#define OLD(name) extern __typeof__(name) *real_old_##name;
#include "lockprof/capture/real_list.h"
#undef REAL
#undef OLD

/* Looks up all of them. Any thread, any number of times. */
void lockprof_resolve(void);
#pragma GCC visibility pop

#endif
