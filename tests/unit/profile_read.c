/* SPDX-License-Identifier: Apache-2.0 */
/* profile_read on good profiles. profile_broken.c has the bad ones, profile_oracle.c another reader to compare with. */
#include "profile/profile.h"

#include "base/mem.h"
#include "pprof_build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
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

static struct profile *read_good(const struct pprof_build *b)
{
    struct buf bytes = {0};
    struct profile *p = NULL;
    struct err e;
    pprof_build_bytes(b, ENCODING_NONE, &bytes);
    if (read_bytes(bytes.data, bytes.size, &p, &e) < 0) {
        fail_msg("%s", e.text);
    }
    buf_fini(&bytes);
    return p;
}

static void expect_name(const struct profile_name *name, const char *label, uint64_t samples, uint64_t acquires,
                        uint64_t wait_ns, uint64_t releases, uint64_t hold_ns)
{
    assert_string_equal(name->label, label);
    assert_int_equal(name->samples, samples);
    assert_int_equal(name->acquires, acquires);
    assert_int_equal(name->wait_ns, wait_ns);
    assert_int_equal(name->releases, releases);
    assert_int_equal(name->hold_ns, hold_ns);
}

static struct pprof_build *new_locks(void)
{
    struct pprof_build *b = pprof_build_new();
    pprof_build_lock_types(b);
    return b;
}

static struct pprof_build *new_sample_profile(void)
{
    struct pprof_build *b = new_locks();
    b->profile.time_nanos = 1700000000000000000;
    b->profile.duration_nanos = 60000000000;
    pprof_build_lock(b, "w.py:6:user_session_lock", 1, 1500, 0, 0);
    pprof_build_label(b, "thread name", "worker-1");
    pprof_build_num_label(b, "thread id", 77, "");
    pprof_build_lock(b, "w.py:30", 3, 300, 0, 0);
    pprof_build_lock(b, "w.py:6:user_session_lock", 0, 0, 2, 9000);
    pprof_build_label(b, "thread name", "worker-2");
    pprof_build_lock(b, NULL, 1, 0, 0, 0);
    return b;
}

static void check_sample_profile(const struct profile *p)
{
    assert_int_equal(p->kind, PROFILE_LOCKS);
    assert_string_equal(p->what, "pprof, lock profile (lock-acquire/count, lock-acquire-wait/nanoseconds, "
                                 "lock-release/count, lock-release-hold/nanoseconds)");
    assert_int_equal(p->samples, 4);
    assert_int_equal(p->lock_samples, 4);
    assert_int_equal(p->unlabelled, 1);
    assert_int_equal(p->invalid_utf8, 0);
    assert_int_equal(p->time_ns, 1700000000000000000);
    assert_int_equal(p->duration_ns, 60000000000);
    assert_int_equal(p->sample_type_count, 4);
    assert_string_equal(p->sample_types[1], "lock-acquire-wait/nanoseconds");
    assert_int_equal(p->name_count, 2);
    expect_name(&p->names[0], "w.py:6:user_session_lock", 2, 1, 1500, 2, 9000);
    assert_string_equal(p->names[0].file, "w.py");
    assert_int_equal(p->names[0].line, 6);
    assert_string_equal(p->names[0].name, "user_session_lock");
    expect_name(&p->names[1], "w.py:30", 1, 3, 300, 0, 0);
    assert_string_equal(p->names[1].file, "w.py");
    assert_int_equal(p->names[1].line, 30);
    assert_string_equal(p->names[1].name, "");
    assert_int_equal(p->key_count, 2);
    assert_string_equal(p->keys[0].key, "lock name");
    assert_int_equal(p->keys[0].samples, 3);
    assert_string_equal(p->keys[1].key, "thread name");
    assert_int_equal(p->keys[1].samples, 2);
}

static void test_names_in_any_encoding_and_order(void **state)
{
    static const char *const names[] = {"none", "gzip", "zstd", "lz4"};
    (void)state;
    for (int form = 0; form < 32; form++) {
        struct pprof_build *b = new_sample_profile();
        struct buf bytes = {0};
        struct profile *p;
        struct err e;
        enum profile_encoding encoding = (enum profile_encoding)(form & 3);
        b->unpacked = form & 4;
        b->strings_first = form & 8;
        b->types_last = form & 16;
        pprof_build_bytes(b, encoding, &bytes);
        assert_int_equal(read_bytes(bytes.data, bytes.size, &p, &e), 0);
        assert_int_equal(p->encoding, encoding);
        assert_string_equal(profile_encoding_name(p->encoding), names[encoding]);
        assert_true(encoding != ENCODING_NONE || p->raw_size == bytes.size);
        check_sample_profile(p);
        profile_free(p);
        pprof_build_free(b);
        buf_fini(&bytes);
    }
    profile_free(NULL);
}

/* Columns are found by name: among others, in another order, one of them missing, one of them twice. */
static void test_values_by_type_name(void **state)
{
    struct pprof_build *b = pprof_build_new();
    (void)state;
    pprof_build_type(b, "cpu-time", "nanoseconds");
    pprof_build_type(b, "lock-release-hold", "nanoseconds");
    pprof_build_type(b, "lock-acquire", "count");
    pprof_build_type(b, "lock-acquire-wait-total", "nanoseconds");
    pprof_build_type(b, "lock-acquire", "count");
    pprof_build_sample(b);
    pprof_build_label(b, "lock name", "a.py:1:x");
    for (int i = 0; i < 5; i++) {
        b->samples[0]->value[i] = 1 << i;
    }
    struct profile *p = read_good(b);
    expect_name(&p->names[0], "a.py:1:x", 1, 4 + 16, 0, 0, 2);
    assert_string_equal(p->what, "pprof, lock profile (lock-release-hold/nanoseconds, "
                                 "lock-acquire/count, lock-acquire-wait-total/nanoseconds, "
                                 "lock-acquire/count and 1 more types)");
    profile_free(p);
    pprof_build_free(b);
}

/* 40 columns, so that values stand behind runs of zeros of each length. */
static void test_one_value_among_many_zeros(void **state)
{
    (void)state;
    for (int column = 0; column < 40; column++) {
        struct pprof_build *b = pprof_build_new();
        for (int i = 0; i < 40; i++) {
            pprof_build_type(b, i == column ? "lock-acquire" : "other", "count");
        }
        pprof_build_sample(b);
        pprof_build_label(b, "lock name", "a.py:1:x");
        b->samples[0]->value[column] = 300;
        struct profile *p = read_good(b);
        expect_name(&p->names[0], "a.py:1:x", 1, 300, 0, 0, 0);
        profile_free(p);
        pprof_build_free(b);
    }
}

static void test_which_samples_are_lock_samples(void **state)
{
    struct pprof_build *b = pprof_build_new();
    (void)state;
    pprof_build_type(b, "cpu-time", "nanoseconds");
    pprof_build_type(b, "lock-release", "count");
    pprof_build_sample(b); /* a CPU sample: its labels don't count */
    pprof_build_value(b, "cpu-time", 5);
    pprof_build_label(b, "thread name", "main");
    pprof_build_sample(b); /* by its label alone */
    pprof_build_label(b, "lock name", "a.py:1:x");
    pprof_build_sample(b); /* by its value alone */
    pprof_build_value(b, "lock-release", 1);
    pprof_build_sample(b); /* a label without text is none */
    pprof_build_value(b, "lock-release", 1);
    pprof_build_label(b, "lock name", "");
    pprof_build_sample(b); /* nor is another "" of the table */
    pprof_build_value(b, "lock-release", 1);
    pprof_build_label_index(b, pprof_build_string(b, "lock name"), pprof_build_new_string(b, "", 0));
    pprof_build_sample(b); /* a number is no name */
    pprof_build_num_label(b, "lock name", 7, "");
    struct profile *p = read_good(b);
    assert_int_equal(p->samples, 6);
    assert_int_equal(p->lock_samples, 4);
    assert_int_equal(p->unlabelled, 3);
    assert_int_equal(p->name_count, 1);
    assert_int_equal(p->key_count, 1);
    assert_int_equal(p->keys[0].samples, 1);
    profile_free(p);
    pprof_build_free(b);
}

static void test_equal_strings_at_two_indexes_are_one_name(void **state)
{
    struct pprof_build *b = new_locks();
    (void)state;
    int64_t key[2], text[2];
    for (int i = 0; i < 2; i++) {
        key[i] = pprof_build_new_string(b, "lock name", 9);
        text[i] = pprof_build_new_string(b, "a.py:1:x", 8);
    }
    for (int i = 0; i < 4; i++) {
        pprof_build_lock(b, NULL, 1, 0, 0, 0);
        pprof_build_label_index(b, key[i / 2], text[i % 2]);
    }
    struct profile *p = read_good(b);
    assert_int_equal(p->name_count, 1);
    expect_name(&p->names[0], "a.py:1:x", 4, 4, 0, 0, 0);
    assert_int_equal(p->key_count, 1);
    assert_int_equal(p->keys[0].samples, 4);
    profile_free(p);
    pprof_build_free(b);
}

static void test_several_lock_names_on_one_sample(void **state)
{
    struct pprof_build *b = new_locks();
    (void)state;
    pprof_build_lock(b, "a.py:1:x", 2, 0, 0, 0);
    pprof_build_label(b, "lock name", "a.py:1:y");
    pprof_build_label(b, "lock name", "a.py:1:x");
    pprof_build_label_index(b, pprof_build_string(b, "lock name"), pprof_build_new_string(b, "a.py:1:x", 8));
    struct profile *p = read_good(b);
    assert_int_equal(p->lock_samples, 1);
    assert_int_equal(p->name_count, 2);
    expect_name(&p->names[0], "a.py:1:x", 1, 2, 0, 0, 0);
    expect_name(&p->names[1], "a.py:1:y", 1, 2, 0, 0, 0);
    assert_int_equal(p->keys[0].samples, 1);
    profile_free(p);
    pprof_build_free(b);
}

static void test_text_of_any_bytes(void **state)
{
    struct pprof_build *b = new_locks();
    (void)state;
    static const char zero[] = "a.py:1:x\0y";
    int64_t text = pprof_build_new_string(b, zero, sizeof zero - 1);
    pprof_build_lock(b, "\xFF.py:1:\xE2\x82", 1, 0, 0, 0);
    pprof_build_lock(b, "\xFF.py:1:\xE2\x82", 1, 0, 0, 0);
    pprof_build_label(b, "thread name", "\xE2\x82\xAC");
    pprof_build_lock(b, NULL, 1, 0, 0, 0);
    pprof_build_label_index(b, pprof_build_string(b, "lock name"), text);
    pprof_build_lock(b, "no site", 1, 0, 0, 0);
    struct profile *p = read_good(b);
    assert_int_equal(p->name_count, 3);
    assert_int_equal(p->invalid_utf8, 1);
    assert_string_equal(p->names[0].label, "\xFF.py:1:\xE2\x82");
    assert_string_equal(p->names[0].file, "\xFF.py");
    assert_string_equal(p->names[0].name, "\xE2\x82");
    assert_string_equal(p->names[1].label, "a.py:1:x\xEF\xBF\xBDy");
    assert_string_equal(p->names[1].name, "x\xEF\xBF\xBDy");
    assert_string_equal(p->names[2].file, "");
    assert_int_equal(p->names[2].line, 0);
    assert_string_equal(p->names[2].name, "");
    profile_free(p);
    pprof_build_free(b);
}

static void test_a_profile_without_samples_is_empty(void **state)
{
    struct pprof_build *b = new_locks();
    (void)state;
    struct profile *p = read_good(b);
    assert_int_equal(p->kind, PROFILE_EMPTY);
    assert_int_equal(p->name_count, 0);
    profile_free(p);
    pprof_build_free(b);
}

static void test_profiles_of_other_profilers(void **state)
{
    static const struct {
        const char *type, *unit, *what;
    } cases[] = {
        {"contentions", "count", "pprof, Go mutex or block profile (contentions/count)"},
        {"cpu", "nanoseconds", "pprof, CPU profile (cpu/nanoseconds)"},
        {"goroutine", "count", "pprof, Go goroutine profile (goroutine/count)"},
        {"lock-acquired", "count", "pprof, no lock profile (lock-acquired/count)"},
        {"a\x1b[1m\n", "", "pprof, no lock profile (a?[1m?/)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pprof_build *b = pprof_build_new();
        pprof_build_type(b, cases[i].type, cases[i].unit);
        pprof_build_sample(b);
        struct profile *p = read_good(b);
        assert_int_equal(p->kind, PROFILE_FOREIGN);
        assert_string_equal(p->what, cases[i].what);
        assert_int_equal(p->samples, 1);
        assert_int_equal(p->lock_samples, 0);
        profile_free(p);
        pprof_build_free(b);
    }
}

static void test_flight_recordings(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *what;
    } cases[] = {
        {"FLR\0\0\2\0\1 and more", 17, "Java Flight Recorder 2.1"},
        {"FLR\0\0\2\0", 7, "Java Flight Recorder"},
    };
    (void)state;
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        struct buf bytes = {0};
        struct profile *p;
        struct err e;
        pprof_build_encode(cases[i / 2].bytes, cases[i / 2].size, i % 2 ? ENCODING_LZ4 : ENCODING_NONE, &bytes);
        assert_int_equal(read_bytes(bytes.data, bytes.size, &p, &e), 0);
        assert_int_equal(p->kind, PROFILE_FOREIGN);
        assert_string_equal(p->what, cases[i / 2].what);
        assert_int_equal(p->samples, 0);
        profile_free(p);
        buf_fini(&bytes);
    }
}

static void test_unknown_fields_are_passed_over(void **state)
{
    static const char unknown[] = "\xA2\x06\x03xyz\xA8\x06\x07\xB1\x06"
                                  "12345678"
                                  "\xBD\x06"
                                  "1234";
    struct pprof_build *b = new_sample_profile();
    struct buf bytes = {0};
    struct profile *p;
    struct err e;
    (void)state;
    buf_add(&bytes, unknown, sizeof unknown - 1);
    pprof_build_bytes(b, ENCODING_NONE, &bytes);
    buf_add(&bytes, unknown, sizeof unknown - 1);
    assert_int_equal(read_bytes(bytes.data, bytes.size, &p, &e), 0);
    check_sample_profile(p);
    profile_free(p);
    pprof_build_free(b);
    buf_fini(&bytes);
}

/* A difference of two heap profiles has them. */
static void test_other_values_may_be_below_zero(void **state)
{
    struct pprof_build *b = pprof_build_new();
    (void)state;
    pprof_build_type(b, "lock-acquire", "count");
    pprof_build_type(b, "heap-space", "bytes");
    pprof_build_sample(b);
    pprof_build_value(b, "lock-acquire", 1);
    pprof_build_value(b, "heap-space", -1);
    struct profile *p = read_good(b);
    assert_int_equal(p->unlabelled, 1);
    profile_free(p);
    pprof_build_free(b);
}

static void test_a_time_whose_end_nobody_can_tell_is_none(void **state)
{
    static const struct {
        int64_t time, duration;
        bool fits;
    } cases[] = {{INT64_MAX - 5, 5, true}, {INT64_MAX - 5, 6, false}, {INT64_MIN, -1, false}, {-5, 3, true}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pprof_build *b = new_sample_profile();
        b->profile.time_nanos = cases[i].time;
        b->profile.duration_nanos = cases[i].duration;
        struct profile *p = read_good(b);
        assert_int_equal(p->time_ns, cases[i].fits ? cases[i].time : 0);
        assert_int_equal(p->duration_ns, cases[i].fits ? cases[i].duration : 0);
        profile_free(p);
        pprof_build_free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_in_any_encoding_and_order),
        cmocka_unit_test(test_values_by_type_name),
        cmocka_unit_test(test_one_value_among_many_zeros),
        cmocka_unit_test(test_which_samples_are_lock_samples),
        cmocka_unit_test(test_equal_strings_at_two_indexes_are_one_name),
        cmocka_unit_test(test_several_lock_names_on_one_sample),
        cmocka_unit_test(test_text_of_any_bytes),
        cmocka_unit_test(test_a_profile_without_samples_is_empty),
        cmocka_unit_test(test_profiles_of_other_profilers),
        cmocka_unit_test(test_flight_recordings),
        cmocka_unit_test(test_unknown_fields_are_passed_over),
        cmocka_unit_test(test_other_values_may_be_below_zero),
        cmocka_unit_test(test_a_time_whose_end_nobody_can_tell_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
