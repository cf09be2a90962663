/* SPDX-License-Identifier: Apache-2.0 */
/* Lanes: who counts where. A thread takes the lane of a thread of its name that has ended, or a new one. */
#include "lockprof/capture/lanes.h"

#include "lockprof/capture/real.h"
#include "lockprof/capture/system.h"

#include <errno.h>
#include <limits.h>
#include <sys/prctl.h>

/* capture_lane.state. LATE: taken by a thread on its way out, after the destructors that give a lane back; whether it
 * still lives is asked of the kernel. RETIRED: its thread took another name while it held locks that count here. */
enum lane_state { LANE_NEW, LANE_OWNED, LANE_FREE, LANE_LATE, LANE_RETIRED };

static pthread_key_t key;
static bool key_made;
static _Thread_local int rounds __attribute__((tls_model("initial-exec")));

static bool same_name(const char *a, const char *b)
{
    for (int i = 0; i < CAPTURE_NAME_MAX; i++) {
        if (a[i] != b[i]) {
            return false;
        }
        if (!a[i]) {
            return true;
        }
    }
    return true;
}

static bool take(struct capture_lane *lane)
{
    uint32_t state = __atomic_load_n(&lane->state, __ATOMIC_ACQUIRE);
    if (state == LANE_LATE && SYSTEM3(tgkill, lockprof.pid, lane->tid, 0) != -ESRCH) {
        return false;
    }
    return (state == LANE_FREE || state == LANE_LATE) &&
           __atomic_compare_exchange_n(&lane->state, &state, LANE_OWNED, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static struct capture_lane *find(const char *name)
{
    uint64_t used = __atomic_load_n(&lockprof.header->lanes.used, __ATOMIC_ACQUIRE);
    for (uint64_t i = 0; i < used; i++) {
        struct capture_lane *lane = &lockprof.lanes[i];
        if (same_name(lane->name, name) && take(lane)) {
            return lane;
        }
    }
    uint64_t index;
    if (!file_take(&lockprof.header->lanes, &lockprof.words->lanes_ready, sizeof(struct capture_lane), &index)) {
        return NULL;
    }
    copy_bytes(lockprof.lanes[index].name, name, CAPTURE_NAME_MAX);
    __atomic_store_n(&lockprof.lanes[index].state, LANE_OWNED, __ATOMIC_RELEASE);
    return &lockprof.lanes[index];
}

static void give_back(struct state *state, enum lane_state as)
{
    struct capture_lane *lane = &lockprof.lanes[state->lane];
    state->held_top = 0;
    __atomic_store_n(&state->owner, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&lane->state, as, __ATOMIC_RELEASE);
}

/* The state of a lane that the thread has taken. What is cached stays: it fits whoever runs on the same stack. */
static struct state *begin(struct capture_lane *lane, int32_t tid)
{
    uint32_t index = (uint32_t)(lane - lockprof.lanes);
    struct state *state = &lockprof.states[index];
    lane->tid = tid;
    state->lane = index;
    state->tid = tid;
    state->renamed = 0;
    state->held_top = 0;
    if (!state->random) {
        /* Any start will do as long as no two threads have the same. */
        state->random = (__builtin_ia32_rdtsc() ^ (uint64_t)tid << 32) * RANDOM_MULTIPLIER | 1;
        state->hold_countdown = 1;
    }
    state->owner = thread_pointer();
    return state;
}

struct state *lane_attach(void)
{
    struct state *before = lockprof_self;
    char name[CAPTURE_NAME_MAX] = {0};
    int32_t tid = (int32_t)SYSTEM3(gettid, 0, 0, 0);
    SYSTEM3(prctl, PR_GET_NAME, name, 0);
    struct capture_lane *lane = find(name);
    if (!lane) {
        return NULL;
    }
    struct state *state = begin(lane, tid);
    bool had_one = before->owner == thread_pointer() && before != &lockprof_nobody;
    if (had_one) {
        /* Renamed: locks that are held go along, still counting in their old slots, which nobody else may then take. */
        enum lane_state as = before->held_top ? LANE_RETIRED : LANE_FREE;
        copy_bytes(state->held, before->held, before->held_top + sizeof(struct held));
        state->held_top = before->held_top;
        give_back(before, as);
    }
    if (lockprof_self != before) {
        /* A signal handler was here in between. */
        give_back(state, LANE_FREE);
        return lockprof_self;
    }
    lockprof_self = state;
    if (rounds >= PTHREAD_DESTRUCTOR_ITERATIONS) {
        __atomic_store_n(&lane->state, LANE_LATE, __ATOMIC_RELEASE);
    } else if (key_made) {
        pthread_setspecific(key, state);
    }
    return state;
}

/* Destructors of other keys, which may lock, run in the same rounds: only the last gives the lane back. */
static void on_thread_exit(void *state)
{
    if (++rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
        pthread_setspecific(key, state);
        return;
    }
    struct state *self = lockprof_self;
    if (self->owner == thread_pointer()) {
        lockprof_self = &lockprof_nobody;
        give_back(self, LANE_FREE);
    }
}

void lane_init(void)
{
    key_made = pthread_key_create(&key, on_thread_exit) == 0;
}

void lane_renamed(uint64_t thread)
{
    if (!lockprof.states || !lockprof.header) {
        return;
    }
    uint64_t used = __atomic_load_n(&lockprof.header->lanes.used, __ATOMIC_ACQUIRE);
    for (uint64_t i = 0; i < used && i < CAPTURE_LANES_MAX; i++) {
        struct state *state = &lockprof.states[i];
        if (__atomic_load_n(&state->owner, __ATOMIC_RELAXED) == thread) {
            /* An entry that the thread itself puts in at this very moment may survive: it counts in the old lane. */
            __atomic_store_n(&state->renamed, 1, __ATOMIC_RELAXED);
            for (int j = 0; j < CACHE_SETS; j++) {
                __atomic_store_n(&state->cache[j][0], 0, __ATOMIC_RELAXED);
                __atomic_store_n(&state->cache[j][1], 0, __ATOMIC_RELAXED);
            }
            return;
        }
    }
}

PUBLIC int pthread_setname_np(pthread_t thread, const char *name)
{
    int result = real_pthread_setname_np(thread, name);
    if (result == 0) {
        lane_renamed((uint64_t)thread);
    }
    return result;
}

PUBLIC int prctl(int option, ...)
{
    va_list list;
    va_start(list, option);
    unsigned long a = va_arg(list, unsigned long), b = va_arg(list, unsigned long), c = va_arg(list, unsigned long),
                  d = va_arg(list, unsigned long);
    va_end(list);
    int result = real_prctl(option, a, b, c, d);
    if (option == PR_SET_NAME && result == 0) {
        lane_renamed(thread_pointer());
    }
    if ((option == PR_SET_SECCOMP || option == PR_SET_NO_NEW_PRIVS) && result == 0) {
        lockprof.sandboxed = true;
    }
    return result;
}
