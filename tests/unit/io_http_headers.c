/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of requests as they may be written down. */
#include "io/httpd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void secrets_in_a_query_are_not_shown(void **state)
{
    static const char *const cases[][2] = {
        {"/profiling/v1/input", "/profiling/v1/input"},
        {"/", "/"},
        {"", ""},
        {"/p?", "/p?"},
        {"/p?a=b&&c", "/p?a=b&&c"},
        {"/intake/?api_key=0123&x=1", "/intake/?api_key=[redacted]&x=1"},
        {"/p?x=1&DD-API-KEY=0123", "/p?x=1&DD-API-KEY=[redacted]"},
        {"/p?application_key=0&access_token=1&q=key", "/p?application_key=[redacted]&access_token=[redacted]&q=key"},
        {"/p?password", "/p?password"},
        {"/p?token=a=b", "/p?token=[redacted]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *shown = http_path_shown(cases[i][0]);
        assert_string_equal(shown, cases[i][1]);
        free(shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_in_a_query_are_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
