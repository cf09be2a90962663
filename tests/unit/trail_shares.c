/* SPDX-License-Identifier: Apache-2.0 */
/* Which lock a label belongs to where several may have it, and counts against the ledger. */
#include "trail_build.h"

static void test_counts_are_summed_over_copies_and_processes(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock(&b, "x", "a.py:7", "exact");
    build_process(&b, "p.1", ARM_LOCAL, 0.5);
    build_process(&b, "p.2", ARM_LOCAL, 0.5);
    build_took(&b, 0, 0, 20);
    build_took(&b, 1, 0, 30);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 5);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 6);
    build_copy_saw(&b, STAGE_COLLECTOR, 1, "a.py:7:x", 7);
    const struct stage_result *s = &build_judge(&b)->locks[0].stages[STAGE_COLLECTOR];
    assert_int_equal(s->samples, 18);
    assert_int_equal(s->acquires, 18);
    assert_int_equal(s->wait_ns, 180);
    assert_int_equal(s->releases, 18);
    assert_int_equal(s->hold_ns, 360);
    assert_int_equal(s->true_acquires, 50);
    assert_int_equal(s->seen_count, 1);
    assert_int_equal(s->seen_as[0].samples, 18);
    assert_string_equal(s->seen_as[0].label, "a.py:7:x");
    assert_string_equal(s->seen_as[0].name, "x");
    assert_false(s->count_checked);
    build_end(&b);
}

/* `a, b = Lock(), Lock()`: told apart by name; what bears no name belongs to the one that has none. */
static void test_two_locks_at_one_site(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock(&b, "a", "a.py:7", "exact");
    build_lock(&b, "b", "a.py:7", "exact");
    build_process(&b, "p.1", ARM_LOCAL, 1);
    build_took(&b, 0, 0, 5);
    build_took(&b, 0, 1, 6);
    size_t copy = build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:a", 5);
    build_saw(&b, copy, "a.py:7:b", 6);
    const struct trail_result *r = build_judge(&b);
    expect_kept(r, 0);
    expect_kept(r, 1);
    assert_true(r->locks[0].stages[STAGE_COLLECTOR].count_equal);
    expect_note(r, "python: 2 declared locks have the site a.py:7 and are told apart by their "
                   "names alone");
    build_end(&b);

    build_start(&b);
    build_lock(&b, "a", "a.py:7", "exact");
    build_lock(&b, "b", "a.py:7", "exact");
    build_process(&b, "p.1", ARM_LOCAL, 1);
    build_took(&b, 0, 0, 5);
    build_took(&b, 0, 1, 6);
    copy = build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:a", 5);
    build_saw(&b, copy, "a.py:7", 6);
    r = build_judge(&b);
    expect_kept(r, 0);
    expect_state(r, 1, STAGE_COLLECTOR, STATE_GENERIC);
    assert_true(r->locks[1].stages[STAGE_COLLECTOR].count_equal);
    build_end(&b);
}

/* A list of locks: one site, many instances, none of them with a name. */
static void test_nameless_locks_at_one_site_share_their_samples(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock_of(&b, "python", "container/0", "locks[0]", "a.py:7", "generic");
    build_lock_of(&b, "python", "container/1", "locks[1]", "a.py:7", "generic");
    build_process(&b, "p.1", ARM_LOCAL, 1);
    build_took(&b, 0, 0, 5);
    build_took(&b, 0, 1, 6);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7", 11);
    const struct trail_result *r = build_judge(&b);
    for (size_t i = 0; i < 2; i++) {
        expect_state(r, i, STAGE_COLLECTOR, STATE_GENERIC);
        expect_kept(r, i);
        assert_true(r->locks[i].stages[STAGE_COLLECTOR].count_equal);
    }
    build_end(&b);
}

static void test_counts_against_the_ledger(void **state)
{
    static const struct {
        double rate;
        bool counted, known;
        uint64_t seen;
        bool checked, equal;
    } cases[] = {
        {1, true, true, 10, true, true},     {1, true, true, 9, true, false},   {1, true, true, 11, true, false},
        {0.99, true, true, 9, false, false}, {1, false, true, 9, false, false}, {1, true, false, 9, false, false},
        {1, true, false, 10, false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        build_start(&b);
        build_lock(&b, "x", "a.py:7", "exact");
        b.ledger.locks[0].counted = cases[i].counted;
        build_process(&b, "p.1", ARM_TEE, cases[i].rate);
        if (cases[i].known) {
            build_took(&b, 0, 0, 10);
        }
        build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", cases[i].seen);
        build_copy_saw(&b, STAGE_UPLOAD, 0, "a.py:7:x", cases[i].seen);
        const struct trail_result *r = build_judge(&b);
        for (enum stage s = STAGE_COLLECTOR; s <= STAGE_UPLOAD; s++) {
            if (r->locks[0].stages[s].count_checked != cases[i].checked ||
                r->locks[0].stages[s].count_equal != cases[i].equal) {
                fail_msg("case %zu at %s", i, stage_name(s));
            }
        }
        assert_int_equal(r->locks[0].lost, cases[i].checked && !cases[i].equal);
        build_end(&b);
    }
}

static void test_counts_are_checked_only_where_every_process_is(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock(&b, "x", "a.py:7", "exact");
    for (size_t p = 0; p < 2; p++) {
        build_process(&b, p ? "p.2" : "p.1", ARM_LOCAL, 1);
        build_copy_saw(&b, STAGE_COLLECTOR, p, "a.py:7:x", 10);
    }
    build_took(&b, 0, 0, 10); /* p.2 died before it said anything */
    const struct stage_result *s = &build_judge(&b)->locks[0].stages[STAGE_COLLECTOR];
    assert_false(s->count_checked);
    assert_false(s->count_equal);
    build_took(&b, 1, 0, 10);
    s = &build_judge(&b)->locks[0].stages[STAGE_COLLECTOR];
    assert_true(s->count_checked);
    assert_true(s->count_equal);
    build_end(&b);
}

/* A list of thousands of locks under thousands of names: their product is not written down. */
static void test_names_at_a_shared_site_are_bounded(void **state)
{
    enum { LOCKS = 4096, NAMES = 20, KEPT = 65536 / LOCKS };
    struct build b;
    (void)state;
    build_start(&b);
    build_process(&b, "p.1", ARM_LOCAL, 0.5);
    size_t copy = build_copy(&b, STAGE_COLLECTOR, 0);
    for (int i = 0; i < LOCKS; i++) {
        char id[32];
        snprintf(id, sizeof id, "list/%d", i);
        build_lock_of(&b, "python", id, "item", "a.py:7", "exact");
    }
    for (int i = 0; i < NAMES; i++) {
        char label[32];
        snprintf(label, sizeof label, "a.py:7:n%02d", i);
        build_saw(&b, copy, label, 5);
    }
    const struct trail_result *r = build_judge(&b);
    assert_int_equal(r->locks[0].stages[STAGE_COLLECTOR].seen_count, KEPT);
    assert_int_equal(r->locks[LOCKS - 1].stages[STAGE_COLLECTOR].seen_count, KEPT);
    assert_int_equal(r->undeclared_count, NAMES - KEPT);
    build_end(&b);
}

static void test_a_lock_without_site_is_found_by_its_name(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock(&b, "x", "", "exact");
    build_lock(&b, "y", "a.py:7", "exact");
    build_lock(&b, "__z", "", "mangled:_S__z");
    build_process(&b, "p.1", ARM_LOCAL, 0.5);
    size_t copy = build_copy_saw(&b, STAGE_COLLECTOR, 0, "app.py:99:x", 5);
    build_saw(&b, copy, "a.py:7:x", 6); /* y's site: another name of y, not x */
    build_saw(&b, copy, "a.py:8:_S__z", 7);
    build_saw(&b, copy, "a.py:9:z", 8);
    const struct trail_result *r = build_judge(&b);
    expect_state(r, 0, STAGE_COLLECTOR, STATE_EXACT);
    assert_int_equal(r->locks[0].stages[STAGE_COLLECTOR].samples, 5);
    expect_state(r, 1, STAGE_COLLECTOR, STATE_ALIAS);
    expect_state(r, 2, STAGE_COLLECTOR, STATE_MANGLED);
    assert_int_equal(r->undeclared_count, 1);
    assert_string_equal(r->undeclared[0].label, "a.py:9:z");
    build_end(&b);
}

static void test_a_shared_name_at_two_sites_is_two_locks(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock_of(&b, "python", "shared/A", "lock", "a.py:7", "exact");
    build_lock_of(&b, "python", "shared/B", "lock", "a.py:17", "exact");
    build_process(&b, "p.1", ARM_LOCAL, 0.5);
    size_t copy = build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:lock", 5);
    build_saw(&b, copy, "a.py:17", 6);
    const struct trail_result *r = build_judge(&b);
    expect_state(r, 0, STAGE_COLLECTOR, STATE_EXACT);
    expect_state(r, 1, STAGE_COLLECTOR, STATE_GENERIC);
    build_end(&b);
}

static void test_workers_do_not_share_their_locks(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock_of(&b, "one", "x", "x", "a.py:7", "exact");
    build_lock_of(&b, "two", "x", "y", "a.py:7", "exact");
    build_process_of(&b, "one", "one.1", ARM_LOCAL, 0.5);
    build_process_of(&b, "two", "two.1", ARM_LOCAL, 0.5);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 5);
    build_copy_saw(&b, STAGE_COLLECTOR, 1, "a.py:7:y", 6);
    const struct trail_result *r = build_judge(&b);
    expect_state(r, 0, STAGE_COLLECTOR, STATE_EXACT);
    expect_state(r, 1, STAGE_COLLECTOR, STATE_EXACT);
    assert_int_equal(r->locks[1].stages[STAGE_COLLECTOR].samples, 6);
    build_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_are_summed_over_copies_and_processes),
        cmocka_unit_test(test_two_locks_at_one_site),
        cmocka_unit_test(test_nameless_locks_at_one_site_share_their_samples),
        cmocka_unit_test(test_counts_against_the_ledger),
        cmocka_unit_test(test_counts_are_checked_only_where_every_process_is),
        cmocka_unit_test(test_names_at_a_shared_site_are_bounded),
        cmocka_unit_test(test_a_lock_without_site_is_found_by_its_name),
        cmocka_unit_test(test_a_shared_name_at_two_sites_is_two_locks),
        cmocka_unit_test(test_workers_do_not_share_their_locks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
