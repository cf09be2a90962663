/* SPDX-License-Identifier: Apache-2.0 */
/* profile_compare: which label each sample of a copy had before, and has after. */
#include "profile/compare.h"

#include "base/mem.h"
#include "pprof_build.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct row {
    const char *label; /* NULL: none */
    int64_t acquires, wait_ns;
    int64_t thread;
    uint64_t location;
    const char *key; /* of the label; NULL: "lock name" */
};

static void build(const struct row *rows, size_t count, enum profile_encoding encoding, struct buf *out)
{
    struct pprof_build *b = pprof_build_new();
    pprof_build_lock_types(b);
    for (size_t i = 0; i < count; i++) {
        pprof_build_lock(b, rows[i].key ? NULL : rows[i].label, rows[i].acquires, rows[i].wait_ns, 0, 0);
        pprof_build_location(b, rows[i].location);
        pprof_build_num_label(b, "thread id", rows[i].thread, "");
        if (rows[i].key) {
            pprof_build_label(b, rows[i].key, rows[i].label);
        }
    }
    pprof_build_bytes(b, encoding, out);
    pprof_build_free(b);
}

static const char *const kinds[] = {"kept", "changed", "rekeyed", "unlabelled", "gone", "added"};

/* "changed a>b 2 10/10; ..." */
static char *moves_of(const struct profile_comparison *c)
{
    struct buf out = {0};
    for (size_t i = 0; i < c->move_count; i++) {
        const struct trail_move *m = &c->moves[i];
        buf_printf(&out, "%s%s %s>%s", i > 0 ? "; " : "", kinds[m->kind], m->from ? m->from : "", m->to ? m->to : "");
        if (m->key) {
            buf_printf(&out, " under '%s'", m->key);
        }
        buf_printf(&out, " %" PRIu64 " %" PRIu64 "/%" PRIu64, m->samples, m->acquires_before, m->acquires_after);
    }
    return buf_steal(&out);
}

static void expect_moves(const struct buf *before, const struct buf *after, bool same, const char *expected)
{
    struct profile_comparison *c;
    struct err e;
    if (profile_compare(before->data, before->size, after->data, after->size, &profile_limits_default, &c, &e) < 0) {
        fail_msg("%s", e.text);
    }
    char *got = moves_of(c);
    assert_string_equal(got, expected);
    assert_int_equal(c->same, same);
    free(got);
    profile_comparison_free(c);
}

static void expect(const struct row *before, size_t before_count, const struct row *after, size_t after_count,
                   bool same, const char *expected)
{
    struct buf b = {0}, a = {0};
    build(before, before_count, ENCODING_ZSTD, &b);
    build(after, after_count, ENCODING_GZIP, &a);
    expect_moves(&b, &a, same, expected);
    buf_fini(&b);
    buf_fini(&a);
}

#define ROWS(...) (const struct row[]){__VA_ARGS__}, sizeof((const struct row[]){__VA_ARGS__}) / sizeof(struct row)
#define X "a.py:1:x"
#define Y "b.py:2:y"

static void test_another_order_and_encoding_is_the_same(void **state)
{
    (void)state;
    expect(ROWS({X, 1, 5, 1, 7, NULL}, {Y, 2, 0, 2, 8, NULL}, {X, 1, 9, 1, 7, NULL}),
           ROWS({Y, 2, 0, 2, 8, NULL}, {X, 1, 9, 1, 7, NULL}, {X, 1, 5, 1, 7, NULL}), true,
           "kept a.py:1:x>a.py:1:x 2 2/2; "
           "kept b.py:2:y>b.py:2:y 1 2/2");
}

static void test_each_change_of_a_label(void **state)
{
    (void)state;
    expect(ROWS({X, 1, 5, 1, 7, NULL}, {Y, 2, 0, 2, 8, NULL}), ROWS({"a.py", 1, 5, 1, 7, NULL}, {Y, 2, 0, 2, 8, NULL}),
           false, "kept b.py:2:y>b.py:2:y 1 2/2; changed a.py:1:x>a.py 1 1/1");
    expect(ROWS({X, 1, 5, 1, 7, NULL}), ROWS({NULL, 1, 5, 1, 7, NULL}), false, "unlabelled a.py:1:x> 1 1/1");
    expect(ROWS({X, 1, 5, 1, 7, NULL}), ROWS({X, 1, 5, 1, 7, "lock"}), false,
           "rekeyed a.py:1:x>a.py:1:x under 'lock' 1 1/1");
    expect(ROWS({X, 1, 5, 1, 7, NULL}), ROWS({X, 1, 5, 1, 7, ""}), false, "rekeyed a.py:1:x>a.py:1:x under '' 1 1/1");
    expect(ROWS({X, 1, 5, 1, 7, ""}), ROWS({X, 1, 5, 1, 7, ""}), true, "kept > 1 1/1");
    expect(ROWS({X, 1, 5, 1, 7, NULL}), ROWS({"a.p", 1, 5, 1, 7, "lock"}), false,
           "rekeyed a.py:1:x>a.p under 'lock' 1 1/1");
    expect(ROWS({X, 1, 5, 1, 7, NULL}), ROWS({X, 1, 5, 1, 7, ""}), false, "rekeyed a.py:1:x>a.py:1:x under '' 1 1/1");
    expect(ROWS({NULL, 1, 5, 1, 7, NULL}), ROWS({NULL, 1, 5, 1, 7, NULL}), true, "kept > 1 1/1");
    expect(ROWS({NULL, 1, 5, 1, 7, NULL}), ROWS({X, 1, 5, 1, 7, NULL}), false, "changed >a.py:1:x 1 1/1");
}

static void test_labels_that_change_places(void **state)
{
    (void)state;
    expect(ROWS({X, 3, 5, 1, 7, NULL}, {Y, 3, 5, 1, 8, NULL}), ROWS({Y, 3, 5, 1, 7, NULL}, {X, 3, 5, 1, 8, NULL}),
           false, "changed a.py:1:x>b.py:2:y 1 3/3; changed b.py:2:y>a.py:1:x 1 3/3");
}

static void test_samples_that_are_gone_or_were_added(void **state)
{
    (void)state;
    expect(ROWS({X, 1, 5, 1, 7, NULL}, {X, 1, 6, 1, 7, NULL}, {Y, 1, 1, 1, 9, NULL}),
           ROWS({X, 1, 6, 1, 7, NULL}, {Y, 1, 1, 1, 9, NULL}), false,
           "kept a.py:1:x>a.py:1:x 1 1/1; kept b.py:2:y>b.py:2:y 1 1/1; gone a.py:1:x> 1 1/0");
    expect(ROWS({X, 1, 5, 1, 7, NULL}), ROWS({X, 1, 5, 1, 7, NULL}, {X, 1, 5, 1, 7, NULL}), false,
           "kept a.py:1:x>a.py:1:x 1 1/1; added >a.py:1:x 1 0/1");
}

/* Samples of one stack whose labels differ, and nothing else: those that kept theirs are not taken for the others. */
static void test_samples_that_only_the_label_tells_apart(void **state)
{
    (void)state;
    expect(ROWS({X, 1, 0, 1, 7, NULL}, {Y, 1, 0, 1, 7, NULL}), ROWS({Y, 1, 0, 1, 7, NULL}), false,
           "kept b.py:2:y>b.py:2:y 1 1/1; gone a.py:1:x> 1 1/0");
    expect(ROWS({X, 1, 0, 1, 7, NULL}, {Y, 1, 0, 1, 7, NULL}), ROWS({Y, 1, 0, 1, 7, NULL}, {NULL, 1, 0, 1, 7, NULL}),
           false, "kept b.py:2:y>b.py:2:y 1 1/1; unlabelled a.py:1:x> 1 1/1");
    expect(ROWS({X, 1, 0, 1, 7, NULL}, {Y, 1, 0, 1, 7, NULL}), ROWS({Y, 1, 0, 1, 7, "k"}, {X, 1, 0, 1, 7, "k"}), false,
           "rekeyed a.py:1:x>a.py:1:x under 'k' 1 1/1; rekeyed b.py:2:y>b.py:2:y under 'k' 1 1/1");
}

static void test_a_backend_that_adds_samples_up_loses_none(void **state)
{
    (void)state;
    expect(ROWS({X, 1, 5, 1, 7, NULL}, {X, 2, 6, 1, 7, NULL}), ROWS({X, 3, 11, 1, 7, NULL}), true,
           "kept a.py:1:x>a.py:1:x 2 3/3");
    expect(ROWS({X, 1, 5, 1, 7, NULL}, {X, 2, 6, 1, 7, NULL}), ROWS({X, 2, 11, 1, 7, NULL}), false,
           "kept a.py:1:x>a.py:1:x 1 1/2; gone a.py:1:x> 1 2/0");
}

/* A thread's label that is dropped on the way is nothing that a lock has lost. */
static void test_other_labels_and_types(void **state)
{
    (void)state;
    struct buf before = {0}, after = {0};
    struct pprof_build *b = pprof_build_new();
    pprof_build_lock_types(b);
    pprof_build_lock(b, X, 1, 5, 0, 0);
    pprof_build_label(b, "thread name", "t");
    pprof_build_lock(b, Y, 1, 5, 0, 0);
    pprof_build_label(b, "thread name", "u");
    pprof_build_bytes(b, ENCODING_NONE, &before);
    pprof_build_free(b);
    b = pprof_build_new();
    pprof_build_type(b, "extra", "count");
    pprof_build_type(b, "lock_acquire", "count");
    pprof_build_type(b, "lock_acquire_wait", "nanoseconds");
    for (int i = 0; i < 2; i++) {
        pprof_build_sample(b);
        pprof_build_value(b, "lock_acquire", 1);
        pprof_build_value(b, "lock_acquire_wait", 5);
        pprof_build_label(b, "lock name", i == 0 ? Y : X);
    }
    pprof_build_bytes(b, ENCODING_NONE, &after);
    pprof_build_free(b);
    expect_moves(&before, &after, false, "kept a.py:1:x>a.py:1:x 1 1/0; kept b.py:2:y>b.py:2:y 1 1/0");
    buf_fini(&before);
    buf_fini(&after);
}

static void test_a_copy_that_is_broken(void **state)
{
    (void)state;
    struct buf good = {0};
    struct profile_comparison *c = NULL;
    struct err e;
    build(ROWS({X, 1, 5, 1, 7, NULL}), ENCODING_NONE, &good);
    assert_int_equal(profile_compare(good.data, good.size, "\x0a\x7f", 2, &profile_limits_default, &c, &e), -1);
    assert_non_null(strstr(e.text, "the copy after: "));
    assert_int_equal(profile_compare("", 0, good.data, good.size, &profile_limits_default, &c, &e), -1);
    assert_non_null(strstr(e.text, "the copy before: "));
    buf_fini(&good);
}

/* Large groups of samples that nothing but their label tells apart take no square of their number. */
static void test_many_samples_that_look_alike(void **state)
{
    (void)state;
    enum { COUNT = 40000 };
    struct row *before = mem_calloc(COUNT, sizeof *before), *after = mem_calloc(COUNT, sizeof *after);
    for (size_t i = 0; i < COUNT; i++) {
        before[i] = (struct row){i % 2 ? X : Y, 1, 0, 1, 7, NULL};
        after[i] = (struct row){i % 2 ? Y : X, 1, 0, 1, 7, "k"};
    }
    expect(before, COUNT, after, COUNT, false,
           "rekeyed a.py:1:x>a.py:1:x under 'k' 20000 20000/20000; "
           "rekeyed b.py:2:y>b.py:2:y under 'k' 20000 20000/20000");
    free(before);
    free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_order_and_encoding_is_the_same),
        cmocka_unit_test(test_each_change_of_a_label),
        cmocka_unit_test(test_labels_that_change_places),
        cmocka_unit_test(test_samples_that_are_gone_or_were_added),
        cmocka_unit_test(test_samples_that_only_the_label_tells_apart),
        cmocka_unit_test(test_a_backend_that_adds_samples_up_loses_none),
        cmocka_unit_test(test_other_labels_and_types),
        cmocka_unit_test(test_a_copy_that_is_broken),
        cmocka_unit_test(test_many_samples_that_look_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
