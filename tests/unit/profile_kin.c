/* SPDX-License-Identifier: Apache-2.0 */
/* kin: labels on the stacks of two processes that did the same work. */
#include "profile/kin.h"

#include "pprof_build.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Samples of one label on one stack. */
struct row {
    const char *label; /* NULL: none */
    uint64_t stack;
    int samples;
    const char *key; /* NULL: "lock name" */
};

#define X "a.py:1:x"
#define Y "b.py:2:y"
#define END                                                                                                            \
    {                                                                                                                  \
        NULL, 0, 0, NULL                                                                                               \
    }

static void add(struct kin *k, bool after, const struct row *rows)
{
    struct pprof_build *b = pprof_build_new();
    struct buf bytes = {0};
    struct err e;
    pprof_build_lock_types(b);
    for (; rows->samples > 0; rows++) {
        for (int i = 0; i < rows->samples; i++) {
            pprof_build_lock(b, rows->key ? NULL : rows->label, 1, (after ? 100 : 0) + i, 0, 0);
            pprof_build_location(b, rows->stack);
            pprof_build_label(b, rows->key ? rows->key : "thread name", rows->key ? rows->label : "t");
        }
    }
    pprof_build_bytes(b, ENCODING_ZSTD, &bytes);
    pprof_build_free(b);
    assert_int_equal(kin_add(k, after, bytes.data, bytes.size, &profile_limits_default, &e), 0);
    buf_fini(&bytes);
}

static void expect(const struct row *before, const struct row *after, bool same, const char *expected)
{
    static const char *const kinds[] = {"kept", "changed", "rekeyed", "unlabelled", "gone", "added"};
    struct kin *k = kin_new();
    struct buf out = {0};
    add(k, false, before);
    add(k, true, after);
    struct profile_comparison *c = kin_compare(k);
    for (size_t i = 0; i < c->move_count; i++) {
        const struct trail_move *m = &c->moves[i];
        buf_printf(&out, "%s %s>%s%s%s %" PRIu64 "; ", kinds[m->kind], m->from ? m->from : "", m->to ? m->to : "",
                   m->key ? " under " : "", m->key ? m->key : "", m->samples);
    }
    assert_string_equal(out.data ? out.data : "", expected);
    assert_int_equal(c->same, same);
    buf_fini(&out);
    profile_comparison_free(c);
    kin_free(k);
}

#define EXPECT(before, after, same, text) expect((const struct row[])before, (const struct row[])after, same, text)
#define ROWS(...)                                                                                                      \
    {                                                                                                                  \
        __VA_ARGS__, END                                                                                               \
    }

static void test_other_counts_of_the_same_labels_are_the_same(void **state)
{
    (void)state;
    EXPECT(ROWS({X, 1, 3, NULL}, {Y, 2, 2, NULL}), ROWS({X, 1, 5, NULL}, {Y, 2, 1, NULL}), true,
           "kept a.py:1:x>a.py:1:x 5; kept b.py:2:y>b.py:2:y 1; ");
}

static void test_labels_that_change_places(void **state)
{
    (void)state;
    EXPECT(ROWS({X, 1, 3, NULL}, {Y, 2, 3, NULL}), ROWS({Y, 1, 3, NULL}, {X, 2, 3, NULL}), false,
           "changed a.py:1:x>b.py:2:y 3; changed b.py:2:y>a.py:1:x 3; ");
    EXPECT(ROWS({X, 1, 3, NULL}, {Y, 2, 3, NULL}), ROWS({X, 1, 2, NULL}, {Y, 1, 1, NULL}, {Y, 2, 3, NULL}), false,
           "kept a.py:1:x>a.py:1:x 2; changed a.py:1:x>b.py:2:y 1; kept b.py:2:y>b.py:2:y 3; ");
}

/* Two locks are taken at one line: what each label became is told by its beginning, else by what is missed. */
static void test_a_stack_of_two_locks(void **state)
{
    (void)state;
    EXPECT(ROWS({X, 1, 3, NULL}, {Y, 1, 3, NULL}), ROWS({X, 1, 9, NULL}, {Y, 1, 1, NULL}), true,
           "kept a.py:1:x>a.py:1:x 9; kept b.py:2:y>b.py:2:y 1; ");
    EXPECT(ROWS({X, 1, 3, NULL}, {Y, 1, 3, NULL}), ROWS({"a.py", 1, 3, NULL}, {"b.py", 1, 3, NULL}), false,
           "changed a.py:1:x>a.py 3; changed b.py:2:y>b.py 3; ");
    EXPECT(ROWS({X, 1, 3, NULL}, {Y, 1, 3, NULL}), ROWS({X, 1, 3, NULL}, {"other", 1, 3, NULL}), false,
           "kept a.py:1:x>a.py:1:x 3; changed b.py:2:y>other 3; ");
}

static void test_labels_and_keys_that_are_gone(void **state)
{
    (void)state;
    EXPECT(ROWS({X, 1, 3, NULL}), ROWS({NULL, 1, 3, NULL}), false, "unlabelled a.py:1:x> 3; ");
    EXPECT(ROWS({X, 1, 3, NULL}), ROWS({"a", 1, 3, "lock"}), false, "rekeyed a.py:1:x>a under lock 3; ");
}

static void test_a_stack_that_only_one_process_has_says_nothing(void **state)
{
    (void)state;
    EXPECT(ROWS({X, 1, 3, NULL}), ROWS({Y, 2, 3, NULL}), true, "kept b.py:2:y>b.py:2:y 3; ");
}

static void test_a_broken_copy_adds_nothing(void **state)
{
    (void)state;
    struct kin *k = kin_new();
    struct err e;
    assert_int_equal(kin_add(k, false, "nothing", 7, &profile_limits_default, &e), -1);
    struct profile_comparison *c = kin_compare(k);
    assert_int_equal(c->move_count, 0);
    profile_comparison_free(c);
    kin_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_counts_of_the_same_labels_are_the_same),
        cmocka_unit_test(test_labels_that_change_places),
        cmocka_unit_test(test_a_stack_of_two_locks),
        cmocka_unit_test(test_labels_and_keys_that_are_gone),
        cmocka_unit_test(test_a_stack_that_only_one_process_has_says_nothing),
        cmocka_unit_test(test_a_broken_copy_adds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
