/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/capture/clock.h"

#include <cpuid.h>

/* Between renewals: a tenth of a second at 2.7 GHz, and a quarter where ticks are nanoseconds. */
#define RENEW_TICKS (UINT64_C(1) << 28)

bool clock_invariant(void)
{
    unsigned a, b, c, d;
    /* CPUID 0x80000007, EDX bit 8: the counter runs at one rate in all power states. */
    return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & 1u << 8);
}

/* Two readings around the third: the middle is when it was. */
static void read_both(uint64_t *at, uint64_t *ns)
{
    uint64_t before = ticks();
    *ns = clock_ns(CLOCK_MONOTONIC);
    *at = before + (ticks() - before) / 2;
}

void clock_start(struct capture_header *header)
{
    read_both(&header->start_ticks, &header->start_monotonic_ns);
    header->start_realtime_ns = clock_ns(CLOCK_REALTIME);
    header->last_ticks = header->start_ticks;
    header->last_monotonic_ns = header->start_monotonic_ns;
}

void clock_renew(uint64_t now)
{
    static atomic_flag busy = ATOMIC_FLAG_INIT;
    struct capture_header *header = lockprof.header;
    if (LIKELY(now - header->last_ticks < RENEW_TICKS)) {
        return;
    }
    /* Whoever comes second leaves it to the first; a thread that stops in between costs only later renewals. */
    if (atomic_flag_test_and_set_explicit(&busy, memory_order_acquire)) {
        return;
    }
    uint64_t at, ns;
    read_both(&at, &ns);
    __atomic_store_n(&header->last_ticks, at, __ATOMIC_RELEASE);
    __atomic_store_n(&header->last_monotonic_ns, ns, __ATOMIC_RELEASE);
    atomic_flag_clear_explicit(&busy, memory_order_release);
}

uint64_t clock_ticks_of(uint64_t ns)
{
    const struct capture_header *header = lockprof.header;
    uint64_t spent_ns = header->last_monotonic_ns - header->start_monotonic_ns;
    uint64_t spent = header->last_ticks - header->start_ticks;
    /* Until the two readings are apart: three ticks in a nanosecond is near enough for a threshold. */
    if (!lockprof.tsc) {
        return ns;
    }
    return spent_ns < 1000000 ? ns * 3 : (uint64_t)((double)ns * ((double)spent / (double)spent_ns));
}
