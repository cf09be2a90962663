/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The text without a zero behind it, so that a sanitizer sees a read beyond its end. */
static int read_exact(const char *text, size_t size, struct json **out, struct err *e)
{
    char *exact = malloc(size ? size : 1);
    memcpy(exact, text, size);
    int result = json_read(exact, size, out, e);
    free(exact);
    return result;
}

static struct json *read_good(const char *text)
{
    struct json *j = NULL;
    struct err e;
    if (read_exact(text, strlen(text), &j, &e) < 0) {
        fail_msg("%s: %s", text, e.text);
    }
    return j;
}

static void test_members_are_found_by_key_and_type(void **state)
{
    struct json *j = read_good(" {\"type\":\"lock\", \"line\": 12,\"rate\":0.5, \"on\":true,\r\n\t"
                               "\"list\":[1,null,\"x\"],\"o\":{\"p\":false}} ");
    (void)state;
    assert_string_equal(json_get_string(j, "type", "no"), "lock");
    assert_string_equal(json_get_string(j, "line", "no"), "no");
    assert_string_equal(json_get_string(j, "missing", "no"), "no");
    assert_int_equal(json_get_int(j, "line", -1), 12);
    assert_int_equal(json_get_int(j, "rate", -1), -1);
    assert_true(json_get_double(j, "rate", -1) == 0.5);
    assert_true(json_get_double(j, "line", -1) == 12);
    assert_true(json_get_bool(j, "on", false));
    assert_true(json_get_bool(j, "line", true));
    assert_false(json_get_bool(json_get(j, "o"), "p", true));
    const struct json *list = json_get(j, "list");
    assert_int_equal(list->size, 3);
    assert_int_equal(list->items[1].type, JSON_NULL);
    assert_null(json_get(list, "x"));
    assert_null(json_get(NULL, "x"));
    assert_string_equal(j->keys[5], "o");
    json_free(j);
    json_free(NULL);
}

static void test_numbers(void **state)
{
    static const struct {
        const char *text;
        double number;
        bool is_integer;
        int64_t integer;
    } cases[] = {
        {"0", 0, true, 0},
        {"-0", 0, true, 0},
        {"9223372036854775807", 9223372036854775807.0, true, INT64_MAX},
        {"-9223372036854775808", -9223372036854775808.0, true, INT64_MIN},
        {"9223372036854775808", 9223372036854775808.0, false, 0},
        {"1.0", 1, false, 0},
        {"1e2", 100, false, 0},
        {"-1.5E-1", -0.15, false, 0},
        {"1e-999", 0, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json *j = read_good(cases[i].text);
        assert_int_equal(j->type, JSON_NUMBER);
        assert_true(j->number == cases[i].number);
        assert_int_equal(j->is_integer, cases[i].is_integer);
        assert_int_equal(j->integer, cases[i].integer);
        json_free(j);
    }
}

static void test_strings(void **state)
{
    static const struct {
        const char *text, *string;
        size_t size;
    } cases[] = {
        {"\"\"", "", 0},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8},
        {"\"a\\u0000b\"", "a\0b", 3},
        {"\"\\u0041\\u00e9\\u20AC\\uD83D\\uDD12\"", "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x94\x92", 10},
        {"\"\xE2\x82\xAC\"", "\xE2\x82\xAC", 3},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json *j = read_good(cases[i].text);
        assert_int_equal(j->type, JSON_STRING);
        assert_int_equal(j->size, cases[i].size);
        assert_memory_equal(j->string, cases[i].string, cases[i].size + 1);
        json_free(j);
    }
}

static const struct {
    const char *text, *error;
} bad[] = {
    {"", "offset 0: expected a value, found the end"},
    {"  ", "offset 2: expected a value, found the end"},
    {"{\"a\" 1}", "offset 5: expected ':' behind the key, found '1'"},
    {"{\"a\":1,}", "offset 7: expected a key in quotes, found '}'"},
    {"{a:1}", "offset 1: expected a key in quotes or '}', found 'a'"},
    {"{\"a\":1 \"b\":2}", "offset 7: expected ',' or '}', found '\"'"},
    {"{\"a\":1", "offset 6: expected ',' or '}', found the end"},
    {"[1 2]", "offset 3: expected ',' or ']', found '2'"},
    {"[1,]", "offset 3: expected a value, found ']'"},
    {"[", "offset 1: expected a value, found the end"},
    {"1 2", "offset 2: expected the end, found '2'"},
    {"tru", "offset 0: expected a value, found 't'"},
    {"nul", "offset 0: expected a value, found 'n'"},
    {"01", "offset 0: a number can't begin with 0"},
    {"[-007]", "offset 2: a number can't begin with 0"},
    {"-", "offset 1: expected a digit, found the end"},
    {"1.", "offset 2: expected a digit, found the end"},
    {"1e+", "offset 3: expected a digit, found the end"},
    {".5", "offset 0: expected a value, found '.'"},
    {"1e999", "offset 0: the number is too large"},
    {"NaN", "offset 0: expected a value, found 'N'"},
    {"'a'", "offset 0: expected a value, found '''"},
    {"\"a", "offset 2: expected '\"' or more of the string, found the end"},
    {"\"a\n\"", "offset 2: expected '\"' or more of the string, found byte 0x0a"},
    {"\"\\x\"", "offset 2: expected an escape such as \\n, found 'x'"},
    {"\"\\", "offset 2: expected an escape such as \\n, found the end"},
    {"\"\\u12g4\"", "offset 5: expected four hexadecimal digits, found 'g'"},
    {"\"\\ud83d\"", "offset 1: half of a surrogate pair is no character"},
    {"\"\\ud83d\\u0041\"", "offset 1: half of a surrogate pair is no character"},
    {"\"\\udd12\"", "offset 1: half of a surrogate pair is no character"},
    {"\"ab\xFF\"", "offset 3: not UTF-8"},
    {"\xEF\xBB\xBF{}", "offset 0: expected a value, found byte 0xef"},
    {"{\"a\":1,\"b\":2,\"a\":3}", "offset 13: the key \"a\" stands twice in one object"},
    {"{\"z\":1,\"a\":2,\"z\":3,\"a\":4}", "offset 13: the key \"z\" stands twice in one object"},
    {"{\"a\\u0000\":1}", "offset 1: a key can't have a zero byte"},
};

static void test_errors_say_place_and_expectation(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct json *j = NULL;
        struct err e = {0};
        assert_int_equal(read_exact(bad[i].text, strlen(bad[i].text), &j, &e), -1);
        assert_null(j);
        assert_int_equal(e.code, ERR_INPUT);
        assert_string_equal(e.text, bad[i].error);
    }
}

static void test_depth_is_bounded(void **state)
{
    char text[2 * (JSON_DEPTH_MAX + 1) + 1];
    struct json *j = NULL;
    struct err e;
    (void)state;
    memset(text, '[', JSON_DEPTH_MAX);
    memset(text + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    assert_int_equal(read_exact(text, 2 * JSON_DEPTH_MAX, &j, &e), 0);
    json_free(j);
    memset(text, '[', sizeof text);
    assert_int_equal(read_exact(text, sizeof text, &j, &e), -1);
    assert_string_equal(e.text, "offset 64: nested deeper than 64 levels");
}

static void test_every_truncation_is_an_error(void **state)
{
    static const char text[] = "{\"type\":\"hello\",\"n\":[1,2.5e3,true,null],\"s\":\"\\u00e9\\n\"}";
    (void)state;
    for (size_t size = 0; size < sizeof text - 1; size++) {
        struct json *j = NULL;
        struct err e;
        assert_int_equal(read_exact(text, size, &j, &e), -1);
    }
}

/* Adds a random value and its members; as deep as `depth` allows. */
static void write_random(struct json_out *j, uint64_t *random, int depth)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    unsigned dice = (unsigned)(*random >> 33);
    switch (dice % (depth > 0 ? 7 : 5)) {
    case 0:
        json_null(j);
        break;
    case 1:
        json_bool(j, dice & 64);
        break;
    case 2:
        json_int(j, (int64_t)*random);
        break;
    case 3:
        json_double(j, (double)(int64_t)*random / 1e9);
        break;
    case 4:
        json_string_n(j, "a\"\\\n\xE2\x82\xAC z", dice >> 8 & 3);
        break;
    case 5:
        json_array(j);
        for (unsigned i = 0; i < (dice >> 8) % 5; i++) {
            write_random(j, random, depth - 1);
        }
        json_array_end(j);
        break;
    default:
        json_object(j);
        for (unsigned i = 0; i < (dice >> 8) % 5; i++) {
            char key[2] = {(char)('a' + i), '\0'};
            json_key(j, key);
            write_random(j, random, depth - 1);
        }
        json_object_end(j);
    }
}

static void write_tree(struct json_out *j, const struct json *tree)
{
    switch (tree->type) {
    case JSON_NULL:
        json_null(j);
        break;
    case JSON_BOOL:
        json_bool(j, tree->boolean);
        break;
    case JSON_NUMBER:
        tree->is_integer ? json_int(j, tree->integer) : json_double(j, tree->number);
        break;
    case JSON_STRING:
        json_string_n(j, tree->string, tree->size);
        break;
    case JSON_ARRAY:
        json_array(j);
        for (size_t i = 0; i < tree->size; i++) {
            write_tree(j, &tree->items[i]);
        }
        json_array_end(j);
        break;
    case JSON_OBJECT:
        json_object(j);
        for (size_t i = 0; i < tree->size; i++) {
            json_key(j, tree->keys[i]);
            write_tree(j, &tree->items[i]);
        }
        json_object_end(j);
    }
}

static void test_what_is_written_reads_back(void **state)
{
    uint64_t random = 7;
    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct buf first = {0}, second = {0};
        struct json_out j = json_begin(&first, i % 3), again = json_begin(&second, i % 3);
        write_random(&j, &random, 6);
        struct json *tree = read_good(first.data);
        write_tree(&again, tree);
        assert_string_equal(first.data, second.data);
        json_free(tree);
        buf_fini(&first);
        buf_fini(&second);
    }
}

/* Comparing each key with each would take minutes here. */
static void test_an_object_of_many_keys(void **state)
{
    enum { KEYS = 200000 };
    struct buf b = {0};
    (void)state;
    buf_add_char(&b, '{');
    for (int i = 0; i < KEYS; i++) {
        buf_printf(&b, "%s\"key%d\":%d", i ? "," : "", i, i);
    }
    buf_add_char(&b, '}');
    struct json *j = read_good(b.data);
    assert_int_equal(j->size, KEYS);
    assert_int_equal(json_get_int(j, "key199999", -1), 199999);
    json_free(j);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_are_found_by_key_and_type),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_errors_say_place_and_expectation),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_every_truncation_is_an_error),
        cmocka_unit_test(test_what_is_written_reads_back),
        cmocka_unit_test(test_an_object_of_many_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
