/* SPDX-License-Identifier: Apache-2.0 */
#include "native/runtime/pacing.h"

#include <time.h>

/* Share of the time that a lock is held by somebody. Sleeping comes on top: together they stay below 0.4, where waiting
 * is common and queues still drain before the next burst. */
#define LOAD 0.25
/* A critical section with a quick query or a small read in it. */
#define HOLD_MAX_S 0.001
/* Without a pace there is no period to take a share of. */
#define HOLD_UNPACED_S 0.0001
/* What a sleep takes longer than it was asked to: the kernel's timer slack (50 us) and the switch back. */
#define SLEEP_COST_S 0.00006
/* Shorter ones are spent computing: a sleep would be nothing but its cost. */
#define SLEEP_MIN_S 0.0001
/* Threads come within this share of a period of one another: a burst, not a queue in step. */
#define JITTER 0.05
/* Longest sleep without a look at the stop flag. */
#define NAP_NS 50000000

#define NS_PER_S 1000000000

uint64_t pacing_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

int64_t pacing_wall_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void sleep_ns(uint64_t ns)
{
    struct timespec time = {.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
    nanosleep(&time, NULL);
}

struct io io_make(unsigned threads, uint64_t iterations, double seconds)
{
    struct io io = {.threads = threads, .iterations = iterations, .hold_s = HOLD_UNPACED_S};
    if (seconds > 0) {
        double share = LOAD * seconds / (double)iterations / threads;
        io.hold_s = share < HOLD_MAX_S ? share : HOLD_MAX_S;
    }
    return io;
}

void io_compute(const struct io *io, double share)
{
    uint64_t end = pacing_now_ns() + (uint64_t)(io->hold_s * share * NS_PER_S);
    volatile uint32_t sum = 0;
    do
        sum = checksum(sum, end);
    while (pacing_now_ns() < end);
}

void io_wait(const struct io *io, double share)
{
    double wanted = io->hold_s * share;
    if (wanted < SLEEP_MIN_S)
        io_compute(io, share);
    else
        sleep_ns((uint64_t)((wanted - SLEEP_COST_S) * NS_PER_S));
}

/* FNV-1a, from a state of 64 bits. */
static uint64_t hash(uint64_t state, const void *bytes, uint64_t size)
{
    const unsigned char *p = bytes;
    for (uint64_t i = 0; i < size; i++)
        state = (state ^ p[i]) * UINT64_C(0x100000001b3);
    return state;
}

#define HASH_START UINT64_C(0xcbf29ce484222325)

uint32_t checksum(uint64_t first, uint64_t second)
{
    uint64_t state = hash(HASH_START, &first, sizeof first);
    return (uint32_t)(hash(state, &second, sizeof second) >> 16);
}

struct pace pace_make(uint64_t seed, const char *pattern, unsigned worker, uint64_t iterations, double seconds)
{
    uint64_t state = hash(HASH_START, &seed, sizeof seed);
    while (*pattern)
        state = hash(state, pattern++, 1);
    return (struct pace){.period_s = seconds / (double)iterations, .state = hash(state, &worker, sizeof worker)};
}

/* From 0 to 1, exclusive: splitmix64 (Steele, Lea, Flood 2014), of which the upper 53 bits fill a double. */
static double pace_random(struct pace *pace)
{
    uint64_t z = pace->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

uint64_t pace_due_ns(struct pace *pace, uint64_t turn)
{
    if (!(pace->period_s > 0))
        return 0;
    return (uint64_t)(pace->period_s * ((double)turn + JITTER * pace_random(pace)) * NS_PER_S);
}

bool pacing_sleep_until(uint64_t moment_ns, bool (*is_stopped)(const void *), const void *context)
{
    while (!is_stopped(context)) {
        uint64_t now = pacing_now_ns();
        if (now >= moment_ns)
            return true;
        sleep_ns(moment_ns - now < NAP_NS ? moment_ns - now : NAP_NS);
    }
    return false;
}
