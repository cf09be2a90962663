/* SPDX-License-Identifier: Apache-2.0 */
/* Locks of C++ programs, and of programs in several parts. */
#include "lockprof_corpus.h"

#define CLASSES 24
#define PARTS 6

static void test_classes(void **state)
{
    static const struct corpus_build builds[] = {
        {"classes.cc", "g++", "-std=c++17 -Wno-invalid-offsetof -O0 -g", NULL, CLASSES},
        {"classes.cc", "g++", "-std=c++17 -Wno-invalid-offsetof -O2 -g", NULL, CLASSES},
        {"classes.cc", "g++", "-std=c++17 -Wno-invalid-offsetof -O2 -gdwarf-4", NULL, CLASSES},
        {"classes.cc", "clang++", "-std=c++17 -Wno-invalid-offsetof -O0 -g", NULL, CLASSES},
        {"classes.cc", "clang++", "-std=c++17 -Wno-invalid-offsetof -O2 -g", NULL, CLASSES},
    };
    for (size_t i = 0; i < sizeof builds / sizeof *builds; i++) {
        corpus_run(*state, &builds[i]);
    }
}

static void test_shared_objects(void **state)
{
    static const struct corpus_build builds[] = {
        {"part_main.c", "gcc", "-O0 -g", "part.c", PARTS},
        {"part_main.c", "gcc", "-O2 -g", "part.c", PARTS},
        {"part_main.c", "clang", "-O2 -g", "part.c", PARTS},
        {"part_main.c", "gcc", "-O2 -gdwarf-4", "part.c", PARTS},
    };
    for (size_t i = 0; i < sizeof builds / sizeof *builds; i++) {
        corpus_run(*state, &builds[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_classes, corpus_setup, corpus_teardown),
        cmocka_unit_test_setup_teardown(test_shared_objects, corpus_setup, corpus_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
