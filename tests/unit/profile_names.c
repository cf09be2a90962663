/* SPDX-License-Identifier: Apache-2.0 */
#include "profile/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { STRINGS = 5000 };

static struct string_ref ref(const char *text)
{
    return (struct string_ref){text, (uint32_t)strlen(text)};
}

static void test_equal_strings_have_one_entry(void **state)
{
    struct names n;
    (void)state;
    names_init(&n, 4, 10);
    names_find(&n, 1, ref("a"))->samples++;
    names_find(&n, 2, ref("b"))->samples++;
    names_find(&n, 3, ref("a"))->samples++;
    names_find(&n, 1, ref("a"))->samples++;
    assert_int_equal(n.count, 2);
    assert_int_equal(n.entry_of[3], n.entry_of[1]); /* so that the next time needs no hash */
    assert_int_equal(n.entries[0].samples, 3);
    assert_int_equal(n.entries[1].samples, 1);
    names_fini(&n);
}

static void test_many_strings_keep_their_order(void **state)
{
    static char texts[STRINGS][24];
    struct names n;
    (void)state;
    names_init(&n, STRINGS * 2, STRINGS);
    for (size_t i = 0; i < STRINGS; i++) {
        snprintf(texts[i], sizeof texts[i], "w.py:%zu:%.*s", i, (int)(i % 9), "xxxxxxxxx");
        assert_non_null(names_find(&n, i, ref(texts[i])));
    }
    for (size_t i = 0; i < STRINGS; i++) {
        struct names_entry *entry = names_find(&n, STRINGS + i, ref(texts[i]));
        assert_ptr_equal(entry, &n.entries[i]);
        assert_ptr_equal(entry->string.text, texts[i]);
    }
    assert_int_equal(n.count, STRINGS);
    names_fini(&n);
}

static void test_one_too_many(void **state)
{
    struct names n;
    (void)state;
    names_init(&n, 4, 2);
    assert_non_null(names_find(&n, 0, ref("a")));
    assert_non_null(names_find(&n, 1, ref("b")));
    assert_null(names_find(&n, 2, ref("c")));
    assert_non_null(names_find(&n, 3, ref("b")));
    assert_non_null(names_find(&n, 0, ref("a")));
    names_fini(&n);
}

static void test_prefixes_and_zero_bytes_are_different(void **state)
{
    struct names n;
    (void)state;
    names_init(&n, 5, 10);
    names_find(&n, 0, (struct string_ref){"", 0});
    names_find(&n, 1, (struct string_ref){"\0", 1});
    names_find(&n, 2, (struct string_ref){"\0\0", 2});
    names_find(&n, 3, (struct string_ref){"12345678", 8});
    names_find(&n, 4, (struct string_ref){"12345678\0", 9});
    assert_int_equal(n.count, 5);
    names_fini(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_strings_have_one_entry),
        cmocka_unit_test(test_many_strings_keep_their_order),
        cmocka_unit_test(test_one_too_many),
        cmocka_unit_test(test_prefixes_and_zero_bytes_are_different),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
