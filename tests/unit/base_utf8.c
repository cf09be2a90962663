/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_length_of_each_form(void **state)
{
    static const struct {
        const char *bytes;
        size_t size, length;
    } cases[] = {
        {"", 0, 0},                 /* nothing there */
        {"\0", 1, 1},               /* U+0000 */
        {"a", 1, 1},                /* */
        {"\x7F", 1, 1},             /* last of one byte */
        {"\x80", 1, 0},             /* a second byte alone */
        {"\xC1\xBF", 2, 0},         /* overlong U+007F */
        {"\xC2\x80", 2, 2},         /* first of two bytes */
        {"\xC2", 1, 0},             /* cut */
        {"\xC2\x41", 2, 0},         /* second byte is a letter */
        {"\xDF\xBF", 2, 2},         /* last of two bytes */
        {"\xE0\x9F\xBF", 3, 0},     /* overlong U+07FF */
        {"\xE0\xA0\x80", 3, 3},     /* first of three bytes */
        {"\xE2\x82\xAC", 3, 3},     /* euro sign */
        {"\xE2\x82", 2, 0},         /* cut */
        {"\xE2\x82\x41", 3, 0},     /* third byte is a letter */
        {"\xED\x9F\xBF", 3, 3},     /* last before the surrogates */
        {"\xED\xA0\x80", 3, 0},     /* first surrogate */
        {"\xEF\xBF\xBF", 3, 3},     /* last of three bytes */
        {"\xF0\x8F\xBF\xBF", 4, 0}, /* overlong U+FFFF */
        {"\xF0\x90\x80\x80", 4, 4}, /* first of four bytes */
        {"\xF0\x9F\x94\x92", 4, 4}, /* a padlock */
        {"\xF0\x9F\x94", 3, 0},     /* cut */
        {"\xF4\x8F\xBF\xBF", 4, 4}, /* U+10FFFF */
        {"\xF4\x90\x80\x80", 4, 0}, /* beyond it */
        {"\xF5\x80\x80\x80", 4, 0}, /* no such first byte */
        {"\xFF", 1, 0},             /* */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t length = utf8_length(cases[i].bytes, cases[i].size);
        if (length != cases[i].length) {
            fail_msg("case %zu: length %zu, expected %zu", i, length, cases[i].length);
        }
    }
}

static void test_valid_finds_a_bad_byte_at_every_offset(void **state)
{
    char text[40];
    (void)state;
    for (size_t size = 0; size <= sizeof text; size++) {
        memset(text, 'x', sizeof text);
        assert_int_equal(utf8_valid(text, size), size);
        for (size_t bad = 0; bad < size; bad++) {
            memset(text, 'x', sizeof text);
            text[bad] = (char)0xFF;
            assert_int_equal(utf8_valid(text, size), bad);
        }
    }
}

static void test_valid_says_where_a_cut_character_begins(void **state)
{
    (void)state;
    assert_int_equal(utf8_valid("lock \xE2\x82\xAC!", 9), 9);
    assert_int_equal(utf8_valid("lock \xE2\x82", 7), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_length_of_each_form),
        cmocka_unit_test(test_valid_finds_a_bad_byte_at_every_offset),
        cmocka_unit_test(test_valid_says_where_a_cut_character_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
