/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_distance(void **state)
{
    static const struct {
        const char *a, *b;
        unsigned distance;
    } cases[] = {
        {"", "", 0},
        {"", "abc", 3},
        {"abc", "", 3},
        {"threads", "threads", 0},
        {"treads", "threads", 1},
        {"thhreads", "threads", 1},
        {"thxeads", "threads", 1},
        {"htreads", "threads", 1}, /* a swap is one step */
        {"Threads", "threads", 0},
        {"capture-pct", "capture_pct", 0},
        {"kitten", "sitting", 3},
        {"ca", "abc", 3}, /* no letter is moved twice */
        {"abcdef", "badcfe", 3},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned there = nearest_distance(cases[i].a, cases[i].b), back = nearest_distance(cases[i].b, cases[i].a);
        if (there != cases[i].distance || back != there) {
            fail_msg("`%s` to `%s`: %u, back %u", cases[i].a, cases[i].b, there, back);
        }
    }
}

static void test_words_that_are_too_long_are_far(void **state)
{
    (void)state;
    char longest[NEAREST_LENGTH_MAX + 1], longer[NEAREST_LENGTH_MAX + 2];
    memset(longest, 'a', sizeof longest);
    longest[NEAREST_LENGTH_MAX] = '\0';
    memset(longer, 'a', sizeof longer);
    longer[NEAREST_LENGTH_MAX + 1] = '\0';
    assert_int_equal(nearest_distance(longest, longest), 0);
    assert_int_equal(nearest_distance(longer, longest), NEAREST_LENGTH_MAX);
    assert_int_equal(nearest_distance(longest, longer), NEAREST_LENGTH_MAX);
}

static const char *nearest_of(const char *typed)
{
    static const char *const words[] = {"name",    "env",    "seed",        "threads",       "duration",    "arms",
                                        "workers", "phases", "capture_pct", "start_timeout", "stop_timeout"};
    struct nearest best = {0};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        nearest_offer(&best, typed, words[i]);
    }
    return best.word ? best.word : "none";
}

static void test_what_was_meant(void **state)
{
    (void)state;
    assert_string_equal(nearest_of("duraton"), "duration");
    assert_string_equal(nearest_of("DURATION"), "duration");
    assert_string_equal(nearest_of("thread"), "threads");
    assert_string_equal(nearest_of("captur_pct"), "capture_pct");
    assert_string_equal(nearest_of("stat_timeout"), "start_timeout");
    assert_string_equal(nearest_of("arm"), "arms");
    assert_string_equal(nearest_of("sed"), "seed");
    assert_string_equal(nearest_of("colour"), "none");
    assert_string_equal(nearest_of("x"), "none");
    /* One letter that has to change altogether says nothing. */
    struct nearest best = {0};
    nearest_offer(&best, "x", "a");
    nearest_offer(&best, "o", "to");
    assert_null(best.word);
    assert_string_equal(nearest_of(""), "none");
}

static void test_of_equally_near_words_the_first_wins(void **state)
{
    (void)state;
    struct nearest best = {0};
    nearest_offer(&best, "bare", "care");
    nearest_offer(&best, "bare", "dare");
    assert_string_equal(best.word, "care");
    nearest_offer(&best, "bare", "bare");
    assert_string_equal(best.word, "bare");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_words_that_are_too_long_are_far),
        cmocka_unit_test(test_what_was_meant),
        cmocka_unit_test(test_of_equally_near_words_the_first_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
