/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void write_sample(struct json_out *j)
{
    json_object(j);
    json_put_string(j, "name", "a \"b\"");
    json_put_string(j, "none", NULL);
    json_put_int(j, "int", INT64_MIN);
    json_put_uint(j, "uint", UINT64_MAX);
    json_put_double(j, "double", 0.5);
    json_put_bool(j, "yes", true);
    json_key(j, "list");
    json_array(j);
    json_int(j, 1);
    json_array(j);
    json_array_end(j);
    json_object(j);
    json_object_end(j);
    json_bool(j, false);
    json_null(j);
    json_array_end(j);
    json_object_end(j);
}

static void test_one_line(void **state)
{
    struct buf b = {0};
    struct json_out j = json_begin(&b, 0);
    (void)state;
    write_sample(&j);
    assert_string_equal(b.data, "{\"name\":\"a \\\"b\\\"\",\"none\":null,\"int\":-9223372036854775808,"
                                "\"uint\":18446744073709551615,\"double\":0.5,\"yes\":true,"
                                "\"list\":[1,[],{},false,null]}");
    buf_fini(&b);
}

static void test_indented(void **state)
{
    struct buf b = {0};
    struct json_out j = json_begin(&b, 2);
    (void)state;
    json_object(&j);
    json_put_int(&j, "a", 1);
    json_key(&j, "b");
    json_array(&j);
    json_string(&j, "x");
    json_object(&j);
    json_object_end(&j);
    json_array_end(&j);
    json_object_end(&j);
    assert_string_equal(b.data, "{\n  \"a\": 1,\n  \"b\": [\n    \"x\",\n    {}\n  ]\n}");
    buf_fini(&b);
}

static void test_strings(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        const char *json;
    } cases[] = {
        {"", 0, "\"\""},
        {"a\\b/c", 5, "\"a\\\\b/c\""},
        {"\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\""},
        {"\0\x1f\x7f", 3, "\"\\u0000\\u001f\x7f\""},
        {"\xE2\x82\xAC \xF0\x9F\x94\x92", 8, "\"\xE2\x82\xAC \xF0\x9F\x94\x92\""},
        {"a\xFF\x80z", 4, "\"a\xEF\xBF\xBD\xEF\xBF\xBDz\""},
        {"\xE2\x82", 2, "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf b = {0};
        struct json_out j = json_begin(&b, 0);
        json_string_n(&j, cases[i].text, cases[i].size);
        assert_string_equal(b.data, cases[i].json);
        buf_fini(&b);
    }
}

static void test_doubles_are_short_and_exact(void **state)
{
    static const struct {
        double value;
        const char *json;
    } cases[] = {
        {0, "0"},
        {1, "1"},
        {-3, "-3"},
        {100000, "100000"},
        {1e14, "100000000000000"},
        {1e15, "1e+15"},
        {-0.0, "-0.0"},
        {0.1, "0.1"},
        {0.30000000000000004, "0.30000000000000004"},
        {1500.25, "1500.25"},
        {1e-7, "1e-07"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {NAN, "null"},
        {INFINITY, "null"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf b = {0};
        struct json_out j = json_begin(&b, 0);
        json_double(&j, cases[i].value);
        assert_string_equal(b.data, cases[i].json);
        buf_fini(&b);
    }
}

static void test_random_doubles_read_back(void **state)
{
    uint64_t random = 1;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        double value;
        struct buf b = {0};
        struct json_out j = json_begin(&b, 0);
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        memcpy(&value, &random, sizeof value);
        if (isfinite(value)) {
            json_double(&j, value);
            assert_true(strtod(b.data, NULL) == value);
        }
        buf_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_line),
        cmocka_unit_test(test_indented),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_doubles_are_short_and_exact),
        cmocka_unit_test(test_random_doubles_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
