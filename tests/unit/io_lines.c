/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "io/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX 8

static void write_down(const char *line, size_t size, void *data)
{
    struct buf *all = data;
    if (line == NULL) {
        buf_printf(all, "<long %zu>", size);
        return;
    }
    assert_int_equal(line[size], '\0');
    buf_add_char(all, '[');
    for (size_t i = 0; i < size; i++) {
        buf_add_char(all, line[i] != '\0' ? line[i] : '0');
    }
    buf_add_char(all, ']');
}

/* Feeds the text in pieces of `piece` bytes, each from memory of its own so that a read beyond it is seen. */
static char *cut(const char *text, size_t size, size_t piece)
{
    struct lines lines = {.max = MAX};
    struct buf all = {0};
    for (size_t at = 0; at < size; at += piece) {
        size_t now = size - at < piece ? size - at : piece;
        char *copy = mem_calloc(now, 1);
        memcpy(copy, text + at, now);
        lines_feed(&lines, copy, now, write_down, &all);
        assert_true(lines.begun.size <= MAX);
        free(copy);
    }
    lines_end(&lines, write_down, &all);
    lines_fini(&lines);
    return buf_steal(&all);
}

static void lines_are_the_same_however_the_bytes_come(void **state)
{
    static const struct {
        const char *text;
        size_t size;
        const char *lines;
    } cases[] = {
        {"", 0, ""},
        {"\n", 1, "[]"},
        {"one\n", 4, "[one]"},
        {"one", 3, "[one]"},
        {"one\ntwo\nthree", 13, "[one][two][three]"},
        {"\n\na\n", 4, "[][][a]"},
        {"a\0b\n\0\n", 6, "[a0b][0]"},
        {"\377\376\n\r\n", 5, "[\377\376][\r]"},
        {"12345678\n12345678", 17, "[12345678][12345678]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t piece = 1; piece <= cases[i].size + 1; piece++) {
            char *lines = cut(cases[i].text, cases[i].size, piece);
            assert_string_equal(lines, cases[i].lines);
            free(lines);
        }
    }
}

static void a_long_line_is_told_once_and_what_follows_is_read(void **state)
{
    static const char text[] = "a\n123456789012345678901234567890\nb\n123456789\n\nlast12345";
    (void)state;
    for (size_t piece = 1; piece < sizeof text; piece++) {
        char *lines = cut(text, sizeof text - 1, piece);
        int told = 0;
        for (const char *at = lines; (at = strstr(at, "<long ")) != NULL; at++) {
            int length = atoi(at + 6);
            assert_true(length > MAX && length <= 30);
            told++;
        }
        assert_int_equal(told, 3);
        assert_memory_equal(lines, "[a]<long ", 9);
        assert_non_null(strstr(lines, ">[b]<long 9>[]<long 9>"));
        free(lines);
    }
}

static void after_the_end_a_new_stream_may_begin(void **state)
{
    struct lines lines = {.max = MAX};
    struct buf all = {0};
    char first[] = "too long for it", second[] = "x\n";
    (void)state;
    lines_feed(&lines, first, strlen(first), write_down, &all);
    lines_end(&lines, write_down, &all);
    lines_feed(&lines, second, strlen(second), write_down, &all);
    assert_string_equal(all.data, "<long 15>[x]");
    lines_fini(&lines);
    buf_fini(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_the_same_however_the_bytes_come),
        cmocka_unit_test(a_long_line_is_told_once_and_what_follows_is_read),
        cmocka_unit_test(after_the_end_a_new_stream_may_begin),
    };
    return cmocka_run_group_tests_name("io_lines", tests, NULL, NULL);
}
