/* SPDX-License-Identifier: Apache-2.0 */
/* Ticks: the time-stamp counter where it is invariant, else nanoseconds. */
#ifndef LOCKPROF_CAPTURE_CLOCK_H
#define LOCKPROF_CAPTURE_CLOCK_H

#include "lockprof/capture/library.h"

#include <time.h>
#include <x86intrin.h>

static inline uint64_t clock_ns(clockid_t clock)
{
    struct timespec at;
    clock_gettime(clock, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

/* No fence: the reading may move by some instructions, never across the lock's own atomic. */
static inline uint64_t ticks(void)
{
    return LIKELY(lockprof.tsc) ? __rdtsc() : clock_ns(CLOCK_MONOTONIC);
}

bool clock_invariant(void);
/* Both readings at the start. */
void clock_start(struct capture_header *header);
/* Renews the second reading where it is older than some tenth of a second. */
void clock_renew(uint64_t now);
/* Ticks in so many nanoseconds, roughly. */
uint64_t clock_ticks_of(uint64_t ns);

#endif
