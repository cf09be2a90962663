/* SPDX-License-Identifier: Apache-2.0 */
/* When iterations are due, and how long a critical section holds its lock. */
#ifndef NATIVE_RUNTIME_PACING_H
#define NATIVE_RUNTIME_PACING_H

#include <stdbool.h>
#include <stdint.h>

/* Where a thread takes two locks, one after the other, this share of its time goes to the first: were both held for as
 * long, threads would leave the first one just when the second is free, and nobody would wait for it. */
#define IO_FIRST 0.7

/* The slow part of a critical section: a query, a read, a write. */
struct io {
    unsigned threads;
    uint64_t iterations; /* of each thread, in the phase */
    double hold_s;       /* how long a lock may be held in one iteration */
};

/* `seconds` 0: without a pace. */
struct io io_make(unsigned threads, uint64_t iterations, double seconds);
/* Waits as for a device, once for each lock and iteration: `share` of the time that a lock may be held. */
void io_wait(const struct io *io, double share);
/* The same without letting go of the processor, for who holds a spin lock. */
void io_compute(const struct io *io, double share);

/* The computing part of a critical section. */
uint32_t checksum(uint64_t first, uint64_t second);

/* The schedule of one thread in one phase; the same seed gives the same schedule. */
struct pace {
    double period_s;
    uint64_t state;
};

struct pace pace_make(uint64_t seed, const char *pattern, unsigned worker, uint64_t iterations, double seconds);
/* Nanoseconds from the phase's start. Call it once for each turn, in order. */
uint64_t pace_due_ns(struct pace *pace, uint64_t turn);

/* CLOCK_MONOTONIC. */
uint64_t pacing_now_ns(void);
/* Wall clock, since 1970. */
int64_t pacing_wall_ns(void);
/* Wall clock, since 1970. */
int64_t pacing_wall_ns(void);
/* Sleeps until that moment; false if `is_stopped` said so before. */
bool pacing_sleep_until(uint64_t moment_ns, bool (*is_stopped)(const void *), const void *context);

#endif
