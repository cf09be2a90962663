/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_words_are_those_of_the_design(void **state)
{
    static const char *const stages[] = {"declared", "control", "collector", "upload", "agent", "backend", "ui"};
    static const char *const states[] = {"exact", "mangled", "alias", "generic", "absent", "undersampled", "not_run"};
    static const char *const mechanisms[] = {"never_named",       "never_sampled",   "aliased",         "label_dropped",
                                             "label_key_renamed", "value_truncated", "value_rewritten", "names_swapped",
                                             "samples_dropped",   "profile_dropped", "profile_corrupt", "duplicated"};
    static const char *const verdicts[] = {"success", "partial", "failure", "critical", "inconclusive", "error"};
    (void)state;
    for (int i = 0; i < STAGE_COUNT; i++) {
        assert_string_equal(stage_name((enum stage)i), stages[i]);
    }
    for (int i = 0; i < STATE_COUNT; i++) {
        assert_string_equal(lock_state_name((enum lock_state)i), states[i]);
    }
    for (int i = 0; i < MECHANISM_COUNT; i++) {
        assert_string_equal(mechanism_name((enum mechanism)i), mechanisms[i]);
    }
    for (int i = 0; i < VERDICT_COUNT; i++) {
        assert_string_equal(verdict_name((enum verdict)i), verdicts[i]);
    }
    assert_string_equal(arm_name(ARM_LOCAL), "local");
    assert_string_equal(arm_name(ARM_UPLOAD), "upload");
    assert_string_equal(arm_name(ARM_TEE), "tee");
    assert_string_equal(arm_name(ARM_CONTROL), "control");
}

static void test_each_word_is_read_back(void **state)
{
    (void)state;
    for (int i = 0; i < STAGE_COUNT; i++) {
        enum stage got = STAGE_COUNT;
        assert_true(stage_parse(stage_name((enum stage)i), &got));
        assert_int_equal(got, i);
    }
    for (int i = 0; i < MECHANISM_COUNT; i++) {
        enum mechanism got = MECHANISM_COUNT;
        assert_true(mechanism_parse(mechanism_name((enum mechanism)i), &got));
        assert_int_equal(got, i);
    }
    for (int i = 0; i < VERDICT_COUNT; i++) {
        enum verdict got = VERDICT_COUNT;
        assert_true(verdict_parse(verdict_name((enum verdict)i), &got));
        assert_int_equal(got, i);
    }
    for (int i = ARM_LOCAL; i <= ARM_CONTROL; i++) {
        enum arm got = ARM_LOCAL;
        assert_true(arm_parse(arm_name((enum arm)i), &got));
        assert_int_equal(got, i);
    }
}

static void test_other_words_leave_the_result_alone(void **state)
{
    static const char *const words[] = {"", "Collector", "collector ", "collecto", "localx"};
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        enum stage stage = STAGE_UI;
        enum mechanism mechanism = MECHANISM_ALIASED;
        enum verdict verdict = VERDICT_PARTIAL;
        enum arm arm = ARM_TEE;
        assert_false(stage_parse(words[i], &stage));
        assert_false(mechanism_parse(words[i], &mechanism));
        assert_false(verdict_parse(words[i], &verdict));
        assert_false(arm_parse(words[i], &arm));
        assert_int_equal(stage, STAGE_UI);
        assert_int_equal(mechanism, MECHANISM_ALIASED);
        assert_int_equal(verdict, VERDICT_PARTIAL);
        assert_int_equal(arm, ARM_TEE);
    }
}

static void test_renderings(void **state)
{
    static const struct {
        const char *text;
        bool good;
        enum rendering rendering;
        const char *mangled;
    } cases[] = {
        {"exact", true, RENDERING_EXACT, NULL},
        {"generic", true, RENDERING_GENERIC, NULL},
        {"mangled:_Session__lock", true, RENDERING_MANGLED, "_Session__lock"},
        {"mangled:x", true, RENDERING_MANGLED, "x"},
        {"mangled:a:b", true, RENDERING_MANGLED, "a:b"},
        {"mangled:", false, RENDERING_EXACT, NULL},
        {"mangled", false, RENDERING_EXACT, NULL},
        {"", false, RENDERING_EXACT, NULL},
        {"Exact", false, RENDERING_EXACT, NULL},
        {"exact ", false, RENDERING_EXACT, NULL},
        {"exact:x", false, RENDERING_EXACT, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum rendering rendering = (enum rendering)77;
        const char *mangled = "untouched";
        if (rendering_parse(cases[i].text, &rendering, &mangled) != cases[i].good) {
            fail_msg("'%s' is %staken", cases[i].text, cases[i].good ? "not " : "");
        }
        if (!cases[i].good) {
            assert_int_equal(rendering, 77);
            assert_string_equal(mangled, "untouched");
            continue;
        }
        assert_int_equal(rendering, cases[i].rendering);
        if (cases[i].mangled == NULL) {
            assert_null(mangled);
        } else {
            assert_string_equal(mangled, cases[i].mangled);
        }
    }
}

static void test_exit_codes(void **state)
{
    static const int codes[VERDICT_COUNT] = {0, 1, 2, 3, 4, 70};
    (void)state;
    for (int i = 0; i < VERDICT_COUNT; i++) {
        assert_int_equal(verdict_exit_code((enum verdict)i), codes[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_are_those_of_the_design),
        cmocka_unit_test(test_each_word_is_read_back),
        cmocka_unit_test(test_other_words_leave_the_result_alone),
        cmocka_unit_test(test_renderings),
        cmocka_unit_test(test_exit_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
