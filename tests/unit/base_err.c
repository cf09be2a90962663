/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "base/utf8.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_set_fills_code_and_text(void **state)
{
    struct err e;
    (void)state;
    assert_int_equal(err_set(&e, ERR_INPUT, "%s: line %d", "a.yaml", 3), -1);
    assert_int_equal(e.code, ERR_INPUT);
    assert_string_equal(e.text, "a.yaml: line 3");
}

static void test_sys_appends_the_reason(void **state)
{
    struct err e;
    (void)state;
    assert_int_equal(err_sys(&e, ERR_WRITE, ENOSPC, "write %s", "out.json"), -1);
    assert_int_equal(e.code, ERR_WRITE);
    assert_string_equal(e.text, "write out.json: No space left on device");
}

static void test_wrap_puts_context_in_front_and_keeps_the_code(void **state)
{
    struct err e;
    (void)state;
    err_set(&e, ERR_MISSING, "no python3");
    assert_int_equal(err_wrap(&e, "worker %s", "python"), -1);
    assert_int_equal(e.code, ERR_MISSING);
    assert_string_equal(e.text, "worker python: no python3");
}

static void test_longest_text_is_kept_whole_and_one_more_is_not(void **state)
{
    struct err e;
    char text[ERR_TEXT_MAX + 1];
    (void)state;
    memset(text, 'x', sizeof text);
    text[ERR_TEXT_MAX - 1] = '\0';
    err_set(&e, ERR_INPUT, "%s", text);
    assert_string_equal(e.text, text);
    text[ERR_TEXT_MAX - 1] = 'x';
    text[ERR_TEXT_MAX] = '\0';
    err_set(&e, ERR_INPUT, "%s", text);
    assert_string_equal(e.text + ERR_TEXT_MAX - 6, "xx...");
}

/* Every way to fill an error, each time with one byte too many and with characters of three bytes
 * at each alignment. */
static void test_too_long_a_text_ends_in_dots(void **state)
{
    char euros[3 * ERR_TEXT_MAX + 1];
    (void)state;
    for (size_t i = 0; i < ERR_TEXT_MAX; i++) {
        memcpy(euros + 3 * i, "\xE2\x82\xAC", 4);
    }
    for (int shift = 0; shift < 3; shift++) {
        struct err set, sys, wrap;
        const char *pad = &"ab"[shift];
        err_set(&set, ERR_INPUT, "%s%s", pad, euros);
        err_sys(&sys, ERR_INPUT, ENOENT, "%s%s", pad, euros);
        err_set(&wrap, ERR_INPUT, "%.*s", 900, euros);
        err_wrap(&wrap, "%s%.*s", pad, 300, euros);
        struct err *all[] = {&set, &sys, &wrap};
        for (size_t i = 0; i < 3; i++) {
            size_t size = strlen(all[i]->text);
            assert_in_range(size, ERR_TEXT_MAX - 4, ERR_TEXT_MAX - 1);
            assert_string_equal(all[i]->text + size - 3, "...");
            assert_int_equal(utf8_valid(all[i]->text, size), size);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_fills_code_and_text),
        cmocka_unit_test(test_sys_appends_the_reason),
        cmocka_unit_test(test_wrap_puts_context_in_front_and_keeps_the_code),
        cmocka_unit_test(test_longest_text_is_kept_whole_and_one_more_is_not),
        cmocka_unit_test(test_too_long_a_text_ends_in_dots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
