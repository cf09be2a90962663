/* SPDX-License-Identifier: Apache-2.0 */
/* Losses of one kind: what differs, and what the group shares. */
#include "trail_build.h"

/* Locks x, y, z at a.py:1, 2, 3, each taken 600 times by one process that uploads what it also writes. */
static void start(struct build *b, double rate)
{
    static const char *const names[] = {"x", "y", "z"};
    build_start(b);
    build_process(b, "p.1", ARM_TEE, rate);
    for (size_t i = 0; i < 3; i++) {
        char site[32];
        snprintf(site, sizeof site, "a.py:%zu", i + 1);
        build_took(b, 0, build_lock(b, names[i], site, "exact"), 600);
    }
}

static void expect_part(const struct trail_result *r, size_t lock, size_t group, const char *own, const char *common)
{
    const struct loss *loss = &r->locks[lock].loss;
    assert_true(r->locks[lock].lost);
    assert_int_equal(loss->group, group);
    assert_string_equal(loss->own, own);
    assert_string_equal(loss->common, common);
}

static void test_never_sampled(void **state)
{
    static const struct {
        double rate;
        const char *own, *common;
    } cases[] = {
        {0.5, "600 acquires, 300 samples to be expected",
         "p.1 at a capture rate of 50 %: collector has none in 1 copy (copies/collector/p.1.1.pprof); no control to "
         "compare with"},
        {1, "600 acquires",
         "p.1 at a capture rate of 100 %: collector has none in 1 copy (copies/collector/p.1.1.pprof); no control to "
         "compare with"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        start(&b, cases[i].rate);
        build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:2:y", 600);
        const struct trail_result *r = build_judge(&b);
        expect_part(r, 0, 0, cases[i].own, cases[i].common);
        expect_part(r, 2, 0, cases[i].own, cases[i].common);
        expect_kept(r, 1);
        build_end(&b);
    }
}

static void test_no_copy_at_all(void **state)
{
    struct build b;
    (void)state;
    start(&b, 1);
    b.input.stage_ran[STAGE_COLLECTOR] = true;
    const struct trail_result *r = build_judge(&b);
    expect_part(r, 0, 0, "600 acquires", "collector has no copy of p.1");
    expect_part(r, 2, 0, "600 acquires", "collector has no copy of p.1");
    build_end(&b);
}

/* The copy that holds a lock first may differ; the group is the process's all the same. */
static void test_names_in_several_copies(void **state)
{
    struct build b;
    (void)state;
    start(&b, 0.5);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:1", 300);
    build_saw(&b, build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:2", 1), "a.py:3:other", 2);
    const struct trail_result *r = build_judge(&b);
    const char *common = "p.1, in 2 copies (copies/collector/p.1.1.pprof ...)";
    expect_part(r, 0, 0, "'a.py:1' in 300 samples", common);
    expect_part(r, 1, 0, "'a.py:2' in 1 sample", common);
    expect_part(r, 2, 1, "'a.py:3:other' in 2 samples", common);
    build_end(&b);
}

static void test_changes_on_the_way(void **state)
{
    struct build b;
    (void)state;
    start(&b, 0.5);
    size_t local = build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:1:x", 5);
    build_saw(&b, local, "a.py:2:y", 6);
    build_saw(&b, local, "a.py:3:z", 7);
    size_t upload = build_copy_saw(&b, STAGE_UPLOAD, 0, "a.py:1:X", 5);
    build_saw(&b, upload, "a.py:2:Y", 6);
    const struct trail_result *r = build_judge(&b);
    expect_part(r, 0, 0, "'a.py:1:x' became 'a.py:1:X' in 5 samples",
                "p.1, in 1 copy (copies/upload/p.1.1.pprof): letters' case changed");
    assert_int_equal(r->locks[1].loss.group, 0);
    expect_part(r, 2, 1, "'a.py:3:z' in 7 samples at collector",
                "p.1: upload has none in 1 copy (copies/upload/p.1.1.pprof)");
    build_end(&b);
}

/* One mechanism by two rules is two groups. */
static void test_what_is_shared_tells_groups_apart(void **state)
{
    struct build b;
    (void)state;
    start(&b, 0.5);
    size_t local = build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:1:x", 5);
    build_saw(&b, local, "a.py:2:y", 6);
    build_saw(&b, local, "a.py:3:z", 7);
    size_t upload = build_copy_saw(&b, STAGE_UPLOAD, 0, "a.py:1:X", 5);
    build_saw(&b, upload, "a.py:2:y-prod", 6);
    build_saw(&b, upload, "a.py:3:Z", 7);
    const struct trail_result *r = build_judge(&b);
    assert_int_equal(r->locks[0].loss.mechanism, r->locks[1].loss.mechanism);
    assert_int_equal(r->locks[0].loss.group, 0);
    assert_int_equal(r->locks[1].loss.group, 1);
    assert_int_equal(r->locks[2].loss.group, 0);
    build_end(&b);
}

static void test_counts(void **state)
{
    struct build b;
    (void)state;
    start(&b, 1);
    size_t local = build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:1:x", 599);
    build_saw(&b, local, "a.py:2:y", 598);
    build_saw(&b, local, "a.py:3:z", 600);
    size_t upload = build_copy_saw(&b, STAGE_UPLOAD, 0, "a.py:3:z", 1);
    build_saw(&b, upload, "a.py:1:x", 599);
    const struct trail_result *r = build_judge(&b);
    const char *common = "p.1, against the ledger and with each acquire sampled, in 1 copy "
                         "(copies/collector/p.1.1.pprof)";
    expect_part(r, 0, 0, "599 acquires instead of 600", common);
    expect_part(r, 1, 0, "598 acquires instead of 600", common);
    expect_part(r, 2, 1, "1 acquire instead of 600", "p.1, against collector, in 1 copy (copies/upload/p.1.1.pprof)");
    build_end(&b);
}

static void test_a_copy_that_came_twice(void **state)
{
    struct build b;
    (void)state;
    start(&b, 0.5);
    for (int i = 0; i < 2; i++) {
        size_t copy = build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:1:x", 5);
        build_saw(&b, copy, "a.py:2:y", 6);
        b.copies[copy].copy.hash = "same";
    }
    const struct trail_result *r = build_judge(&b);
    expect_part(r, 0, 0, "", "collector has the same bytes twice: copies/collector/p.1.2.pprof came again");
    assert_int_equal(r->locks[1].loss.group, 0);
    build_end(&b);
}

static void test_workers_and_processes_are_groups_of_their_own(void **state)
{
    struct build b;
    (void)state;
    start(&b, 0.5);
    build_process_of(&b, "native", "n.1", ARM_LOCAL, 0.5);
    size_t other = build_lock_of(&b, "native", "w", "w", "a.c:1", "exact");
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:1", 5);
    build_copy_saw(&b, STAGE_COLLECTOR, 1, "a.c:1", 5);
    const struct trail_result *r = build_judge(&b);
    assert_int_equal(r->locks[0].loss.group, 0);
    assert_int_equal(r->locks[1].loss.group, 1);
    assert_int_equal(r->locks[2].loss.group, 1);
    assert_int_equal(r->locks[other].loss.group, 2);
    build_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_sampled),
        cmocka_unit_test(test_no_copy_at_all),
        cmocka_unit_test(test_names_in_several_copies),
        cmocka_unit_test(test_changes_on_the_way),
        cmocka_unit_test(test_what_is_shared_tells_groups_apart),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_a_copy_that_came_twice),
        cmocka_unit_test(test_workers_and_processes_are_groups_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
