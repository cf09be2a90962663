/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/series.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

static void add_line(struct series *s, uint64_t samples)
{
    for (uint64_t i = 0; i < samples; i++) {
        series_add(s, (int64_t)i * 1000, (double)i);
    }
}

static void test_each_sample_is_a_point_until_there_are_too_many(void **state)
{
    struct series s = {0};
    (void)state;
    add_line(&s, SERIES_POINTS_MAX);
    assert_int_equal(s.count, SERIES_POINTS_MAX);
    assert_int_equal(s.stride, 1);
    assert_int_equal(s.pending, 0);
    for (size_t i = 0; i < s.count; i++) {
        assert_int_equal(s.points[i].at_ms, i * 1000);
        assert_true(s.points[i].value == (double)i);
    }
}

static void test_the_first_sample_too_many_halves_the_points(void **state)
{
    struct series s = {0};
    (void)state;
    add_line(&s, SERIES_POINTS_MAX + 1);
    assert_int_equal(s.count, SERIES_POINTS_MAX / 2);
    assert_int_equal(s.stride, 2);
    assert_int_equal(s.pending, 1);
    assert_int_equal(s.points[0].at_ms, 500);
    assert_true(s.points[0].value == 0.5);
    assert_int_equal(s.points[255].at_ms, 510500);
    assert_true(s.points[255].value == 510.5);
    series_add(&s, 513000, 513);
    assert_int_equal(s.count, SERIES_POINTS_MAX / 2 + 1);
    assert_int_equal(s.points[256].at_ms, 512500);
    assert_true(s.points[256].value == 512.5);
}

/* Whatever the number of samples: each point is the mean of `stride` neighbours, and all samples are in one. */
static void test_points_stand_for_equally_many_samples(void **state)
{
    const uint64_t counts[] = {1, 511, 513, 1023, 1024, 1025, 5000, 28800, 100000, 1000003};
    (void)state;
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        struct series s = {0};
        add_line(&s, counts[c]);
        assert_int_equal(s.samples, counts[c]);
        assert_int_equal(s.count * s.stride + s.pending, counts[c]);
        assert_true(s.pending < s.stride);
        assert_true(counts[c] < SERIES_POINTS_MAX || s.count >= SERIES_POINTS_MAX / 2);
        for (size_t i = 0; i < s.count; i++) {
            double middle = (double)i * s.stride + (s.stride - 1) / 2.0;
            assert_true(fabs(s.points[i].value - middle) < 1e-6);
            assert_true(fabs((double)s.points[i].at_ms - middle * 1000) < 30); /* each halving rounds */
        }
    }
}

static void test_extremes_and_the_last_one_are_of_all_samples(void **state)
{
    struct series s = {0};
    (void)state;
    for (int i = 0; i < 10000; i++) {
        series_add(&s, i, i == 77 ? -5 : i == 4321 ? 900 : 10);
    }
    assert_true(s.least == -5 && s.most == 900 && s.last == 10);
}

static void test_times_do_not_go_back(void **state)
{
    struct series s = {0};
    (void)state;
    series_add(&s, 5000, 1);
    series_add(&s, 1000, 2);
    series_add(&s, 7000, 3);
    assert_int_equal(s.points[1].at_ms, 5000);
    assert_int_equal(s.points[2].at_ms, 7000);
}

static void test_what_is_no_number_is_left_out(void **state)
{
    struct series s = {0}, none = {0};
    (void)state;
    series_add(&s, 1, NAN);
    series_add(&s, 1, INFINITY);
    assert_memory_equal(&s, &none, sizeof s);
}

static void test_a_copy_goes_on_like_the_original(void **state)
{
    struct series s = {0};
    (void)state;
    add_line(&s, 777);
    struct series copy = s;
    for (int i = 777; i < 3000; i++) {
        series_add(&s, i * 1000, i);
        series_add(&copy, i * 1000, i);
    }
    assert_memory_equal(&s, &copy, sizeof s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_sample_is_a_point_until_there_are_too_many),
        cmocka_unit_test(test_the_first_sample_too_many_halves_the_points),
        cmocka_unit_test(test_points_stand_for_equally_many_samples),
        cmocka_unit_test(test_extremes_and_the_last_one_are_of_all_samples),
        cmocka_unit_test(test_times_do_not_go_back),
        cmocka_unit_test(test_what_is_no_number_is_left_out),
        cmocka_unit_test(test_a_copy_goes_on_like_the_original),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
