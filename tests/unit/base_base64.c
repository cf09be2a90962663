/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_base64_is_read(void **state)
{
    static const struct {
        const char *text, *expected; /* NULL: none */
    } cases[] = {
        {"", ""},       {"Zg==", "f"}, {"Zm8=", "fo"}, {"Zm9v", "foo"}, {"Zm9vYg==", "foob"}, {"+/+/", "\xfb\xff\xbf"},
        {"Zg=", NULL},  {"Zg", NULL},  {"Z===", NULL}, {"Zm9\n", NULL}, {"Zg==Zg==", NULL},   {"====", NULL},
        {"Zm9-", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = {0};
        int result = base64_read(cases[i].text, strlen(cases[i].text), &out);
        assert_int_equal(result, cases[i].expected != NULL ? 0 : -1);
        if (result == 0) {
            assert_int_equal(out.size, strlen(cases[i].expected));
            assert_string_equal(out.size > 0 ? out.data : "", cases[i].expected);
        }
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
