# SPDX-License-Identifier: Apache-2.0
"""A program with 4,800 locks of 4,800 names, on 16 threads: members of freshly allocated structs and statics by turns."""
THREADS, LOCKS = 16, 300


def acquires(thread, lock):
    return 1 + (7 * thread + lock) % 11


def name(thread, lock):
    """The expression by which the source denotes the lock."""
    if lock % 3 == 2:
        return "static_%d_%d" % (thread, lock)
    return "object->member_%d_%d" % (thread, lock)


def expected():
    return {name(thread, lock): acquires(thread, lock) for thread in range(THREADS) for lock in range(LOCKS)}


def unit(thread):
    """Source of one thread's unit. Every lock is acquired in a loop of its own."""
    members = [lock for lock in range(LOCKS) if lock % 3 != 2]
    lines = ["#include <pthread.h>", "#include <stdlib.h>", "struct object_%d { long uses;" % thread]
    lines += ["pthread_mutex_t member_%d_%d;" % (thread, lock) for lock in members]
    lines += ["};"] + ["static pthread_mutex_t static_%d_%d;" % (thread, lock) for lock in range(LOCKS) if lock % 3 == 2]
    lines += ["void *run_%d(void *);" % thread, "void *run_%d(void *unused) {" % thread,
              "struct object_%d *object = calloc(1, sizeof(*object));" % thread]
    for lock in range(LOCKS):
        lines += ["for (int i = 0; i < %d; i++) {" % acquires(thread, lock), "pthread_mutex_lock(&%s);" % name(thread, lock),
                  "object->uses++;", "pthread_mutex_unlock(&%s); }" % name(thread, lock)]
    return "\n".join(lines + ["free(object);", "return unused; }", ""])


def main_unit():
    threads = range(THREADS)
    lines = ["#include <pthread.h>", "#include <stdlib.h>"] + ["void *run_%d(void *);" % thread for thread in threads]
    lines += ["int main(void) {", "pthread_t threads[%d];" % THREADS, "void *(*const runs[])(void *) = {"]
    lines += ["run_%d," % thread for thread in threads]
    lines += ["};", "for (int i = 0; i < %d; i++)" % THREADS, "if (pthread_create(&threads[i], NULL, runs[i], NULL) != 0)",
              "abort();", "for (int i = 0; i < %d; i++)" % THREADS, "pthread_join(threads[i], NULL);", "return 0; }", ""]
    return "\n".join(lines)
