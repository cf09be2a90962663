/* SPDX-License-Identifier: Apache-2.0 */
#include "profile/wire.h"

#include "pprof_build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct wire wire_of(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    return (struct wire){at, at + size, at};
}

static void test_varints_of_each_length(void **state)
{
    (void)state;
    for (unsigned shift = 0; shift <= 64; shift++) {
        for (int64_t near = -1; near <= 1; near++) {
            uint64_t value = (shift < 64 ? UINT64_C(1) << shift : 0) + (uint64_t)near, got;
            struct buf b = {0};
            struct err e;
            pprof_build_varint(&b, value);
            struct wire w = wire_of(b.data, b.size);
            assert_int_equal(wire_varint(&w, &got, &e), 0);
            assert_true(got == value && w.at == w.end);
            for (size_t cut = 0; cut < b.size; cut++) {
                w = wire_of(b.data, cut);
                assert_int_equal(wire_varint(&w, &got, &e), -1);
                assert_string_equal(e.text, "offset 0: truncated inside a number");
                assert_true(w.at == w.base);
            }
            buf_fini(&b);
        }
    }
}

static void test_a_long_form_of_a_small_number_is_a_number(void **state)
{
    struct wire w = wire_of("\x85\x80\x00", 3);
    uint64_t got;
    struct err e;
    (void)state;
    assert_int_equal(wire_varint(&w, &got, &e), 0);
    assert_int_equal(got, 5);
}

static void test_fields_of_each_type(void **state)
{
    static const unsigned char bytes[] = {
        0x08, 0x96, 0x01,                     /* 1: 150 */
        0x12, 0x02, 'a',  'b',                /* 2: "ab" */
        0x19, 1,    2,    3,   4, 5, 6, 7, 8, /* 3: eight bytes */
        0x25, 1,    2,    3,   4,             /* 4: four bytes */
        0x9A, 0x06, 0x00,                     /* 99: "" */
        0x28, 0x07,                           /* 5: 7 */
    };
    static const struct {
        unsigned number;
        enum wire_type type;
        size_t start, size;
        uint64_t value;
    } wanted[] = {
        {1, WIRE_VARINT, 0, 0, 150}, {2, WIRE_BYTES, 3, 2, 0},   {3, WIRE_FIXED64, 7, 8, 0},
        {4, WIRE_FIXED32, 16, 4, 0}, {99, WIRE_BYTES, 21, 0, 0}, {5, WIRE_VARINT, 24, 0, 7},
    };
    struct wire w = wire_of(bytes, sizeof bytes);
    struct wire_field f;
    struct err e;
    (void)state;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        assert_int_equal(wire_next(&w, &f, &e), 1);
        assert_int_equal(f.number, wanted[i].number);
        assert_int_equal(f.type, wanted[i].type);
        assert_int_equal(f.start - bytes, wanted[i].start);
        if (f.type == WIRE_VARINT) {
            assert_int_equal(f.value, wanted[i].value);
        } else {
            assert_int_equal(f.body.end - f.body.at, wanted[i].size);
        }
    }
    assert_int_equal(wire_next(&w, &f, &e), 0);
}

static void test_what_is_not_of_the_format(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *error;
    } cases[] = {
        {"\x00\x01", 2, "offset 0: there is no field number 0"},
        {"\x02\x00", 2, "offset 0: there is no field number 0"},
        {"\x80\x80\x80\x80\x10\x01", 6, "offset 0: there is no field number 536870912"},
        {"\x0B", 1, "offset 0: field 1 is of wire type 3, which pprof does not use"},
        {"\x0C", 1, "offset 0: field 1 is of wire type 4, which pprof does not use"},
        {"\x0E", 1, "offset 0: field 1 is of wire type 6, which pprof does not use"},
        {"\x0F", 1, "offset 0: field 1 is of wire type 7, which pprof does not use"},
        {"\x08", 1, "offset 1: truncated inside a number"},
        {"\x80", 1, "offset 0: truncated inside a number"},
        {"\x0A", 1, "offset 1: truncated inside a number"},
        {"\x0A\x05"
         "abcd",
         6, "offset 1: truncated: field 1 has 5 bytes, and 4 are left"},
        {"\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11,
         "offset 1: truncated: field 1 has 18446744073709551615 bytes, and 0 are left"},
        {"\x09"
         "1234567",
         8, "offset 1: truncated: field 1 has 8 bytes, and 7 are left"},
        {"\x0D"
         "123",
         4, "offset 1: truncated: field 1 has 4 bytes, and 3 are left"},
        {"\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", 11, "offset 1: a number of more than 64 bits"},
        {"\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x81\x00", 12, "offset 1: a number of more than 64 bits"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire w = wire_of(cases[i].bytes, cases[i].size);
        struct wire_field f;
        struct err e = {0};
        assert_int_equal(wire_next(&w, &f, &e), -1);
        assert_int_equal(e.code, ERR_INPUT);
        assert_string_equal(e.text, cases[i].error);
        assert_true(w.at == w.base);
    }
}

/* Each run of bytes that go on, at each place, against the plain rule: an end after nine of them at most. */
static void test_skipped_varints(void **state)
{
    (void)state;
    for (size_t run = 0; run <= 20; run++) {
        for (size_t before = 0; before <= 17; before++) {
            for (size_t after = 0; after <= 17; after++) {
                unsigned char bytes[64];
                struct err e;
                memset(bytes, 1, sizeof bytes);
                memset(bytes + before, 0xFF, run);
                unsigned char *exact = malloc(before + run + after + 1);
                memcpy(exact, bytes, before + run + after);
                struct wire w = wire_of(exact, before + run + after);
                bool good = run <= 9 && (after > 0 || run == 0);
                assert_int_equal(wire_skip_varints(&w, &e), good ? 0 : -1);
                if (!good) {
                    char cut[64];
                    snprintf(cut, sizeof cut, "offset %zu: truncated inside a number", before);
                    assert_string_equal(e.text,
                                        run > 9 ? "offset 0: among its numbers is one of more than 64 bits" : cut);
                }
                free(exact);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_varints_of_each_length), cmocka_unit_test(test_a_long_form_of_a_small_number_is_a_number),
        cmocka_unit_test(test_fields_of_each_type),    cmocka_unit_test(test_what_is_not_of_the_format),
        cmocka_unit_test(test_skipped_varints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
