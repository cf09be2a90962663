/* SPDX-License-Identifier: Apache-2.0 */
/* The ways in which C programs commonly hold their locks, built by gcc and clang in many ways, run under the real
 * capture library: each lock must get the name that the program itself says. */
#include "lockprof_corpus.h"

#define PATTERNS 46

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

/* What debug information does not say: the symbol, the line of the call, the place in the module, in this order. */
static void test_labels_without_debug_information(void **state)
{
    static const struct {
        const char *flags, *storage, *member;
    } rows[] = {
        {"-O2 -g1", "patterns.c:107:static_app+0x8", "patterns.c:"},
        {"-O2", "program:0:static_app+0x8", "program+0x"},
        {"-O2 -s", "program+0x", "program+0x"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct corpus *corpus = *state;
        struct corpus_build build = {"patterns.c", "gcc", rows[i].flags, NULL, PATTERNS};
        struct corpus_capture capture = {.count = 0};
        corpus_capture(corpus, &build, &capture);
        for (size_t l = 0; l < corpus->count; l++) {
            const char *names = corpus->locks[l].names, *prefix = NULL;
            prefix = strcmp(names, "static_app.app_lock") == 0     ? rows[i].storage
                     : strcmp(names, "me->user_session_lock") == 0 ? rows[i].member
                                                                   : NULL;
            struct lock_name name;
            size_t index = 0;
            if (prefix) {
                assert_true(corpus_find(&capture, corpus->locks[l].address, 0, &index));
                assert_true(corpus_name(&capture, index, &name));
                if (strncmp(name.label, prefix, strlen(prefix)) != 0) {
                    fail_msg("%s: %s, not %s", rows[i].flags, name.label, prefix);
                }
                lock_name_fini(&name);
            }
        }
        corpus_capture_end(&capture);
    }
}

static void test_better_names(void **state)
{
    static char member[] = "o->lockp", bare[] = "lk";
    static const struct {
        struct lock_name a;
        bool a_is_init;
        struct lock_name b;
        bool b_is_init, better;
    } rows[] = {
        {{.source = NAME_STORAGE}, false, {.source = NAME_PATH}, true, true},
        {{.source = NAME_PATH}, false, {.source = NAME_POINTER}, true, true},
        {{.source = NAME_POINTER}, true, {.source = NAME_PATH}, false, false},
        {{.source = NAME_PATH}, false, {.source = NAME_PATH, .from_parameter = true}, true, true},
        {{.source = NAME_PATH, .from_parameter = true}, false, {.source = NAME_PATH}, false, false},
        {{.source = NAME_PATH}, true, {.source = NAME_PATH}, false, false},
        {{.source = NAME_POINTER, .name = member}, false, {.source = NAME_POINTER, .name = bare}, true, true},
        {{.source = NAME_POINTER, .name = bare}, true, {.source = NAME_POINTER, .name = member}, false, false},
        {{.source = NAME_LINE}, true, {.source = NAME_LINE}, false, true},
        {{.source = NAME_LINE}, false, {.source = NAME_LINE}, true, false},
        {{.source = NAME_ADDRESS}, true, {.source = NAME_ADDRESS}, false, true},
        {{.source = NAME_SYMBOL}, false, {.source = NAME_LINE}, true, true},
        {{.source = NAME_LINE}, false, {.source = NAME_ADDRESS}, true, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(lock_name_better(&rows[i].a, rows[i].a_is_init, &rows[i].b, rows[i].b_is_init),
                         rows[i].better);
    }
}

static void test_contradictions(void **state)
{
    static char one[] = "one.c", two[] = "two.c";
    const struct lock_name storage = {.source = NAME_STORAGE, .file = one, .line = 3};
    const struct lock_name same = {.source = NAME_PATH, .file = one, .line = 3};
    const struct lock_name line = {.source = NAME_PATH, .file = one, .line = 4};
    const struct lock_name file = {.source = NAME_PATH, .file = two, .line = 3};
    const struct lock_name alias = {.source = NAME_POINTER, .file = two, .line = 9};
    (void)state;
    assert_false(lock_name_contradicts(&storage, &same));
    assert_true(lock_name_contradicts(&storage, &line));
    assert_true(lock_name_contradicts(&file, &storage));
    assert_false(lock_name_contradicts(&storage, &alias));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_patterns, corpus_setup, corpus_teardown),
        cmocka_unit_test_setup_teardown(test_labels_without_debug_information, corpus_setup, corpus_teardown),
        cmocka_unit_test(test_better_names),
        cmocka_unit_test(test_contradictions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
