/* SPDX-License-Identifier: Apache-2.0 */
/* Code that invites wrong names: a lock may stay without one, but never gets another's. */
#include "lockprof_corpus.h"

#define HOSTILE 29

static void test_hostile_code_gets_no_wrong_name(void **state)
{
    static const struct corpus_build builds[] = {
        {"hostile.c", "gcc", "-O0 -g", NULL, HOSTILE},       {"hostile.c", "gcc", "-O1 -g", NULL, HOSTILE},
        {"hostile.c", "gcc", "-O2 -g", NULL, HOSTILE},       {"hostile.c", "gcc", "-O2 -gdwarf-4", NULL, HOSTILE},
        {"hostile.c", "gcc", "-O3 -g -flto", NULL, HOSTILE}, {"hostile.c", "clang", "-O0 -g", NULL, HOSTILE},
        {"hostile.c", "clang", "-O2 -g", NULL, HOSTILE},     {"hostile.c", "clang", "-O2 -gdwarf-4", NULL, HOSTILE},
    };
    for (size_t i = 0; i < sizeof builds / sizeof *builds; i++) {
        corpus_run(*state, &builds[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hostile_code_gets_no_wrong_name, corpus_setup, corpus_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
