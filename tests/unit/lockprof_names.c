/* SPDX-License-Identifier: Apache-2.0 */
/* The ways in which C programs commonly hold their locks, built by gcc and clang in many ways, run under the real
 * capture library: each lock must get the name that the program itself says. */
#include "lockprof_corpus.h"

#define PATTERNS 45

static void test_patterns(void **state)
{
    static const struct corpus_build builds[] = {
        {"patterns.c", "gcc", "-O0 -g", NULL, PATTERNS},
        {"patterns.c", "gcc", "-O2 -g", NULL, PATTERNS},
        {"patterns.c", "gcc", "-O0 -gdwarf-4", NULL, PATTERNS},
        {"patterns.c", "gcc", "-O2 -gdwarf-4", NULL, PATTERNS},
        {"patterns.c", "clang", "-O0 -g", NULL, PATTERNS},
        {"patterns.c", "clang", "-O2 -g", NULL, PATTERNS},
        {"patterns.c", "clang", "-O0 -gdwarf-4", NULL, PATTERNS},
        {"patterns.c", "clang", "-O2 -gdwarf-4", NULL, PATTERNS},
        {"patterns.c", "gcc", "-O3 -g -flto", NULL, PATTERNS},
        {"patterns.c", "gcc", "-O2 -g -gsplit-dwarf", NULL, PATTERNS},
        {"patterns.c", "gcc", "-O2 -gdwarf-4 -gsplit-dwarf", NULL, PATTERNS},
        {"patterns.c", "clang", "-O2 -g -gsplit-dwarf", NULL, PATTERNS},
        {"patterns.c", "gcc", "-O2 -g -gz", NULL, PATTERNS},
        {"patterns.c", "gcc", "-O2 -g -fdebug-types-section", NULL, PATTERNS},
        {"patterns.c", "gcc", "-O2 -g -fno-pie -no-pie", NULL, PATTERNS},
        {"patterns.c", "gcc", "-Og -g -fomit-frame-pointer", NULL, PATTERNS},
    };
    for (size_t i = 0; i < sizeof builds / sizeof *builds; i++) {
        corpus_run(*state, &builds[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_patterns, corpus_setup, corpus_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
