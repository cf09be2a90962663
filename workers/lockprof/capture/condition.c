/* SPDX-License-Identifier: Apache-2.0 */
/* Waits for conditions. The mutex is released inside (its hold ends) and acquired again: one acquire, at the place of
 * the wait.
 *
 * How long the second acquire waited can't be seen from outside of libc: the thread sleeps first for the condition,
 * then for the mutex, in one call. What can be seen: when the condition was signalled (or its deadline passed), and
 * when the mutex was last released before this thread had it. Whoever holds the mutex of a condition with waiters is
 * marked (bit 0 of its held entry) at its signal or at the end of its own wait, and its release notes the time. If that
 * is later than the signal, the waiter could not have had it before, and the time between is its wait. Without hold
 * times the releases are not seen; then it is the time from the signal, if it is longer than any wake-up takes. */
#include "lockprof/capture/condition.h"
#include "lockprof/capture/hot.h"
#include "lockprof/capture/system.h"

/* A thread that was signalled needs this long before it can so much as try the mutex: what was released sooner was not
 * waited for. */
#define WAKE_NS 30000
/* Without hold times: a wake-up on a busy machine seldom takes longer. */
#define WAKE_LONG_NS 4000000
/* Ways in which a wait ends with the mutex acquired. */
#define IS_BACK(result) ((result) == 0 || (result) == ETIMEDOUT || (result) == EOWNERDEAD)

struct waiting {
    struct held ended;
    uint64_t added;
    uint64_t start;
};

static struct condition *condition_of(uint64_t address)
{
    uint64_t hash = (address >> 3) * UINT64_C(0x9e3779b97f4a7c15);
    return &lockprof.conditions[hash >> 56];
}

void condition_released(uint64_t mutex, uint64_t now)
{
    for (int i = 0; i < CONDITIONS_MAX; i++) {
        if (lockprof.conditions[i].mutex == mutex) {
            lockprof.conditions[i].released = now;
        }
    }
}

/* The thread holds the mutex, and some wait may end only after its release. */
static void mark_held(uint64_t mutex)
{
    struct state *self = lockprof_self;
    for (uint32_t i = self->held_top / (uint32_t)sizeof(struct held); i > 0; i--) {
        if (self->held[i].lock == mutex) {
            /* The quick release (entry.S) does not find a marked lock at the top and comes to held_end. */
            self->held[i].lock |= 1;
            return;
        }
    }
}

static void signalled(uint64_t address)
{
    /* Nobody ever waited, or the table was taken by another condition: nothing to note. */
    if (!lockprof.conditions) {
        return;
    }
    struct condition *condition = condition_of(address);
    if (condition->address != address) {
        return;
    }
    condition->signalled = ticks();
    if (lockprof.hold) {
        mark_held(condition->mutex);
    }
}

static void wait_begin(struct waiting *waiting, uint64_t address, uint64_t mutex)
{
    struct condition *condition = condition_of(address);
    waiting->start = ticks();
    if (condition->address != address || condition->mutex != mutex) {
        condition->mutex = mutex;
        condition->signalled = condition->released = 0;
        condition->address = address;
    }
    waiting->ended = (struct held){0};
    if (lockprof.hold) {
        waiting->ended = held_end(mutex, waiting->start, &waiting->added);
    }
}

/* The real wait is over. `deadline`: in ticks, 0 where there is none or it was not reached. */
static void wait_end(const struct waiting *waiting, uint64_t address, uint64_t mutex, uint64_t deadline, int result,
                     struct capture_slot *slot)
{
    if (!IS_BACK(result)) {
        held_undo(waiting->ended, waiting->added);
        return;
    }
    const struct condition *condition = condition_of(address);
    uint64_t now = ticks(), from = deadline, until = now, least = WAKE_LONG_NS;
    if (!from && condition->address == address && condition->signalled > waiting->start) {
        from = condition->signalled;
    }
    if (lockprof.hold) {
        until = condition->address == address && condition->released < now ? condition->released : 0;
        least = WAKE_NS;
    }
    slot->acquires++;
    if (from > waiting->start && until > from && until - from > clock_ticks_of(least)) {
        slot->contended++;
        slot->wait_ticks += until - from;
    }
    clock_renew(now);
    if (lockprof.hold) {
        hold_push(mutex, slot, now, 1);
        mark_held(mutex);
    }
}

/* When the deadline is, in ticks. */
static uint64_t deadline_of(clockid_t clock, const struct timespec *until)
{
    uint64_t now = clock_ns(clock);
    if (until->tv_sec < 0) {
        return 0;
    }
    uint64_t at = (uint64_t)until->tv_sec * 1000000000u + (uint64_t)until->tv_nsec;
    return at > now ? ticks() + clock_ticks_of(at - now) : 0;
}

#define WAIT(call, until_of)                                                                                           \
    struct waiting waiting;                                                                                            \
    uint64_t deadline = until_of;                                                                                      \
    wait_begin(&waiting, (uint64_t)condition, (uint64_t)mutex);                                                        \
    int result = call;                                                                                                 \
    wait_end(&waiting, (uint64_t)condition, (uint64_t)mutex, result == ETIMEDOUT ? deadline : 0, result, slot);        \
    return result

#define SLOT struct capture_slot *slot
/* The clock that pthread_condattr_setclock chose is a bit that libc keeps in the condition. */
#define CLOCK_OF(condition) ((condition)->__data.__wrefs & 2 ? CLOCK_MONOTONIC : CLOCK_REALTIME)
/* cnd_wait tells a timeout by another number. */
static int of_c11(int result)
{
    return result == thrd_success ? 0 : result == thrd_timedout ? ETIMEDOUT : EINVAL;
}

#pragma GCC visibility push(hidden)
int hit_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, long c, long d, SLOT);
int hit_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until, long d,
                               SLOT);
int hit_pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock,
                               const struct timespec *until, SLOT);
int hit_cnd_wait(cnd_t *condition, mtx_t *mutex, long c, long d, SLOT);
int hit_cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until, long d, SLOT);

int hit_pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, long c, long d, SLOT)
{
    (void)c, (void)d;
    WAIT(real_pthread_cond_wait(condition, mutex), 0);
}

int hit_pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until, long d,
                               SLOT)
{
    (void)d;
    WAIT(real_pthread_cond_timedwait(condition, mutex, until), deadline_of(CLOCK_OF(condition), until));
}

int hit_pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock,
                               const struct timespec *until, SLOT)
{
    bool known = clock == CLOCK_MONOTONIC || clock == CLOCK_REALTIME;
    WAIT(real_pthread_cond_clockwait(condition, mutex, clock, until), known ? deadline_of(clock, until) : 0);
}

int hit_cnd_wait(cnd_t *condition, mtx_t *mutex, long c, long d, SLOT)
{
    (void)c, (void)d;
    struct waiting waiting;
    wait_begin(&waiting, (uint64_t)condition, (uint64_t)mutex);
    int result = real_cnd_wait(condition, mutex);
    wait_end(&waiting, (uint64_t)condition, (uint64_t)mutex, 0, of_c11(result), slot);
    return result;
}

int hit_cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until, long d, SLOT)
{
    (void)d;
    struct waiting waiting;
    uint64_t deadline = deadline_of(CLOCK_REALTIME, until);
    wait_begin(&waiting, (uint64_t)condition, (uint64_t)mutex);
    int result = real_cnd_timedwait(condition, mutex, until);
    wait_end(&waiting, (uint64_t)condition, (uint64_t)mutex, result == thrd_timedout ? deadline : 0, of_c11(result),
             slot);
    return result;
}
#pragma GCC visibility pop

#define SIGNAL(name, type)                                                                                             \
    PUBLIC int name(__typeof__(type) *condition)                                                                       \
    {                                                                                                                  \
        signalled((uint64_t)condition);                                                                                \
        return real_##name(condition);                                                                                 \
    }
SIGNAL(pthread_cond_signal, pthread_cond_t)
SIGNAL(pthread_cond_broadcast, pthread_cond_t)
SIGNAL(cnd_signal, cnd_t)
SIGNAL(cnd_broadcast, cnd_t)

/* A wait that is not recorded ends the hold all the same. entry.S comes here in place of the real function. */
void lockprof_wait_passes(uint64_t mutex)
{
    if (lockprof.hold) {
        lockprof_release(mutex);
    }
}
