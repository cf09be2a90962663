/* SPDX-License-Identifier: Apache-2.0 */
/* Ways in which a program holds a lock, one file each.
 *
 * A pattern's function makes its objects, lets the threads work on them by phase_run(), and takes them down. It may
 * take locks itself, always the same number of times. Each step takes each lock a fixed number of times, whatever the
 * other threads do, and waits with io_wait() while it holds it.
 *
 * Markers (read by workers/native/markers.py) make the ledger; one line can have one:
 *     pthread_mutex_t cache_lock; // lock: member/cache_lock exact
 *     pthread_mutex_init(&store->cache_lock, NULL); // init: member/cache_lock
 *     pthread_mutex_lock(&store->cache_lock); // acquire: member/cache_lock
 *     pthread_mutex_t mutex; // member: wrapper/index_lock wrapper/page_lock
 * `lock:` PATTERN/[OWNER.]NAME, then what a correct collector shows with full debug information, `exact` or `generic`,
 * then any of
 *     symbol         its storage is static, so that its ELF symbol alone is its name
 *     nameless       no variable's type says that it is a lock: its name is ""
 *     uncontended    nobody ever waits for it
 *     shown:TEXT     the collector's expression is NAME with TEXT behind it
 * and, after two dashes, a remark. `init:` and `acquire:` stand on the lines of the calls, `member:` on the declaration
 * of a member by which locks are shown that are declared elsewhere. */
#ifndef NATIVE_PATTERNS_PATTERNS_H
#define NATIVE_PATTERNS_PATTERNS_H

#include "native/runtime/pacing.h"
#include "native/runtime/phases.h"
#include "native/runtime/tally.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct pattern {
    const char *name;
    void (*serve)(struct phase *phase);
};

extern const struct pattern patterns[];
extern const size_t pattern_count;

#define PATTERN_LIST(X)                                                                                                \
    X(local)                                                                                                           \
    X(global)                                                                                                          \
    X(member)                                                                                                          \
    X(nested)                                                                                                          \
    X(private)                                                                                                         \
    X(anonymous)                                                                                                       \
    X(reentrant)                                                                                                       \
    X(slots)                                                                                                           \
    X(container)                                                                                                       \
    X(alias)                                                                                                           \
    X(shared_name)                                                                                                     \
    X(late_name)                                                                                                       \
    X(condition)                                                                                                       \
    X(semaphore)                                                                                                       \
    X(module)                                                                                                          \
    X(inherited)                                                                                                       \
    X(in_turn)                                                                                                         \
    X(wrapper)                                                                                                         \
    X(static)                                                                                                          \
    X(array)                                                                                                           \
    X(rwlock)                                                                                                          \
    X(spin)                                                                                                            \
    X(thread_local)                                                                                                    \
    X(global_pointer)                                                                                                  \
    X(recursive)                                                                                                       \
    X(timed)                                                                                                           \
    X(kinds)                                                                                                           \
    X(churn)                                                                                                           \
    X(forks)                                                                                                           \
    X(reference)

/* Of the tests, in tests/native/broken. */
#ifdef NATIVE_BROKEN
#define PATTERN_LIST_BROKEN(X) X(dying) X(hoarding)
#else
#define PATTERN_LIST_BROKEN(X)
#endif

#define PATTERN_DECLARE(name) void name##_serve(struct phase *phase);
PATTERN_LIST(PATTERN_DECLARE)
PATTERN_LIST_BROKEN(PATTERN_DECLARE)

#endif
