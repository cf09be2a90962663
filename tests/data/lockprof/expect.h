/* SPDX-License-Identifier: Apache-2.0 */
/* A program of the corpus says itself what a correct profiler calls each of its locks: one line "ADDRESS NAMES" on
 * standard output for each lock, in the order in which the locks come to be. NAMES are alternatives with "|" between
 * them, "-": no name by the debug information. */
#ifndef LOCKPROF_CORPUS_EXPECT_H
#define LOCKPROF_CORPUS_EXPECT_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* What the compiler may do to a build without optimization, and with. */
#ifdef __OPTIMIZE__
#define BUILD(plain, optimized) optimized
#else
#define BUILD(plain, optimized) plain
#endif

#ifdef __clang__
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif
#define INLINE inline __attribute__((always_inline))

NOINLINE static void expect(const void *lock, const char *names)
{
    printf("%p %s\n", lock, names);
    __asm__ volatile("" ::: "memory");
}

/* Keeps a value alive until here. */
#define KEEP(value) __asm__ volatile("" ::"g"(value) : "memory")

#endif
