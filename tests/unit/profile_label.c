/* SPDX-License-Identifier: Apache-2.0 */
#include "profile/label.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool parse(const char *value, struct label *out)
{
    return label_parse(value, strlen(value), out);
}

/* Checked against Python's re with ^(.*):(\d+)(?::(\S+))?$ */
static void test_values_of_the_form(void **state)
{
    static const struct {
        const char *value, *file;
        unsigned line;
        const char *name;
    } cases[] = {
        {"w.py:6:user_session_lock", "w.py", 6, "user_session_lock"},
        {"w.py:6", "w.py", 6, ""},
        {"w.py:8:_Svc__internal_lock", "w.py", 8, "_Svc__internal_lock"},
        {"a b.py:6:x", "a b.py", 6, "x"},
        {":0", "", 0, ""},
        {":7:x", "", 7, "x"},
        {"c:\\w.py:6:x", "c:\\w.py", 6, "x"},
        {"a:1:2", "a:1", 2, ""},
        {"a:1:2:x", "a:1", 2, "x"},
        {"a:1:2x", "a", 1, "2x"},
        {"a:1:x:3", "a:1:x", 3, ""},
        {"a:1:x:y", "a", 1, "x:y"},
        {"a:1:x:", "a", 1, "x:"},
        {"a:1:::", "a", 1, "::"},
        {"a:007:x", "a", 7, "x"},
        {"a:4294967295", "a", 4294967295u, ""},
        {"\xE2\x82\xAC.py:1:\xE2\x82\xAC", "\xE2\x82\xAC.py", 1, "\xE2\x82\xAC"},
        {"\xFF:1:\xFE", "\xFF", 1, "\xFE"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct label label;
        if (!parse(cases[i].value, &label)) {
            fail_msg("%s: not of the form", cases[i].value);
        }
        assert_int_equal(label.file_size, strlen(cases[i].file));
        assert_memory_equal(label.file, cases[i].file, label.file_size);
        assert_int_equal(label.line, cases[i].line);
        assert_int_equal(label.name_size, strlen(cases[i].name));
        assert_memory_equal(label.name, cases[i].name, label.name_size);
    }
}

static void test_values_of_another_form(void **state)
{
    static const char *const cases[] = {
        "",
        ":",
        "w.py",
        "w.py:",
        "w.py:x",
        "w.py:6:",
        "w.py:6:a b",
        "w.py:6:x ",
        "w.py: 6:x",
        "w.py:-6",
        "w.py:6x:y",
        "a\nb.py:6:x",
        "w.py:4294967296",
        "w.py:99999999999999999999999",
        "6",
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct label label = {.line = 99};
        if (parse(cases[i], &label)) {
            fail_msg("%s: of the form", cases[i]);
        }
        assert_int_equal(label.line, 99);
    }
}

static void test_size_is_the_end(void **state)
{
    struct label label;
    (void)state;
    assert_true(label_parse("w.py:61:xy", 9, &label));
    assert_int_equal(label.name_size, 1);
    assert_true(label_parse("w.py:61:xy", 6, &label));
    assert_int_equal(label.line, 6);
    assert_false(label_parse("w.py:61:xy", 8, &label));
}

/* What the header says, tried at every place: the last colon that is followed in the right way. */
static bool parse_slowly(const char *value, size_t size, struct label *out)
{
    for (size_t colon = size; colon-- > 0;) {
        size_t at = colon + 1;
        unsigned line = 0;
        if (value[colon] != ':') {
            continue;
        }
        while (at < size && value[at] >= '0' && value[at] <= '9') {
            line = line * 10 + (unsigned)(value[at++] - '0');
        }
        bool named = at + 1 < size && value[at] == ':' && memchr(value + at, ' ', size - at) == NULL;
        if (at > colon + 1 && (at == size || named)) {
            *out = (struct label){value, colon, line, value + at + named, size - at - named};
            return true;
        }
    }
    return false;
}

static void test_every_short_value(void **state)
{
    static const char letters[] = ":1x ";
    enum { LENGTH = 8 };
    (void)state;
    for (unsigned number = 0; number < 1u << (2 * LENGTH); number++) {
        char value[LENGTH];
        struct label got = {0}, wanted = {0};
        for (size_t i = 0; i < LENGTH; i++) {
            value[i] = letters[number >> (2 * i) & 3];
        }
        bool slow = parse_slowly(value, LENGTH, &wanted);
        if (label_parse(value, LENGTH, &got) != slow || got.file_size != wanted.file_size || got.line != wanted.line ||
            got.name_size != wanted.name_size) {
            fail_msg("%.*s", LENGTH, value);
        }
    }
}

/* Looking at the rest of the value again for each colon would take hours here. */
static void test_a_long_value_of_colons(void **state)
{
    size_t size = (size_t)8 << 20;
    char *value = malloc(size);
    struct label label;
    (void)state;
    memset(value, ':', size);
    assert_false(label_parse(value, size, &label));
    for (size_t i = 0; i < size; i += 2) {
        value[i] = '1';
    }
    value[size - 1] = ' ';
    assert_false(label_parse(value, size, &label));
    free(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_of_the_form),     cmocka_unit_test(test_values_of_another_form),
        cmocka_unit_test(test_size_is_the_end),        cmocka_unit_test(test_every_short_value),
        cmocka_unit_test(test_a_long_value_of_colons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
