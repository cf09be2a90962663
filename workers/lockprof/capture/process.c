/* SPDX-License-Identifier: Apache-2.0 */
/* The start of the capture: in the library's constructor, or at a lock that comes before it, and again in each forked
 * child at its first acquire.
 *
 * All private memory is one mapping that the kernel gives to a forked child as zeros (MADV_WIPEONFORK), so a child,
 * however it was made, finds nothing cached and nothing held, misses, finds the phase NONE, and starts anew. Its
 * parent's file is never written: nothing leads there any more. A vfork child shares all memory and goes on in its
 * parent's place. */
#include "lockprof/capture/clock.h"
#include "lockprof/capture/lanes.h"
#include "lockprof/capture/library.h"
#include "lockprof/capture/maps.h"
#include "lockprof/capture/real.h"
#include "lockprof/capture/system.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#define RATE_MAX 1000000
/* Turns that a thread waits for another one to finish the start, each a sched_yield: some tenths of a second. */
#define START_WAIT 100000
#define PAGE UINT64_C(4096)

struct process lockprof;
struct state lockprof_nobody;
_Thread_local struct state *lockprof_self = &lockprof_nobody;
uint32_t lockprof_draws[DRAWS];
uint32_t lockprof_loading;
uint32_t lockprof_not_plain = NOT_PLAIN;
static struct capture_slot first_slot;
struct capture_slot *lockprof_slots = &first_slot;
static struct process_words first_words;
static _Atomic(struct process_words *) words = &first_words;
static char directory[512];
static bool wiped;

static uint64_t number_of(const char *text, uint64_t otherwise)
{
    uint64_t value = 0;
    if (!text || !*text) {
        return otherwise;
    }
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || value > RATE_MAX) {
            return otherwise;
        }
        value = value * 10 + (uint64_t)(*text - '0');
    }
    return value;
}

/* log2(x) by the x87: the library has no libm. */
static double log_2(double x)
{
    long double result, value = x;
    __asm__("fld1\n\tfxch\n\tfyl2x" : "=t"(result) : "0"(value) : "st(1)");
    return (double)result;
}

/* Steps from one recorded acquire to the next: the quantiles of the geometric distribution with this mean, rounded so
 * that their own mean is the rate exactly; any one of them is as likely as any other. */
static void make_draws(uint32_t rate)
{
    double down = rate > 1 ? log_2(1.0 - 1.0 / rate) : -1;
    uint64_t sum = 0, wanted = (uint64_t)rate * DRAWS;
    for (uint32_t i = 0; i < DRAWS; i++) {
        double step = rate > 1 ? log_2((i + 0.5) / DRAWS) / down : 0;
        lockprof_draws[i] = 1 + (uint32_t)step;
        sum += lockprof_draws[i];
    }
    /* The first stands for the long tail: it takes most of what is missing; an excess goes from the others in turn. */
    if (sum < wanted) {
        lockprof_draws[0] += (uint32_t)(wanted - sum);
    }
    for (uint32_t i = 0; sum > wanted; i = (i + 1) % DRAWS) {
        if (lockprof_draws[i] > 1) {
            lockprof_draws[i]--;
            sum--;
        }
    }
}

static void *part(unsigned char **at, uint64_t size)
{
    void *here = *at;
    *at += (size + PAGE - 1) & ~(PAGE - 1);
    return here;
}

static bool map_private(void)
{
    if (lockprof.states) {
        return true;
    }
    uint64_t size = PAGE * 16 + sizeof(struct state) * CAPTURE_LANES_MAX +
                    sizeof(struct slot_node) * CAPTURE_SLOTS_MAX +
                    (sizeof(struct place) + sizeof(struct lock_extra)) * CAPTURE_LOCKS_MAX +
                    sizeof(struct condition) * CONDITIONS_MAX + maps_memory() + site_memory() + crowd_memory();
    long base = SYSTEM6(mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base < 0 && base > -4096) {
        return false;
    }
    /* Huge pages would make a sparse table a dense one. */
    SYSTEM3(madvise, base, size, MADV_NOHUGEPAGE);
    wiped = SYSTEM3(madvise, base, size, MADV_WIPEONFORK) == 0;
    unsigned char *at = (unsigned char *)base;
    lockprof.words = part(&at, sizeof(struct process_words));
    lockprof.conditions = part(&at, sizeof(struct condition) * CONDITIONS_MAX);
    site_start(part(&at, site_memory()));
    crowd_start(part(&at, crowd_memory()));
    maps_start(part(&at, maps_memory()));
    lockprof.lock_extras = part(&at, sizeof(struct lock_extra) * CAPTURE_LOCKS_MAX);
    lockprof.places = part(&at, sizeof(struct place) * CAPTURE_LOCKS_MAX);
    lockprof.slot_nodes = part(&at, sizeof(struct slot_node) * CAPTURE_SLOTS_MAX);
    lockprof.private_base = base;
    lockprof.private_size = size;
    lockprof.states = part(&at, sizeof(struct state) * CAPTURE_LANES_MAX);
    return true;
}

static bool start(void)
{
    lockprof_resolve();
    if (!lockprof.pid) {
        mutex_plain_check();
        const char *where = getenv("LOCKPROF_DIR");
        size_t length = 0;
        while (where && where[length]) {
            length++;
        }
        if (!length || length >= sizeof directory) {
            return false;
        }
        copy_bytes(directory, where, length);
        uint64_t rate = number_of(getenv("LOCKPROF_RATE"), 1);
        lockprof.rate = rate < 1 ? 1 : rate > RATE_MAX ? RATE_MAX : (uint32_t)rate;
        lockprof.hold = number_of(getenv("LOCKPROF_HOLD"), 1) != 0;
        lockprof.stack_end = dlsym(RTLD_DEFAULT, "__libc_stack_end");
        lockprof.tsc = clock_invariant();
        make_draws(lockprof.rate);
    }
    if (lockprof.sandboxed) {
        return false;
    }
    int32_t parent = lockprof.pid;
    struct capture_header *parents = lockprof.header;
    uint64_t mapped = lockprof.mapped;
    bool created = map_private() && file_create(directory, parent);
    /* Behind the child's own, so that at any time some file is in use: by that lockprof knows that it still runs. */
    file_remove_mapping(parents, mapped);
    if (!created) {
        return false;
    }
    lockprof_slots = lockprof.slots - 1;
    maps_first();
    return true;
}

static void start_once(struct process_words *mine)
{
    int saved = errno;
    bool started = start();
    if (!started) {
        /* From here on every call goes straight on. */
        lockprof_self = &lockprof_nobody;
        lockprof_nobody.countdown = COUNTDOWN_OFF;
    }
    if (started) {
        atomic_store(&lockprof.words->phase, PHASE_READY);
        atomic_store(&words, lockprof.words);
    } else {
        atomic_store(&mine->phase, PHASE_OFF);
    }
    errno = saved;
}

bool lockprof_ready(void)
{
    for (int i = 0; i < START_WAIT; i++) {
        struct process_words *mine = atomic_load(&words);
        uint32_t phase = atomic_load(&mine->phase);
        if (LIKELY(phase == PHASE_READY)) {
            return true;
        }
        if (phase == PHASE_OFF) {
            return false;
        }
        int32_t tid = (int32_t)SYSTEM3(gettid, 0, 0, 0);
        if (phase == PHASE_STARTING) {
            /* This thread's own start, interrupted by a signal handler, or a malloc that it led to. */
            if (atomic_load(&mine->starter) == tid) {
                return false;
            }
            SYSTEM3(sched_yield, 0, 0, 0);
            continue;
        }
        uint32_t none = PHASE_NONE;
        if (atomic_compare_exchange_strong(&mine->phase, &none, PHASE_STARTING)) {
            atomic_store(&mine->starter, tid);
            start_once(mine);
        }
    }
    return false;
}

static void in_child(void)
{
    /* A kernel that does not know MADV_WIPEONFORK (before 4.14). */
    if (!wiped && lockprof.private_base) {
        SYSTEM3(madvise, lockprof.private_base, lockprof.private_size, MADV_DONTNEED);
    }
    if (lockprof_self != &lockprof_nobody) {
        lockprof_self = &lockprof_nobody;
    }
}

__attribute__((constructor)) static void on_load(void)
{
    lane_init();
    if (lockprof_ready()) {
        pthread_atfork(NULL, NULL, in_child);
        maps_modules();
    }
}
