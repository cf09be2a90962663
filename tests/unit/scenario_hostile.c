/* SPDX-License-Identifier: Apache-2.0 */
/* Files that were made to hurt: each ends soon, with a message. */
#include "scenario_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static char *complaints_of(const char *bytes, size_t size)
{
    struct buf said = {0};
    assert_null(read_with(bytes, size, NULL, 0, &said));
    return buf_steal(&said);
}

static void expect_complaints(const char *bytes, size_t size, const char *expected)
{
    char *said = complaints_of(bytes, size);
    assert_string_equal(said, expected);
    free(said);
}

#define EXPECT(text, expected) expect_complaints((text), sizeof(text) - 1, (expected))

/* `piece`, `times` times, between `before` and `after`. */
static char *complaints_of_many(const char *before, const char *piece, size_t times, const char *after)
{
    struct buf text = {0};
    buf_add_str(&text, before);
    for (size_t i = 0; i < times; i++) {
        buf_add_str(&text, piece);
    }
    buf_add_str(&text, after);
    char *said = complaints_of(text.data, text.size);
    buf_fini(&text);
    return said;
}

static void expect_many(const char *before, const char *piece, size_t times, const char *after, const char *expected)
{
    char *said = complaints_of_many(before, piece, times, after);
    assert_string_equal(said, expected);
    free(said);
}

static void test_aliases_that_explode(void **state)
{
    (void)state;
    EXPECT("a: &a [x,x,x,x,x,x,x,x,x,x]\n"
           "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
           "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
           "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
           "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
           "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
           "5:8: error: more than 20000 values, with those that aliases repeat: expected a scenario\n"
           "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
           "       ^\n");
}

static void test_aliases_that_repeat_much_text(void **state)
{
    (void)state;
    char *said = complaints_of_many("name: &n ", "x", 100000, "\nphases: [*n,*n,*n,*n,*n,*n,*n,*n,*n,*n]\n");
    assert_string_equal(said,
                        "2:37: error: more than 1MiB of text, with that which aliases repeat: expected a scenario\n"
                        "phases: [*n,*n,*n,*n,*n,*n,*n,*n,*n,*n]\n"
                        "                                    ^\n");
    free(said);
}

static void test_an_alias_inside_of_its_anchor(void **state)
{
    (void)state;
    EXPECT("name: x\nworkers: {python: }\nphases: &p [local, *p]\n",
           "3:20: error: phases.1: alias `*p` inside of what it names, expected it after the end of that\n"
           "phases: &p [local, *p]\n"
           "                   ^\n");
}

static void test_aliases_that_nest_deeper_and_deeper(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_add_str(&text, "a0: &a0 [x]\n");
    for (int i = 1; i < 40; i++) {
        buf_printf(&text, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    }
    expect_complaints(text.data, text.size,
                      "32:12: error: nested deeper than 32 levels: expected a scenario\n"
                      "a31: &a31 [*a30]\n"
                      "           ^\n");
    buf_fini(&text);
}

static void test_many_anchors(void **state)
{
    (void)state;
    struct buf text = {0};
    for (int i = 0; i < 300; i++) {
        buf_printf(&text, "- &a%d x\n", i);
    }
    expect_complaints(text.data, text.size,
                      "257:3: error: more than 256 anchors: expected a scenario\n- &a256 x\n  ^\n");
    buf_fini(&text);
}

static void test_a_mebibyte_of_brackets(void **state)
{
    (void)state;
    char line[128];
    memset(line, '[', sizeof line);
    line[100] = '\0';
    struct buf expected = {0};
    buf_printf(&expected, "1:33: error: nested deeper than 32 levels: expected a scenario\n%s...\n%32s^\n", line, "");
    expect_many("", "[", SCENARIO_SIZE_MAX, "", expected.data);
    buf_fini(&expected);
}

static void test_other_nests(void **state)
{
    (void)state;
    const char *const pieces[] = {"{a: ", "- ", "? ", "[{a: "};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        char *said = complaints_of_many("", pieces[i], 100000, "");
        assert_non_null(strstr(said, "error: nested deeper than 32 levels: expected a scenario\n"));
        free(said);
    }
}

static void test_the_deepest_nest_that_is_read(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_add_str(&text, "name: x\nworkers: {python: }\nphases: [local]\ndescription: ");
    for (int i = 0; i < SCENARIO_DEPTH_MAX - 1; i++) {
        buf_add_char(&text, '[');
    }
    for (int i = 0; i < SCENARIO_DEPTH_MAX - 1; i++) {
        buf_add_char(&text, ']');
    }
    char *said = complaints_of(text.data, text.size);
    assert_non_null(strstr(said, "4:14: error: description: a list found, expected text\n"));
    free(said);
    buf_fini(&text);
}

static void test_many_values(void **state)
{
    (void)state;
    char *said = complaints_of_many("[", "a,", 500000, "]");
    assert_non_null(
        strstr(said, "1:40000: error: more than 20000 values, with those that aliases repeat: expected a scenario\n"));
    free(said);
}

static void test_a_file_that_is_too_large(void **state)
{
    (void)state;
    expect_many("name: x\n#", "x", SCENARIO_SIZE_MAX, "\n",
                "1:1: error: the file has 1048586 bytes, expected a scenario of at most 1MiB\nname: x\n^\n");
}

static void test_more_complaints_than_a_person_reads(void **state)
{
    (void)state;
    struct buf text = {0};
    for (int i = 0; i < 80; i++) {
        buf_printf(&text, "unknown%d: 1\n", i);
    }
    char *said = complaints_of(text.data, text.size);
    size_t lines = 0;
    for (const char *at = said; (at = strstr(at, "error: ")) != NULL; at++) {
        lines++;
    }
    assert_int_equal(lines, DIAGNOSTICS_MAX);
    /* Two that are missing and eighty that are unknown. */
    assert_non_null(strstr(said, "\n32 more\n"));
    free(said);
    buf_fini(&text);
}

/* --- bytes ------------------------------------------------------------------------------------------------------ */

static void test_bytes_that_are_no_text(void **state)
{
    (void)state;
    EXPECT("name: x\0y\nseed: 1\n", "1:8: error: a zero byte, expected text\nname: x?y\n       ^\n");
    EXPECT("name: \x1B[31m\n", "1:7: error: control character 0x1B, expected text\nname: ?[31m\n      ^\n");
    EXPECT("name: \x7F\n", "1:7: error: control character 0x7F, expected text\nname: ?\n      ^\n");
    EXPECT("name: \xC2\x9B\n", "1:7: error: control character 0x9B, expected text\nname: ?\n      ^\n");
    EXPECT("name: \xEF\xBF\xBF\n", "1:7: error: control character 0xBF, expected text\nname: \xEF\xBF\xBF\n      ^\n");
}

static void test_bytes_that_are_not_utf8(void **state)
{
    (void)state;
    /* Latin-1, twice in a line that also has a good umlaut, and a character that the end cuts. */
    EXPECT("name: x\ndescription: \xC3\xBC \xFC \xE4\nenv: \xE2\x82",
           "2:16: error: byte 0xFC is not UTF-8, expected text in UTF-8\n"
           "description: \xC3\xBC ? ?\n"
           "               ^\n"
           "2:18: error: byte 0xE4 is not UTF-8, expected text in UTF-8\n"
           "description: \xC3\xBC ? ?\n"
           "                 ^\n"
           "3:6: error: byte 0xE2 is not UTF-8, expected text in UTF-8\n"
           "env: ??\n"
           "     ^\n"
           "3:7: error: byte 0x82 is not UTF-8, expected text in UTF-8\n"
           "env: ??\n"
           "      ^\n");
}

static void test_wide_encodings(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {
        {"\xFF\xFEn\0a\0", 6}, {"\xFE\xFF\0n\0a", 6},      {"n\0a\0m\0e\0:\0 \0x\0", 14},
        {"\0n\0a\0m\0e", 8},   {"\xFF\xFE\0\0n\0\0\0", 8},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *said = complaints_of(cases[i].bytes, cases[i].size);
        assert_ptr_equal(strstr(said, "1:1: error: this is UTF-16 or UTF-32, expected UTF-8: save the file as UTF-8\n"),
                         said);
        free(said);
    }
}

static void test_a_byte_order_mark_is_skipped(void **state)
{
    (void)state;
    struct buf said = {0};
    static const char good[] = "\xEF\xBB\xBFname: x\nworkers: {python: }\nphases: [local]\n";
    struct scenario *s = read_with(good, sizeof good - 1, NULL, 0, &said);
    assert_non_null(s);
    assert_string_equal(s->name, "x");
    scenario_free(s);
    buf_fini(&said);
    EXPECT("\xEF\xBB\xBFnme: x\nworkers: {python: }\nphases: [local]\nname: x\n",
           "1:1: error: unknown key `nme`, did you mean `name`?\nnme: x\n^\n");
}

static void test_nothing_at_all(void **state)
{
    (void)state;
    static const char said[] =
        "1:1: error: the file is empty, expected a scenario with at least `name` and `workers`\n\n^\n";
    EXPECT("", said);
    EXPECT("\xEF\xBB\xBF", said);
    expect_complaints(NULL, 0, said);
}

/* Line breaks that libyaml counts and editors may not: the excerpt must be the line that is meant. */
static void test_unusual_line_breaks(void **state)
{
    (void)state;
    EXPECT("name: x\r# \xC2\x85# \xE2\x80\xA8# \xE2\x80\xA9nme: 1\r\nworkers: {python: }\nphases: [local]\n",
           "5:1: error: unknown key `nme`, did you mean `name`?\nnme: 1\n^\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aliases_that_explode),
        cmocka_unit_test(test_aliases_that_repeat_much_text),
        cmocka_unit_test(test_an_alias_inside_of_its_anchor),
        cmocka_unit_test(test_aliases_that_nest_deeper_and_deeper),
        cmocka_unit_test(test_many_anchors),
        cmocka_unit_test(test_a_mebibyte_of_brackets),
        cmocka_unit_test(test_other_nests),
        cmocka_unit_test(test_the_deepest_nest_that_is_read),
        cmocka_unit_test(test_many_values),
        cmocka_unit_test(test_a_file_that_is_too_large),
        cmocka_unit_test(test_more_complaints_than_a_person_reads),
        cmocka_unit_test(test_bytes_that_are_no_text),
        cmocka_unit_test(test_bytes_that_are_not_utf8),
        cmocka_unit_test(test_wide_encodings),
        cmocka_unit_test(test_a_byte_order_mark_is_skipped),
        cmocka_unit_test(test_nothing_at_all),
        cmocka_unit_test(test_unusual_line_breaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
