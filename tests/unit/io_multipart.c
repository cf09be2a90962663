/* SPDX-License-Identifier: Apache-2.0 */
/* Every body is fed whole and in pieces of several sizes: the outcome must be the same. */
#include "io/multipart.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TYPE "multipart/form-data; boundary=b"
#define NAMED(name) "Content-Disposition: form-data; name=\"" name "\"\r\n"
#define PART(name, body) "--b\r\n" NAMED(name) "\r\n" body "\r\n"

static const struct multipart_limits wide = {.max_parts = 4, .max_body = 1000};

/* The parts that came out as "name|filename|type|body;" in turn, then the error's text or "ok". */
static char *read_in_pieces(const char *type, const struct multipart_limits *limits, const char *body, size_t size,
                            size_t piece)
{
    struct buf out = {0};
    struct err e;
    struct multipart *m = multipart_new(type, limits, &e);
    if (m == NULL) {
        return mem_strdup(e.text);
    }
    int result = 0;
    for (size_t at = 0; at < size && result == 0; at += piece) {
        result = multipart_feed(m, body + at, size - at < piece ? size - at : piece, &e);
    }
    if (result == 0) {
        result = multipart_end(m, &e);
    }
    size_t count;
    const struct multipart_part *parts = multipart_parts(m, &count);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&out, "%s|%s|%s|", parts[i].name, parts[i].filename ? parts[i].filename : "-",
                   parts[i].content_type ? parts[i].content_type : "-");
        buf_add(&out, parts[i].body.data, parts[i].body.size);
        buf_add_str(&out, ";");
    }
    buf_add_str(&out, result == 0 ? "ok" : e.text);
    multipart_free(m);
    return buf_steal(&out);
}

static void expect(const char *type, const struct multipart_limits *limits, const char *body, const char *expected)
{
    for (size_t piece = 1; piece <= strlen(body) + 1; piece++) {
        char *found = read_in_pieces(type, limits, body, strlen(body), piece);
        assert_string_equal(found, expected);
        free(found);
    }
}

static void good_bodies_give_their_parts(void **state)
{
    static const struct {
        const char *body, *expected;
    } cases[] = {
        {PART("a", "x") "--b--\r\n", "a|-|-|x;ok"},
        {PART("a", "x") "--b--", "a|-|-|x;ok"},
        {PART("a", "x") PART("b", "y") "--b--", "a|-|-|x;b|-|-|y;ok"},
        {PART("a", "") "--b--", "a|-|-|;ok"},
        /* a part without a body: the blank line is the boundary's own */
        {"--b\r\n" NAMED("a") "\r\n--b--", "a|-|-|;ok"},
        {"--b--", "ok"},
        /* preamble and epilogue */
        {"hello\r\nworld\r\n" PART("a", "x") "--b--\r\n--b\r\nmore", "a|-|-|x;ok"},
        {"-" PART("a", "n") "\r\n" PART("a", "x") "--b--", "a|-|-|x;ok"},
        {"\r\n\r\n" PART("a", "x") "--b--", "a|-|-|x;ok"},
        /* padding after the boundary */
        {"--b \t \r\n" NAMED("a") "\r\nx\r\n--b--\t \r\n", "a|-|-|x;ok"},
        /* what only looks like a boundary */
        {PART("a", "\r\n-\r\n--\r\n--c\r\r\n--") "--b--", "a|-|-|\r\n-\r\n--\r\n--c\r\r\n--;ok"},
        {PART("a", "x--b--y\n--b\n") "--b--", "a|-|-|x--b--y\n--b\n;ok"},
        {PART("a", "\r") "--b--", "a|-|-|\r;ok"},
        {PART("a", "\r\n") "--b--", "a|-|-|\r\n;ok"},
        {PART("a", "\r\n\r\n-") "--b--", "a|-|-|\r\n\r\n-;ok"},
        {PART("a", "-\r\n") "--b--", "a|-|-|-\r\n;ok"},
        /* heads */
        {"--b\r\ncontent-type:\t text/plain\r\nX-Other: y\r\nCONTENT-DISPOSITION:form-data ; "
         "FileName=\"f.x\" ;NAME=a;;\r\n\r\nx\r\n--b--",
         "a|f.x|text/plain|x;ok"},
        {"--b\r\nContent-Disposition: form-data; name=\"a\\\"b\\\\c\\d\"; filename=\"\"\r\n\r\n"
         "\r\n--b--",
         "a\"b\\c\\d||-|;ok"},
        {"--b\r\nContent-Disposition: form-data; name=\"%22%0d%0A%41%\"\r\n\r\n\r\n--b--", "\"\r\n%41%|-|-|;ok"},
        {"--b\r\nContent-Disposition: form-data; name=\"schl\xC3\xBCssel;x=y\"\r\n\r\n\r\n--b--",
         "schl\xC3\xBCssel;x=y|-|-|;ok"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect(TYPE, &wide, cases[i].body, cases[i].expected);
    }
}

static void broken_bodies_say_where_and_what(void **state)
{
    static const struct {
        const char *body, *expected;
    } cases[] = {
        {"", "offset 0: the body has ended without the boundary \"--b\""},
        {"--", "offset 2: the body has ended without the boundary \"--b\""},
        {"x--b\r\n", "offset 6: the body has ended without the boundary \"--b\""},
        {"--b", "offset 3: the body has ended before its closing boundary \"--b--\""},
        {"--b\r\n", "offset 5, part 1: the body has ended before its closing boundary \"--b--\""},
        {PART("a", "x"), "offset 52, part 1 (a): the body has ended before its closing boundary \"--b--\""},
        {PART("a", "x") "--b", "a|-|-|x;offset 55: the body has ended before its closing boundary \"--b--\""},
        {PART("a", "x") "--b-", "a|-|-|x;offset 56: the body has ended before its closing boundary \"--b--\""},
        {PART("a", "x") "--b--\r", "a|-|-|x;offset 58: the body has ended before its closing boundary \"--b--\""},
        {"--bx\r\n", "offset 3: expected a line's end after the boundary, found 'x'"},
        {"--b\n", "offset 3: expected a line's end after the boundary, found byte 0x0a"},
        {"--b\rx", "offset 4: expected LF after the boundary's CR, found 'x'"},
        {"--b- ", "offset 4: expected '-' after the last boundary's first '-', found ' '"},
        {"--b--x", "offset 5: expected a line's end after the last boundary, found 'x'"},
        {"--b--\rx", "offset 6: expected LF after the last boundary's CR, found 'x'"},
        {"--b\r\n\r\n", "offset 6, part 1: the part has no name (no Content-Disposition)"},
        {"--b\r\nContent-Type: x\r\n\r\n", "offset 23, part 1: the part has no name (no Content-Disposition)"},
        {"--b\r\nContent-Disposition: form-data\r\n", "offset 36, part 1: Content-Disposition has no name"},
        {"--b\r\nContent-Disposition: form-data; name=\"\"\r\n",
         "offset 45, part 1 (): Content-Disposition has no name"},
        {"--b\r\nContent-Disposition: attachment; name=a\r\n",
         "offset 45, part 1: Content-Disposition: expected form-data, found 'attachment'"},
        {"--b\r\nContent-Disposition: form-data; name=\"a\r\n",
         "offset 45, part 1: Content-Disposition: character 19: expected the closing quote"},
        {"--b\r\nContent-Disposition: form-data; name\r\n",
         "offset 42, part 1: Content-Disposition: character 16: expected '='"},
        {"--b\r\nContent-Disposition: form-data; name=a; name=b\r\n",
         "offset 52, part 1 (a): Content-Disposition has two parameters name"},
        {"--b\r\nContent-Disposition: form-data; name=a x\r\n",
         "offset 46, part 1 (a): Content-Disposition: character 19: expected ';'"},
        {"--b\r\nContent-Disposition: form-data; name=\"\xFF\"\r\n",
         "offset 46, part 1: Content-Disposition: the name is not UTF-8"},
        {"--b\r\n" NAMED("a") NAMED("b"), "offset 88, part 1 (a): Content-Disposition stands twice"},
        {"--b\r\nContent-Type: x\r\nContent-Type: x\r\n", "offset 38, part 1: Content-Type stands twice"},
        {"--b\r\n" NAMED("a") " folded\r\n", "offset 55, part 1 (a): a folded header line"},
        {"--b\r\nno header\r\n", "offset 15, part 1: expected a header 'Name: value'"},
        {"--b\r\n: x\r\n", "offset 9, part 1: expected a header 'Name: value'"},
        {"--b\r\nA: b\nC: d\r\n", "offset 9, part 1: expected a header line that ends in CR LF, found byte 0x0a"},
        {"--b\r\nA: b\rC", "offset 10, part 1: expected LF after CR, found 'C'"},
        {PART("a", "x") "--b\r\nX",
         "a|-|-|x;offset 58, part 2: the body has ended before its closing boundary \"--b--\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect(TYPE, &wide, cases[i].body, cases[i].expected);
    }
}

static void a_zero_byte_in_a_head_is_refused_and_in_a_body_kept(void **state)
{
    static const char body[] = PART("a", "x\0y") "--b\r\nA\0";
    (void)state;
    for (size_t piece = 1; piece <= sizeof body; piece++) {
        char *found = read_in_pieces(TYPE, &wide, body, sizeof body - 1, piece);
        assert_memory_equal(found,
                            "a|-|-|x\0y;offset 60, part 2: expected a header line that ends "
                            "in CR LF, found byte 0x00",
                            sizeof "a|-|-|x\0y;offset 60, part 2: expected a header line that "
                                   "ends in CR LF, found byte 0x00");
        free(found);
    }
}

static void limits_are_told_with_their_value(void **state)
{
    struct multipart_limits narrow = {.max_parts = 2, .max_body = 6};
    (void)state;
    expect(TYPE, &narrow, PART("a", "123") PART("b", "456") "--b--", "a|-|-|123;b|-|-|456;ok");
    expect(TYPE, &narrow, PART("a", "123") PART("b", "4567") "--b--",
           "a|-|-|123;offset 106, part 2 (b): the parts have more than 6 bytes");
    expect(TYPE, &narrow, PART("a", "123") PART("b", "45\r\n-") "--b--",
           "a|-|-|123;offset 106, part 2 (b): the parts have more than 6 bytes");
    expect(TYPE, &narrow, PART("a", "") PART("b", "") PART("c", ""), "a|-|-|;b|-|-|;offset 106: more than 2 parts");
}

static void a_head_is_bounded(void **state)
{
    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        struct buf body = {0};
        buf_add_str(&body, "--b\r\n" NAMED("a") "X:");
        while (body.size - 5 < MULTIPART_HEAD_MAX - 4 + extra) {
            buf_add_char(&body, 'x');
        }
        buf_add_str(&body, "\r\n\r\ny\r\n--b--");
        char *found = read_in_pieces(TYPE, &wide, body.data, body.size, 7);
        assert_string_equal(found, extra == 0 ? "a|-|-|y;ok"
                                              : "offset 8197, part 1 (a): the part's head has more "
                                                "than 8192 bytes");
        free(found);
        buf_fini(&body);
    }
}

static void the_boundary_is_read_from_the_type(void **state)
{
    static const char *const good[] = {
        "multipart/form-data; boundary=b",
        "multipart/form-data;boundary=\"b\"",
        " Multipart/Form-Data ; BOUNDARY=b; x=y",
        "multipart/form-data; charset=utf-8; boundary=b;",
    };
    static const struct {
        const char *type, *error;
    } bad[] = {
        {"", "Content-Type: expected multipart/form-data, found ''"},
        {"text/plain", "Content-Type: expected multipart/form-data, found 'text/plain'"},
        {"multipart/mixed; boundary=b", "Content-Type: expected multipart/form-data, found 'multipart/mixed'"},
        {"multipart/form-data", "Content-Type: no boundary"},
        {"multipart/form-data; boundary=\"\"", "Content-Type: no boundary"},
        {"multipart/form-data; boundary=", "Content-Type: character 31: expected a value"},
        {"multipart/form-data; boundary=\"b", "Content-Type: character 33: expected the closing quote"},
        {"multipart/form-data; boundary=b; boundary=c", "Content-Type: two boundaries"},
        {"multipart/form-data; boundary=a\"b", "Content-Type: character 32: expected ';'"},
        {"multipart/form-data; boundary=\"a\\\\\"", "Content-Type: the boundary's character 2 (0x5c) is not allowed"},
        {"multipart/form-data; boundary=\"a \"", "Content-Type: the boundary ends in a space"},
        {"multipart/form-data; =b", "Content-Type: character 22: expected a parameter"},
        {"multipart/form-data; "
         "boundary=12345678901234567890123456789012345678901234567890123456789012345678901",
         "Content-Type: the boundary has 71 characters, at most 70 are allowed"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        expect(good[i], &wide, PART("a", "x") "--b--", "a|-|-|x;ok");
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        expect(bad[i].type, &wide, "", bad[i].error);
    }
    expect("multipart/form-data; boundary=\"a '()+_,-./:=?z\"", &wide, "--a '()+_,-./:=?z--", "ok");
    expect("multipart/form-data; "
           "boundary=1234567890123456789012345678901234567890123456789012345678901234567890",
           &wide, "--1234567890123456789012345678901234567890123456789012345678901234567890--", "ok");
}

static void an_error_stays(void **state)
{
    struct err e;
    struct multipart *m = multipart_new(TYPE, &wide, &e);
    (void)state;
    assert_int_equal(multipart_feed(m, "--bx", 4, &e), -1);
    assert_int_equal(e.code, ERR_INPUT);
    for (int i = 0; i < 3; i++) {
        struct err again = {0};
        assert_int_equal(i == 2 ? multipart_end(m, &again) : multipart_feed(m, "--b--", 5, &again), -1);
        assert_string_equal(again.text, e.text);
        assert_int_equal(again.code, ERR_INPUT);
    }
    multipart_free(m);
    multipart_free(NULL);
}

/* 32 MiB of what begins a boundary and never becomes one: a search that looks back would take hours. */
static void parts_of_a_whole_body_are_not_copied(void **state)
{
    static const char body[] = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--y\r\n--b\r\n"
                               "Content-Disposition: form-data; name=\"e\"\r\n\r\n\r\n--b--\r\n";
    struct multipart_limits limits = {.max_parts = 2, .max_body = sizeof body, .whole = body};
    struct err e = {0};
    size_t count;
    struct multipart *m = multipart_new("multipart/form-data; boundary=b", &limits, &e);
    (void)state;
    for (size_t i = 0; i < sizeof body - 1; i++) {
        multipart_feed(m, body + i, 1, &e);
    }
    assert_int_equal(multipart_end(m, &e), 0);
    const struct multipart_part *parts = multipart_parts(m, &count);
    assert_int_equal(count, 2);
    assert_ptr_equal(parts[0].body.data, strstr(body, "x\r\n--y"));
    assert_int_equal(parts[0].body.size, strlen("x\r\n--y"));
    assert_int_equal(parts[1].body.size, 0);
    multipart_free(m);
}

static void the_search_is_linear(void **state)
{
    struct multipart_limits limits = {.max_parts = 1, .max_body = (size_t)64 << 20};
    struct err e;
    struct multipart *m = multipart_new("multipart/form-data; boundary=bbbbbbbbbbbbbbbb", &limits, &e);
    const char *head = "--bbbbbbbbbbbbbbbb\r\n" NAMED("a") "\r\n";
    struct buf piece = {0};
    size_t count;
    (void)state;
    while (piece.size < (size_t)1 << 20) {
        buf_add_str(&piece, "\r\n--bbbbbbbbbbbbbbb\r\r\n--b");
    }
    assert_int_equal(multipart_feed(m, head, strlen(head), &e), 0);
    for (int i = 0; i < 32; i++) {
        assert_int_equal(multipart_feed(m, piece.data, piece.size, &e), 0);
    }
    assert_int_equal(multipart_feed(m, "\r\n--bbbbbbbbbbbbbbbb--", 22, &e), 0);
    assert_int_equal(multipart_end(m, &e), 0);
    assert_int_equal(multipart_parts(m, &count)->body.size, 32 * piece.size);
    buf_fini(&piece);
    multipart_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_bodies_give_their_parts),
        cmocka_unit_test(broken_bodies_say_where_and_what),
        cmocka_unit_test(a_zero_byte_in_a_head_is_refused_and_in_a_body_kept),
        cmocka_unit_test(limits_are_told_with_their_value),
        cmocka_unit_test(a_head_is_bounded),
        cmocka_unit_test(the_boundary_is_read_from_the_type),
        cmocka_unit_test(an_error_stays),
        cmocka_unit_test(parts_of_a_whole_body_are_not_copied),
        cmocka_unit_test(the_search_is_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
