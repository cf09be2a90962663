/* SPDX-License-Identifier: Apache-2.0 */
#include "report/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect(struct buf *b, const char *expected)
{
    assert_string_equal(b->data ? b->data : "", expected);
    buf_fini(b);
}

static void test_harmless(void **state)
{
    static const struct {
        const char *text, *clean;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"a\tb\nc", "a b c"},
        {"\x1b[2J\x07\x7f", "\\x1b[2J\\x07\\x7f"},
        {"\xff\xc3", "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xc2\x9b"
         "31m",
         "\\u009b31m"},
        {"\xe2\x80\xae"
         "evil",
         "\\u202eevil"},
        {"\xc3\xa9", "\xc3\xa9"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = {0};
        text_add_clean(&b, cases[i].text);
        expect(&b, cases[i].clean);
    }
}

static void test_columns(void **state)
{
    (void)state;
    assert_int_equal(text_columns(""), 0);
    assert_int_equal(text_columns("abc"), 3);
    assert_int_equal(text_columns("\xe9\x8c\xa0"), 2);
    assert_int_equal(text_columns("e\xcc\x81"), 1);
    assert_int_equal(text_columns("\x1b"), 4);
}

static void test_fitted(void **state)
{
    static const struct {
        const char *text;
        size_t width;
        const char *fitted;
    } cases[] = {
        {"abcdef", 6, "abcdef"},
        {"abcdefg", 6,
         "abc\xE2\x80\xA6"
         "fg"},
        {"abcdefg", 5,
         "ab\xE2\x80\xA6"
         "fg"},
        {"abcdefg", 1, "\xE2\x80\xA6"},
        {"abcdefg", 0, ""},
        /* A wide character is never halved. */
        {"\xe9\x8c\xa0\xe9\x8c\xa0\xe9\x8c\xa0", 4, "\xe9\x8c\xa0\xE2\x80\xA6"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = {0};
        text_add_fitted(&b, cases[i].text, cases[i].width);
        expect(&b, cases[i].fitted);
    }
}

static void test_fitted_never_exceeds_its_width(void **state)
{
    static const char mixed[] = "a\xe9\x8c\xa0"
                                "e\xcc\x81\x01\xff\xe2\x80\xae"
                                "b\xe9\x8c\xa0\xe9\x8c\xa0"
                                "end";
    (void)state;
    for (size_t width = 0; width < 40; width++) {
        struct buf b = {0};
        text_add_fitted(&b, mixed, width);
        assert_true(text_columns(b.data ? b.data : "") <= width);
        buf_fini(&b);
    }
}

static void test_cell(void **state)
{
    struct buf b = {0};
    (void)state;
    text_add_cell(&b, "ab", 4, false, TEXT_PLAIN);
    text_add_cell(&b, "7", 3, true, TEXT_PLAIN);
    text_add_cell(&b, "ok", 3, false, TEXT_GREEN);
    expect(&b, "ab    7\x1b[32mok\x1b[0m ");
}

static void test_wrapped(void **state)
{
    struct buf b = {0};
    (void)state;
    buf_add_str(&b, "key: ");
    text_add_wrapped(
        &b, "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen\nnew\n", 5);
    expect(&b, "key: one two three four five six seven eight nine ten eleven twelve thirteen\n"
               "     fourteen fifteen\n"
               "     new\n");
}

static void test_wrapped_into_an_empty_buffer(void **state)
{
    struct buf b = {0};
    (void)state;
    text_add_wrapped(&b, "one", 0);
    expect(&b, "one\n");
    text_add_wrapped(&b, "", 0);
    expect(&b, "\n");
}

static void test_wrapped_breaks_long_words(void **state)
{
    struct buf b = {0};
    char word[201];
    (void)state;
    memset(word, 'x', 200);
    word[200] = '\0';
    buf_add_str(&b, "  ");
    text_add_wrapped(&b, word, 4);
    /* 78 after the two blanks, 76 on each further line. */
    assert_int_equal(strcspn(b.data, "\n"), 80);
    assert_int_equal(strcspn(b.data + 81, "\n"), 80);
    assert_int_equal(strcspn(b.data + 162, "\n"), 4 + 200 - 78 - 76);
    buf_fini(&b);
}

static void test_counts(void **state)
{
    static const struct {
        uint64_t count;
        const char *text;
    } cases[] = {{0, "       0"},           {99999999, "99999999"},
                 {100000000, "  100.0M"},   {123456789012, "  123.5G"},
                 {99999900000, "99999.9M"}, {UINT64_MAX, "18446.7P"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = {0};
        text_add_count(&b, cases[i].count, 8);
        expect(&b, cases[i].text);
    }
}

static void test_spans_and_sizes(void **state)
{
    static const struct {
        uint64_t value;
        const char *ns, *bytes;
    } cases[] = {
        {0, "0", "0 B"},
        {999, "999 ns", "999 B"},
        {1000, "1.0 us", "1000 B"},
        {1024, "1.0 us", "1.0 KiB"},
        {999949, "999.9 us", "976.5 KiB"},
        {999951, "1.0 ms", "976.5 KiB"},
        {1048575, "1.0 ms", "1.0 MiB"},
        {12345678901, "12.3 s", "11.5 GiB"},
        {UINT64_MAX, "18446744074 s", "16777216.0 TiB"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b = {0};
        text_add_ns(&b, cases[i].value);
        expect(&b, cases[i].ns);
        text_add_bytes(&b, cases[i].value);
        expect(&b, cases[i].bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_harmless),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_fitted),
        cmocka_unit_test(test_fitted_never_exceeds_its_width),
        cmocka_unit_test(test_cell),
        cmocka_unit_test(test_wrapped),
        cmocka_unit_test(test_wrapped_into_an_empty_buffer),
        cmocka_unit_test(test_wrapped_breaks_long_words),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_spans_and_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
