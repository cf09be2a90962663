/* SPDX-License-Identifier: Apache-2.0 */
/* One way of holding a lock in a program, exercised in threads that bear its name, so that every sample of the profile
 * is known to belong to it whatever the profiler calls the lock. The test reads two kinds of marks in these sources:
 * `decl: PATTERN` on the line that declares a pattern's lock and `call: PATTERN` on the lines that initialise or
 * acquire it. */
#ifndef PATTERNS_H
#define PATTERNS_H

#include <pthread.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Acquires of a pattern in each of its threads, unless it says otherwise. */
#define ROUNDS 5

/* Does the pattern and returns how many acquires it made. */
typedef unsigned (*pattern_fn)(void);

struct pattern {
    const char *name; /* and of its threads: at most 15 bytes */
    pattern_fn run;
};

/* Each file's patterns, ended by a NULL name. */
extern const struct pattern storage_patterns[], stack_patterns[], member_patterns[], outward_patterns[],
    kind_patterns[], cpp_patterns[];

/* In the shared library with hidden symbols. */
unsigned library_static(void);
unsigned library_member(void);
unsigned library_hidden(void);

/* Runs `body` in a thread of its own under the calling thread's name, and waits for its end. */
void in_thread(void *(*body)(void *), void *argument);

#ifdef __cplusplus
}
#endif
#endif
