/* SPDX-License-Identifier: Apache-2.0 */
/* Where an axis begins and ends, which lines it has, and in which unit. */
#include "report/soak_axis.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void expect_text(struct buf *got, const char *want, size_t row)
{
    if (strcmp(got->data, want) != 0)
        fail_msg("row %zu: %s, not %s", row, got->data, want);
    buf_fini(got);
}

static void test_axes(void **state)
{
    static const struct {
        enum axis_kind kind;
        double least, most;
        const char *text; /* labels of the ends, the step's and the unit */
    } cases[] = {
        {AXIS_BYTES, 0, 0, "0.0 1.0 0.5 B"},
        {AXIS_BYTES, 40 * 1048576.0, 41 * 1048576.0, "38 44 2 MiB"},
        {AXIS_BYTES, 10 * 1048576.0, 240 * 1048576.0, "0 300 100 MiB"},
        {AXIS_BYTES, 5e9, 5e9, "4.4 5.0 0.2 GiB"},
        {AXIS_COUNT, 9, 9, "8 10 1 "},
        {AXIS_COUNT, 0, 2, "0 2 1 "},
        {AXIS_CORES, 0.3, 0.5, "0.0 0.6 0.2 cores"},
        {AXIS_MS, 60, 100, "0 100 50 ms"},
        {AXIS_MS, 0.2, 0.4, "0 400 200 us"},
        {AXIS_MS, 59000, 61000, "55 65 5 s"},
        {AXIS_COUNT, -3, 10, "0 10 5 "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct axis a = axis_make(cases[i].kind, cases[i].least, cases[i].most);
        struct buf text = {0};
        axis_add_label(&a, a.low, &text);
        buf_add_char(&text, ' ');
        axis_add_label(&a, a.high, &text);
        buf_add_char(&text, ' ');
        axis_add_label(&a, a.step, &text);
        buf_printf(&text, " %s", a.name);
        expect_text(&text, cases[i].text, i);
    }
}

/* Whatever values there are: all of them lie on it, and it has a handful of lines. */
static void test_any_values_have_an_axis(void **state)
{
    static const double values[] = {-1e308, -5,   0,   1e-300, 1e-9, 0.4,  1,       7,
                                    1023,   1024, 1e6, 1e12,   1e18, 1e29, 1.79e308};
    const size_t count = sizeof values / sizeof *values;
    (void)state;
    for (int kind = AXIS_BYTES; kind <= AXIS_MS; kind++)
        for (size_t i = 0; i < count; i++)
            for (size_t j = i; j < count; j++) {
                struct axis a = axis_make((enum axis_kind)kind, values[i], values[j]);
                double lines = (a.high - a.low) / a.step;
                assert_true(isfinite(a.low) && isfinite(a.high) && a.step > 0 && a.low >= 0);
                assert_true(lines >= 0.9 && lines < 7.1);
                if (values[j] > 0 && values[j] < 1e30)
                    assert_true(a.high >= values[j] * (1 - 1e-9) && (a.low <= values[i] * (1 + 1e-9) || a.low == 0));
            }
}

static void test_time(void **state)
{
    static const struct {
        int64_t end_ms;
        const char *step;
    } cases[] = {{0, "1 s"},        {4000, "1 s"},     {60000, "15 s"},    {600000, "2 min"}, {3600000, "15 min"},
                 {12000000, "1 h"}, {28800000, "2 h"}, {604800000, "2 d"}, {86400000, "6 h"}, {31536000000, "90 d"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct axis a = axis_time(cases[i].end_ms);
        struct buf text = {0};
        axis_add_label(&a, a.step, &text);
        buf_printf(&text, " %s", a.name);
        expect_text(&text, cases[i].step, i);
        assert_true(a.high / a.step <= 5.001);
    }
}

static void test_values_and_rates(void **state)
{
    static const struct {
        enum axis_kind kind;
        bool rate;
        double value;
        const char *text;
    } cases[] = {
        {AXIS_BYTES, false, 24751308, "23.6 MiB"}, {AXIS_COUNT, false, 24, "24"},
        {AXIS_CORES, false, 0.324, "0.32 cores"},  {AXIS_MS, false, 63.4, "63.4 ms"},
        {AXIS_MS, false, 59600, "59.6 s"},         {AXIS_BYTES, true, 6.1e7, "+61.0 MB/h"},
        {AXIS_BYTES, true, -2500, "-2.5 kB/h"},    {AXIS_BYTES, true, 0, "+0.0 B/h"},
        {AXIS_COUNT, true, 12.34, "+12.3/h"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf text = {0};
        (cases[i].rate ? axis_add_rate : axis_add_value)(cases[i].kind, cases[i].value, &text);
        expect_text(&text, cases[i].text, i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_axes),
        cmocka_unit_test(test_any_values_have_an_axis),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_values_and_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
