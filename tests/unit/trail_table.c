/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_keys_are_numbered_in_the_order_of_their_first_sight(void **state)
{
    struct table t = {0};
    (void)state;
    assert_true(table_find(&t, "a", 1) == TABLE_NONE);
    assert_int_equal(table_put_text(&t, "b"), 0);
    assert_int_equal(table_put_text(&t, "a"), 1);
    assert_int_equal(table_put_text(&t, "b"), 0);
    assert_int_equal(table_put_text(&t, ""), 2);
    assert_int_equal(table_put(&t, "a\0b", 3), 3);
    assert_int_equal(table_put(&t, "a\0c", 3), 4);
    assert_int_equal(table_find(&t, "a", 1), 1);
    assert_int_equal(table_find(&t, "a\0b", 3), 3);
    assert_true(table_find(&t, "a", 2) == TABLE_NONE);
    assert_int_equal(t.count, 5);
    table_fini(&t);
    assert_int_equal(t.count, 0);
}

static void test_many_keys_are_found_again(void **state)
{
    enum { COUNT = 20000 };
    struct table t = {0};
    char key[32];
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(key, sizeof key, "key %zu", i * 7919);
        assert_int_equal(table_put_text(&t, key), i);
    }
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(key, sizeof key, "key %zu", i * 7919);
        assert_int_equal(table_find(&t, key, strlen(key)), i);
        snprintf(key, sizeof key, "key %zu", i * 7919 + 1);
        assert_true(table_find(&t, key, strlen(key)) == TABLE_NONE);
    }
    table_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_are_numbered_in_the_order_of_their_first_sight),
        cmocka_unit_test(test_many_keys_are_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
