/* SPDX-License-Identifier: Apache-2.0 */
/* profile_read on what is broken, cut, too large, or no profile at all. */
#include "profile/profile.h"

#include "base/mem.h"
#include "pprof_build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Reads a copy without a byte to spare behind it. */
static int read_bytes(const void *bytes, size_t size, struct profile **out, struct err *e)
{
    char *exact = mem_calloc(size, 1);
    memcpy(exact, bytes, size);
    int result = profile_read(exact, size, &profile_limits_default, out, e);
    free(exact);
    return result;
}

static void expect_error(const void *bytes, size_t size, const char *text)
{
    struct profile *p = NULL;
    struct err e = {0};
    assert_int_equal(read_bytes(bytes, size, &p, &e), -1);
    assert_null(p);
    assert_string_equal(e.text, text);
    assert_int_equal(e.code, ERR_INPUT);
}

/* Builds, frees the builder, expects an error. */
static void expect_build_error(struct pprof_build *b, const char *text)
{
    struct buf bytes = {0};
    pprof_build_bytes(b, ENCODING_NONE, &bytes);
    expect_error(bytes.data, bytes.size, text);
    buf_fini(&bytes);
    pprof_build_free(b);
}

static struct pprof_build *new_locks(void)
{
    struct pprof_build *b = pprof_build_new();
    pprof_build_lock_types(b);
    return b;
}

static void test_what_is_no_profile(void **state)
{
    static const struct {
        const char *bytes, *error;
    } cases[] = {
        {"<!doctype html><html>", "not a profile but an HTML or XML page: did an error or login page answer?"},
        {"\n\n  <html>", "not a profile but an HTML or XML page: did an error or login page answer?"},
        {"{\"error\":\"not found\"}",
         "not a profile but JSON: did an error answer, or is this the event beside the profile?"},
        {"[1]", "not a profile but JSON: did an error answer, or is this the event beside the profile?"},
        {"hello", "not a profile but text"},
        {"PK\x03\x04\x14", "not a profile but a zip archive: unpack it and give the profiles in it"},
        {"--- mutex:\ncycles/second=1", "not a profile but Go's text form of a profile: ask for it without debug=1"},
        {"--boundary\r\n", "not a profile but the parts of a form (multipart): only the profile's part is wanted"},
        {"HTTP/1.1 200 OK\r\n", "not a profile but an HTTP answer with its headers: only its body is wanted"},
        {"\x7F"
         "ELF\x02",
         "not a profile but a program"},
        {"\x01\x02\x03", "offset 0: there is no field number 0"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_error(cases[i].bytes, strlen(cases[i].bytes), cases[i].error);
    }
}

static void test_nothing_at_all(void **state)
{
    (void)state;
    expect_error("", 0, "the file is empty");
    for (int encoding = ENCODING_GZIP; encoding <= ENCODING_LZ4; encoding++) {
        struct buf bytes = {0};
        pprof_build_encode("", 0, (enum profile_encoding)encoding, &bytes);
        expect_error(bytes.data, bytes.size, "nothing in it after decompression");
        buf_fini(&bytes);
    }
    expect_error("\x50\x2A\x4D\x18\x00\x00\x00\x00", 8, "nothing in it after decompression");
}

static void test_values_that_can_not_be(void **state)
{
    struct pprof_build *b;
    (void)state;
    b = new_locks();
    pprof_build_lock(b, "a", 1, -5, 0, 0);
    expect_build_error(b, "sample 1: offset 29: the value of lock-acquire-wait/nanoseconds is below zero: -5");

    b = new_locks();
    for (int i = 0; i < 3; i++) {
        pprof_build_lock(b, "a", 0, 0, 0, INT64_MAX);
    }
    expect_build_error(b, "sample 3: the sum of the hold time has more than 64 bits");

    b = new_locks();
    pprof_build_lock(b, "a", 1, 1, 1, 1);
    b->samples[0]->n_value = 3;
    expect_build_error(b, "sample 1: offset 24: 3 values, and 4 sample types");
}

static void test_indexes_that_lead_nowhere(void **state)
{
    struct pprof_build *b;
    (void)state;
    b = new_locks();
    pprof_build_lock(b, NULL, 1, 0, 0, 0);
    pprof_build_label_index(b, 99, 1);
    expect_build_error(b, "sample 1: offset 32: a label's key is string 99, and the string table has 7");

    b = new_locks();
    pprof_build_lock(b, NULL, 1, 0, 0, 0);
    pprof_build_label_index(b, 1, -1);
    expect_build_error(b, "sample 1: offset 32: a label's text is string -1, and the string table has 7");

    b = new_locks();
    pprof_build_lock(b, NULL, 1, 0, 0, 0);
    pprof_build_num_label(b, "x", 5, "");
    b->samples[0]->label[0]->num_unit = 8;
    expect_build_error(b, "sample 1: offset 32: a label's unit is string 8, and the string table has 8");

    b = new_locks();
    b->types[2]->type = 7;
    expect_build_error(b, "offset 12: a sample type's name is string 7, and the string table has 7");

    b = new_locks();
    b->types[3]->unit = INT64_MIN;
    expect_build_error(b, "offset 18: a sample type's unit is string -9223372036854775808, and the "
                          "string table has 7");
}

static void test_fields_of_the_wrong_wire_type(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *error;
    } cases[] = {
        {"\x32\x00\x30\x01", 4, "offset 2: a string of the table is of wire type 0, expected 2"},
        {"\x32\x00\x10\x01", 4, "offset 2: a sample is of wire type 0, expected 2"},
        {"\x32\x00\x08\x01", 4, "offset 2: a sample type is of wire type 0, expected 2"},
        {"\x32\x00\x4A\x00", 4, "offset 2: the time is of wire type 2, expected 0"},
        {"\x32\x00\x52\x00", 4, "offset 2: the duration is of wire type 2, expected 0"},
        {"\x32\x00\x0A\x02\x0A\x00", 6, "offset 4: a sample type's string is of wire type 2, expected 0"},
        {"\x32\x00\x12\x05\x0D\x00\x00\x00\x00", 9, "sample 1: offset 4: a location is of wire type 5, expected 0"},
        {"\x32\x00\x12\x05\x15\x00\x00\x00\x00", 9, "sample 1: offset 4: a value is of wire type 5, expected 0"},
        {"\x32\x00\x12\x02\x18\x00", 6, "sample 1: offset 4: a label is of wire type 0, expected 2"},
        {"\x32\x00\x12\x04\x1A\x02\x0A\x00", 8,
         "sample 1: offset 6: a number of a label is of wire type 2, expected 0"},
        {"\x32\x00\x12\x04\x0A\x02\x01\x80", 8, "sample 1: offset 7: truncated inside a number"},
        {"\x32\x00\x12\x04\x12\x02\x01\x80", 8, "sample 1: offset 7: truncated inside a number"},
        {"\x32\x00\x0A\x01\x80", 5, "sample type 1: offset 4: truncated inside a number"},
        {"\x32\x01\x61", 3, "offset 0: the first string of the table is not empty"},
        {"\x48\x01", 2, "offset 2: the end, and no string table: truncated, or no pprof"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_error(cases[i].bytes, cases[i].size, cases[i].error);
    }
}

/* The strings stand last here, so that a cut between two fields is seen as well. */
static void test_every_truncation_is_an_error(void **state)
{
    (void)state;
    for (int encoding = ENCODING_NONE; encoding <= ENCODING_LZ4; encoding++) {
        struct pprof_build *b = new_locks();
        struct buf bytes = {0};
        b->profile.time_nanos = 1700000000000000000;
        pprof_build_lock(b, "w.py:6:user_session_lock", 1, 1500, 0, 0);
        pprof_build_num_label(b, "thread id", 77, "");
        pprof_build_lock(b, "w.py:30", 0, 0, 300, 70000);
        pprof_build_label(b, "thread name", "worker");
        pprof_build_bytes(b, (enum profile_encoding)encoding, &bytes);
        for (size_t size = 0; size < bytes.size; size++) {
            struct profile *p = NULL;
            struct err e = {0};
            if (read_bytes(bytes.data, size, &p, &e) == 0) {
                fail_msg("%zu of %zu bytes are read", size, bytes.size);
            }
            assert_int_equal(e.code, ERR_INPUT);
        }
        buf_fini(&bytes);
        pprof_build_free(b);
    }
}

static void test_limits(void **state)
{
    struct pprof_build *b = new_locks();
    struct buf bytes = {0};
    struct profile *p = NULL;
    struct err e;
    (void)state;
    pprof_build_lock(b, "a", 1, 0, 0, 0);
    pprof_build_lock(b, "b", 1, 0, 0, 0);
    pprof_build_lock(b, "a", 1, 0, 0, 0);
    pprof_build_bytes(b, ENCODING_NONE, &bytes);
    struct profile_limits limits = {.max_raw_size = bytes.size, .max_names = 2};
    assert_int_equal(profile_read(bytes.data, bytes.size, &limits, &p, &e), 0);
    profile_free(p);
    limits.max_names = 1;
    assert_int_equal(profile_read(bytes.data, bytes.size, &limits, &p, &e), -1);
    assert_string_equal(e.text, "sample 2: more than 1 lock names, which is the limit");
    limits.max_raw_size = 20;
    assert_int_equal(profile_read(bytes.data, bytes.size, &limits, &p, &e), -1);
    char wanted[100];
    snprintf(wanted, sizeof wanted, "%zu bytes, and the limit is 20", bytes.size);
    assert_string_equal(e.text, wanted);
    buf_fini(&bytes);
    pprof_build_free(b);
}

/* A table of empty strings, and keys and sample types without end. */
static void test_tables_that_are_too_long(void **state)
{
    struct buf bytes = {0};
    char text[100];
    (void)state;
    for (size_t i = 0; i <= PROFILE_STRINGS_MAX; i++) {
        buf_add(&bytes, "\x32\x00", 2);
    }
    expect_error(bytes.data, bytes.size, "offset 8388608: more than 4194304 strings, which is the limit");
    buf_clear(&bytes);
    for (size_t i = 0; i <= PROFILE_SAMPLE_TYPES_MAX; i++) {
        buf_add(&bytes, "\x0A\x00", 2);
    }
    expect_error(bytes.data, bytes.size, "offset 2048: more than 1024 sample types, which is the limit");
    buf_fini(&bytes);

    struct pprof_build *b = new_locks();
    pprof_build_lock(b, "x", 1, 0, 0, 0);
    for (int i = 0; i < PROFILE_KEYS_MAX; i++) {
        int size = snprintf(text, sizeof text, "key %d", i);
        pprof_build_label_index(b, pprof_build_new_string(b, text, (size_t)size), 1);
    }
    expect_build_error(b, "sample 1: more than 4096 keys of labels, which is the limit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_no_profile),
        cmocka_unit_test(test_nothing_at_all),
        cmocka_unit_test(test_values_that_can_not_be),
        cmocka_unit_test(test_indexes_that_lead_nowhere),
        cmocka_unit_test(test_fields_of_the_wrong_wire_type),
        cmocka_unit_test(test_every_truncation_is_an_error),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_tables_that_are_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
