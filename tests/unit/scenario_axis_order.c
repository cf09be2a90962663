/* SPDX-License-Identifier: Apache-2.0 */
/* The order of versions, numbers and words. */
#include "scenario/matrix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int sign(int x)
{
    return (x > 0) - (x < 0);
}

/* Each is below all that follow it. */
static void assert_ascending(enum axis_order order, const char *const *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            int expected = (i > j) - (i < j);
            if (sign(axis_compare(order, values[i], values[j])) != expected) {
                fail_msg("%s and %s: expected %d", values[i], values[j], expected);
            }
        }
    }
}

/* The examples of PEP 440 among them. */
static void test_versions_in_their_order(void **state)
{
    (void)state;
    static const char *const values[] = {
        "0.9",    "1.0.dev1",    "1.0.dev2", "1.0a1.dev1", "1.0a1",  "1.0a2",    "1.0a12",         "1.0b1.dev456",
        "1.0b2",  "1.0rc1.dev1", "1.0rc1",   "1.0rc2",     "1.0",    "1.0+abc",  "1.0.post1.dev1", "1.0.post2",
        "1.0.1",  "1.1.dev1",    "3.9.1",    "3.17.3",     "3.19.9", "4.0.0rc1", "4.0.0",          "4.8.13",
        "4.16.0", "2013.10",     "1!0.1",    "no version"};
    assert_ascending(AXIS_VERSIONS, values, sizeof values / sizeof *values);
}

static void test_spellings_of_one_version_are_equal(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"1.0", "1.0.0"},          {"v1.0", "1.0"},        {"1.0alpha1", "1.0a1"},
                                           {"1.0-beta.2", "1.0b2"},   {"1.0c1", "1.0rc1"},    {"1.0.RC1", "1.0rc1"},
                                           {"1.0preview3", "1.0rc3"}, {"1.0-1", "1.0.post1"}, {"1.0.rev2", "1.0.post2"},
                                           {"1.0a", "1.0a0"},         {"01.2", "1.2"},        {"1.0_dev3", "1.0.dev3"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (axis_compare(AXIS_VERSIONS, pairs[i][0], pairs[i][1]) != 0) {
            fail_msg("%s and %s are not the same", pairs[i][0], pairs[i][1]);
        }
    }
}

static void test_final_releases_are_told(void **state)
{
    (void)state;
    static const char *const final[] = {"4.16.0", "1.0.post1", "1!2.0", "v3.1"};
    static const char *const other[] = {"4.0.0rc1", "4.0.0.dev1", "1.0a1", "1.0.post1.dev2", "", "x", "1.0x", "1..0"};
    for (size_t i = 0; i < sizeof final / sizeof *final; i++) {
        assert_true(version_is_final(final[i]));
    }
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        assert_false(version_is_final(other[i]));
    }
}

static void test_numbers_in_their_order(void **state)
{
    (void)state;
    static const char *const plain[] = {"-3", "0", "1e-3", "0.5", "2", "10", "1e3", "word"};
    static const char *const times[] = {"250ms", "0.5", "2", "90s", "10m", "1h"};
    static const char *const sizes[] = {"100", "1kB", "64KiB", "1MiB"};
    assert_ascending(AXIS_NUMBERS, plain, sizeof plain / sizeof *plain);
    assert_ascending(AXIS_NUMBERS, times, sizeof times / sizeof *times);
    assert_ascending(AXIS_NUMBERS, sizes, sizeof sizes / sizeof *sizes);
}

static void test_words_as_texts(void **state)
{
    (void)state;
    static const char *const values[] = {"10", "2", "O2g", "a", "b"};
    assert_ascending(AXIS_WORDS, values, sizeof values / sizeof *values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions_in_their_order), cmocka_unit_test(test_spellings_of_one_version_are_equal),
        cmocka_unit_test(test_final_releases_are_told), cmocka_unit_test(test_numbers_in_their_order),
        cmocka_unit_test(test_words_as_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
