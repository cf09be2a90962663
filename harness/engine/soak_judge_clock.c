/* SPDX-License-Identifier: Apache-2.0 */
/* The wall clock, by which lines and uploads are held against one another. Forward it may be set as it likes; where it
 * is set back, what was said before seems to be of later than what comes, and nothing is held against that. */
#include "base/clock.h"
#include "base/log.h"
#include "engine/soak_judge_internal.h"

#include <time.h>

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int64_t judge_system_wall_ns(void *data)
{
    (void)data;
    return clock_wall_ns();
}

int64_t judge_system_steady_ns(void *data)
{
    (void)data;
    return read_clock(CLOCK_MONOTONIC);
}

static void forget_times(struct soak_judge *j, int64_t back_ns)
{
    log_line(LOG_WARN, "soak",
             "the wall clock was set back by %.3f s: acquires of the processes that run are not held against their "
             "uploads any more, until they are started again",
             (double)back_ns / 1e9);
    for (size_t i = 0; i < j->process_count; i++)
        for (size_t k = 0; j->processes[i] && k < j->processes[i]->life_count; k++)
            life_forget_times(j->processes[i]->lives[k]);
}

void judge_watch_clock(struct soak_judge *j)
{
    /* The one is ahead of the other by something between the two, however long this was held up meanwhile. */
    int64_t before = judge_wall_ns(j), steady = j->o.steady_ns(j->o.data), after = judge_wall_ns(j);
    int64_t least = before - steady, most = after - steady;
    bool back = j->clock_known && most < j->clock_ahead_ns - ACCOUNT_SLACK_NS;
    if (back)
        forget_times(j, j->clock_ahead_ns - most);
    if (back || !j->clock_known || least > j->clock_ahead_ns)
        j->clock_ahead_ns = least;
    j->clock_known = true;
}
