/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_empty_buffer_has_no_memory(void **state)
{
    struct buf b = {0};
    (void)state;
    buf_add(&b, NULL, 0);
    buf_shift(&b, 0);
    buf_clear(&b);
    assert_null(b.data);
    assert_int_equal(b.size, 0);
    buf_fini(&b);
}

static void test_text_is_always_terminated(void **state)
{
    struct buf b = {0};
    (void)state;
    for (size_t i = 0; i < 1000; i++) {
        buf_add_char(&b, 'x');
        assert_int_equal(strlen(b.data), i + 1);
    }
    buf_clear(&b);
    assert_string_equal(b.data, "");
    buf_reserve(&b, 5000);
    assert_string_equal(b.data, "");
    assert_true(b.capacity > 5000);
    buf_fini(&b);
    assert_null(b.data);
}

static void test_zero_bytes_are_bytes(void **state)
{
    struct buf b = {0};
    (void)state;
    buf_add(&b, "a\0b", 3);
    buf_add_str(&b, "c");
    assert_int_equal(b.size, 4);
    assert_memory_equal(b.data, "a\0bc", 5);
    buf_fini(&b);
}

static void test_printf_at_every_length_around_the_room(void **state)
{
    (void)state;
    for (int length = 0; length < 300; length++) {
        struct buf b = {0};
        buf_add_str(&b, "<");
        buf_printf(&b, "%*s", length, "");
        buf_printf(&b, ">%d", 7);
        assert_int_equal(b.size, length + 3);
        assert_int_equal(strlen(b.data), b.size);
        assert_string_equal(b.data + length + 1, ">7");
        buf_fini(&b);
    }
}

static void test_shift_cuts_the_front(void **state)
{
    struct buf b = {0};
    (void)state;
    buf_add_str(&b, "line\nrest");
    buf_shift(&b, 5);
    assert_string_equal(b.data, "rest");
    assert_int_equal(b.size, 4);
    buf_shift(&b, 4);
    assert_string_equal(b.data, "");
    assert_int_equal(b.size, 0);
    buf_fini(&b);
}

static void test_steal_leaves_an_empty_buffer(void **state)
{
    struct buf b = {0};
    (void)state;
    buf_add_str(&b, "mine");
    char *text = buf_steal(&b), *none = buf_steal(&b);
    assert_string_equal(text, "mine");
    assert_string_equal(none, "");
    assert_null(b.data);
    free(text);
    free(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_buffer_has_no_memory),
        cmocka_unit_test(test_text_is_always_terminated),
        cmocka_unit_test(test_zero_bytes_are_bytes),
        cmocka_unit_test(test_printf_at_every_length_around_the_room),
        cmocka_unit_test(test_shift_cuts_the_front),
        cmocka_unit_test(test_steal_leaves_an_empty_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
