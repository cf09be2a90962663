/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/units.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define UNTOUCHED 4711

static void test_durations_that_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"0", 0},
        {"0s", 0},
        {"250ms", 250},
        {"1s", 1000},
        {"120s", 120000},
        {"120", 120000},
        {"1.5s", 1500},
        {"1.5", 1500},
        {"0.001s", 1},
        {"0.000000001h", -1}, /* less than a millisecond */
        {"10m", 600000},
        {"0.5m", 30000},
        {"8h", 28800000},
        {"0.25h", 900000},
        {"1.000000000s", 1000},
        {"9223372036854775807ms", INT64_MAX},
        {"9223372036854775.807s", INT64_MAX},
        {"9223372036854775808ms", -1},
        {"9223372036854776s", -1},
        {"18446744073709551615h", -1},
        {"18446744073709551616", -1},
        {"99999999999999999999999999999999999999999999", -1},
        {"1.0000000000s", -1}, /* ten places */
        {"1.5ms", -1},
        {"0.3333s", -1},
        {"", -1},
        {"s", -1},
        {".5s", -1},
        {"5.s", -1},
        {"-1s", -1},
        {"+1s", -1},
        {" 1s", -1},
        {"1 s", -1},
        {"1s ", -1},
        {"1S", -1},
        {"1sec", -1},
        {"10min", -1},
        {"1d", -1},
        {"1m30s", -1},
        {"0x10s", -1},
        {"1e3s", -1},
        {"1e3", -1},
        {"inf", -1},
        {"nan", -1},
        {"1,5s", -1},
        {"1.5.5s", -1},
        {"64MiB", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = UNTOUCHED;
        bool good = units_parse_duration(cases[i].text, &ms);
        int64_t expected = cases[i].ms < 0 ? UNTOUCHED : cases[i].ms;
        if (good != (cases[i].ms >= 0) || ms != expected) {
            fail_msg("`%s`: %d, %" PRId64, cases[i].text, good, ms);
        }
    }
}

static void test_sizes_that_are_read(void **state)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t bytes;
    } cases[] = {
        {"0", true, 0},
        {"4096", true, 4096},
        {"4096B", true, 4096},
        {"1KiB", true, 1024},
        {"64KiB", true, 65536},
        {"64MiB", true, UINT64_C(67108864)},
        {"2GiB", true, UINT64_C(2147483648)},
        {"1TiB", true, UINT64_C(1099511627776)},
        {"10kB", true, 10000},
        {"5MB", true, 5000000},
        {"1GB", true, 1000000000},
        {"1.5KiB", true, 1536},
        {"0.5MB", true, 500000},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0},
        {"16777215TiB", true, UINT64_C(16777215) << 40},
        {"16777216TiB", false, 0},
        {"18446744073709551615TiB", false, 0},
        {"1.0001KiB", false, 0},
        {"0.5", false, 0},
        {"1KB", false, 0},
        {"1K", false, 0},
        {"1M", false, 0},
        {"64mib", false, 0},
        {"64 MiB", false, 0},
        {"-1", false, 0},
        {"", false, 0},
        {"MiB", false, 0},
        {"10s", false, 0},
        {"0x10", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t bytes = UNTOUCHED;
        bool good = units_parse_size(cases[i].text, &bytes);
        if (good != cases[i].good || bytes != (good ? cases[i].bytes : UNTOUCHED)) {
            fail_msg("`%s`: %d, %" PRIu64, cases[i].text, good, bytes);
        }
    }
}

static void test_the_shortest_exact_form_is_printed(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } durations[] = {
        {0, "0s"},          {1, "1ms"},
        {999, "999ms"},     {1000, "1s"},
        {1500, "1500ms"},   {90000, "90s"},
        {60000, "1m"},      {600000, "10m"},
        {3600000, "1h"},    {5400000, "90m"},
        {28800000, "8h"},   {86400000, "24h"},
        {3601000, "3601s"}, {INT64_MAX, "9223372036854775807ms"},
    };
    static const struct {
        uint64_t bytes;
        const char *text;
    } sizes[] = {
        {0, "0"},
        {1, "1"},
        {1000, "1000"},
        {1024, "1KiB"},
        {1536, "1536"},
        {67108864, "64MiB"},
        {UINT64_C(3) << 30, "3GiB"},
        {UINT64_C(1) << 40, "1TiB"},
        {UINT64_MAX, "18446744073709551615"},
    };
    (void)state;
    struct buf out = {0};
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        buf_clear(&out);
        units_print_duration(&out, durations[i].ms);
        assert_string_equal(out.data, durations[i].text);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        buf_clear(&out);
        units_print_size(&out, sizes[i].bytes);
        assert_string_equal(out.data, sizes[i].text);
    }
    buf_fini(&out);
}

/* A generator of its own (xorshift64), so that the values are the same on every machine. */
static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void test_what_is_printed_reads_back(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252;
    struct buf out = {0};
    for (int i = 0; i < 20000; i++) {
        uint64_t bytes = next(&seed) >> (next(&seed) % 64) << (next(&seed) % 4 * 10), got;
        int64_t ms = (int64_t)(bytes >> 1), got_ms;
        buf_clear(&out);
        units_print_size(&out, bytes);
        assert_true(units_parse_size(out.data, &got));
        assert_true(got == bytes);
        buf_clear(&out);
        units_print_duration(&out, ms);
        assert_true(units_parse_duration(out.data, &got_ms));
        assert_true(got_ms == ms);
    }
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations_that_are_read),
        cmocka_unit_test(test_sizes_that_are_read),
        cmocka_unit_test(test_the_shortest_exact_form_is_printed),
        cmocka_unit_test(test_what_is_printed_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
