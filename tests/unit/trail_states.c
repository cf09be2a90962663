/* SPDX-License-Identifier: Apache-2.0 */
#include "trail_build.h"

#include <math.h>

static void test_absence_probability(void **state)
{
    static const struct {
        uint64_t acquires;
        double rate, chance;
    } cases[] = {
        {0, 1, 1},
        {0, 0.5, 1},
        {1, 1, 0},
        {1000000, 1, 0},
        {5, 2, 0},
        {10, 0, 1},
        {10, -1, 1},
        {10, NAN, 1},
        {1, 0.5, 0.60653065971263342},
        {100, 0.01, 0.36787944117144233},
        {690, 0.01, 0.0010077854290485105},
        {691, 0.01, 0.00099775779648431206},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double got = trail_absence_probability(cases[i].acquires, cases[i].rate);
        if (fabs(got - cases[i].chance) > 1e-15 * cases[i].chance + 1e-17) {
            fail_msg("case %zu: %.17g, expected %.17g", i, got, cases[i].chance);
        }
    }
}

/* One lock at its site under one name: the state, and whether the rendering allows it. */
static void test_state_of_each_name_under_each_rendering(void **state)
{
    static const struct {
        const char *name, *rendering, *label;
        enum lock_state state;
        bool lost;
    } cases[] = {
        {"cache_lock", "exact", "a.py:7:cache_lock", STATE_EXACT, false},
        {"cache_lock", "exact", "a.py:7", STATE_GENERIC, true},
        {"cache_lock", "exact", "a.py:7:lk", STATE_ALIAS, true},
        {"cache_lock", "exact", "a.py:7:Cache_lock", STATE_ALIAS, true},
        {"cache_lock", "exact", "a.py:7:cache_lock2", STATE_ALIAS, true},
        {"__lock", "mangled:_S__lock", "a.py:7:_S__lock", STATE_MANGLED, false},
        {"__lock", "mangled:_S__lock", "a.py:7:__lock", STATE_EXACT, false},
        {"__lock", "mangled:_S__lock", "a.py:7:_T__lock", STATE_ALIAS, true},
        {"__lock", "mangled:_S__lock", "a.py:7", STATE_GENERIC, true},
        {"__lock", "exact", "a.py:7:_S__lock", STATE_MANGLED, true},
        {"__lock__", "exact", "a.py:7:_S__lock__", STATE_ALIAS, true},
        {"_lock", "exact", "a.py:7:_S_lock", STATE_ALIAS, true},
        {"__lock", "exact", "a.py:7:___lock", STATE_ALIAS, true},
        {"child_lock", "generic", "a.py:7", STATE_GENERIC, false},
        {"child_lock", "generic", "a.py:7:child_lock", STATE_EXACT, false},
        {"child_lock", "generic", "a.py:7:parent", STATE_ALIAS, true},
        {"", "generic", "a.py:7", STATE_GENERIC, false},
        {"", "generic", "a.py:7:x", STATE_ALIAS, true},
        {"cache_lock", "exact", "srv/app/a.py:7:cache_lock", STATE_EXACT, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        build_start(&b);
        build_lock(&b, cases[i].name, "a.py:7", cases[i].rendering);
        build_process(&b, "p.1", ARM_LOCAL, 0.5);
        build_copy_saw(&b, STAGE_COLLECTOR, 0, cases[i].label, 9);
        const struct trail_result *r = build_judge(&b);
        if (r->locks[0].stages[STAGE_COLLECTOR].state != cases[i].state || r->locks[0].lost != cases[i].lost) {
            fail_msg("case %zu: %s, %s", i, lock_state_name(r->locks[0].stages[STAGE_COLLECTOR].state),
                     r->locks[0].lost ? "lost" : "kept");
        }
        build_end(&b);
    }
}

static void test_absence_is_a_loss_only_where_chance_would_be_rarer(void **state)
{
    static const struct {
        uint64_t acquires;
        double rate, threshold;
        int64_t duration_ms;
        enum lock_state state;
        int64_t needed_ms;
    } cases[] = {
        {1, 1, 0.001, 10000, STATE_ABSENT, 0},
        {0, 1, 0.001, 10000, STATE_UNDERSAMPLED, 0},
        {690, 0.01, 0.001, 10000, STATE_UNDERSAMPLED, 11000}, /* 6.9078 / 6.9 of 10 s */
        {691, 0.01, 0.001, 10000, STATE_ABSENT, 0},
        {100, 0.01, 0.001, 10000, STATE_UNDERSAMPLED, 70000}, /* 6.9078 times 10 s */
        {100, 0.01, 0.001, 2000, STATE_UNDERSAMPLED, 14000},
        {100, 0.01, 0.001, 0, STATE_UNDERSAMPLED, 0},
        {100, 0.01, 0.4, 10000, STATE_ABSENT, 0},
        {100, 0.01, 0.36, 10000, STATE_UNDERSAMPLED, 11000},
        {690, 0.01, 0, 10000, STATE_UNDERSAMPLED, 11000}, /* not said: 0.001 */
        {691, 0.01, 0, 10000, STATE_ABSENT, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        build_start(&b);
        build_lock(&b, "x", "a.py:7", "exact");
        build_process(&b, "p.1", ARM_LOCAL, cases[i].rate);
        build_took(&b, 0, 0, cases[i].acquires);
        b.ledger.instances[0].duration_ms = cases[i].duration_ms;
        b.input.thresholds.absence_probability = cases[i].threshold;
        build_copy_saw(&b, STAGE_COLLECTOR, 0, "other.py:1:y", 9);
        const struct stage_result *s = &build_judge(&b)->locks[0].stages[STAGE_COLLECTOR];
        if (s->state != cases[i].state || s->needed_ms != cases[i].needed_ms) {
            fail_msg("case %zu: %s, needed %lld", i, lock_state_name(s->state), (long long)s->needed_ms);
        }
        assert_int_equal(s->true_acquires, cases[i].acquires);
        build_end(&b);
    }
}

static void test_an_exact_multiple_of_a_second_is_not_rounded_up(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock(&b, "x", "a.py:7", "exact");
    build_process(&b, "p.1", ARM_LOCAL, 0.5);
    build_took(&b, 0, 0, 2);
    b.input.thresholds.absence_probability = exp(-3);
    build_copy(&b, STAGE_COLLECTOR, 0);
    assert_int_equal(build_judge(&b)->locks[0].stages[STAGE_COLLECTOR].needed_ms, 30000);
    build_end(&b);
}

static void test_a_silent_process_proves_nothing(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock(&b, "x", "a.py:7", "exact");
    build_process(&b, "p.1", ARM_LOCAL, 1);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:8:y", 100000);
    const struct trail_result *r = build_judge(&b);
    expect_state(r, 0, STAGE_COLLECTOR, STATE_UNDERSAMPLED);
    assert_int_equal(r->locks[0].stages[STAGE_COLLECTOR].needed_ms, 0);
    expect_verdict(r, VERDICT_INCONCLUSIVE);
    build_end(&b);
}

/* With k samples in the local copies, the uploading process has none by chance once in 2^k. */
static void test_a_silent_pair_is_compared_with_itself(void **state)
{
    (void)state;
    for (uint64_t k = 9; k <= 10; k++) {
        struct build b;
        build_start(&b);
        build_lock(&b, "x", "a.py:7", "exact");
        build_process(&b, "p.1.local", ARM_LOCAL, 0.5);
        build_process(&b, "p.1.upload", ARM_UPLOAD, 0.5);
        build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", k);
        build_copy_saw(&b, STAGE_UPLOAD, 1, "b.py:1:y", 500);
        const struct trail_result *r = build_judge(&b);
        expect_state(r, 0, STAGE_COLLECTOR, STATE_EXACT);
        expect_state(r, 0, STAGE_UPLOAD, k < 10 ? STATE_UNDERSAMPLED : STATE_ABSENT);
        build_end(&b);
    }
}

static void test_what_an_unfinished_process_lacks_proves_nothing(void **state)
{
    (void)state;
    for (int unfinished = 0; unfinished <= 1; unfinished++) {
        struct build b;
        build_start(&b);
        build_lock(&b, "x", "a.py:7", "exact");
        build_process(&b, "p.1.local", ARM_LOCAL, 1);
        build_process(&b, "p.1.upload", ARM_UPLOAD, 1);
        b.ledger.instances[1].unfinished = unfinished;
        build_took(&b, 0, 0, 800);
        build_took(&b, 1, 0, 800);
        build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 800);
        build_copy_saw(&b, STAGE_UPLOAD, 1, "b.py:1:y", 500);
        const struct trail_result *r = build_judge(&b);
        expect_state(r, 0, STAGE_UPLOAD, unfinished ? STATE_UNDERSAMPLED : STATE_ABSENT);
        assert_int_equal(r->locks[0].lost, !unfinished);
        build_end(&b);
    }
}

static void test_arms_feed_their_stages(void **state)
{
    static const struct {
        enum arm arm;
        bool fed[STAGE_COUNT];
    } cases[] = {
        {ARM_CONTROL, {true, true, false, false, false, false, false}},
        {ARM_LOCAL, {true, false, true, false, false, false, false}},
        {ARM_UPLOAD, {true, false, false, true, true, true, true}},
        {ARM_TEE, {true, false, true, true, true, true, true}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        build_start(&b);
        build_lock(&b, "x", "a.py:7", "exact");
        build_process(&b, "p.1", cases[i].arm, 1);
        build_took(&b, 0, 0, 5);
        for (enum stage s = STAGE_CONTROL; s < STAGE_COUNT; s++) {
            build_copy_saw(&b, s, 0, "a.py:7:x", 5);
        }
        const struct trail_result *r = build_judge(&b);
        for (enum stage s = STAGE_DECLARED; s < STAGE_COUNT; s++) {
            expect_state(r, 0, s, cases[i].fed[s] ? STATE_EXACT : STATE_NOT_RUN);
        }
        expect_kept(r, 0);
        build_end(&b);
    }
}

static void test_a_stage_that_did_not_run_is_not_run(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock(&b, "x", "a.py:7", "exact");
    build_process(&b, "p.1", ARM_TEE, 1);
    build_took(&b, 0, 0, 5);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 5);
    build_copy_saw(&b, STAGE_AGENT, 0, "a.py:7:x", 5);
    const struct trail_result *r = build_judge(&b);
    expect_state(r, 0, STAGE_CONTROL, STATE_NOT_RUN);
    expect_state(r, 0, STAGE_UPLOAD, STATE_NOT_RUN);
    expect_state(r, 0, STAGE_BACKEND, STATE_NOT_RUN);
    expect_verdict(r, VERDICT_SUCCESS);
    build_end(&b);
}

static void test_two_names_at_one_site(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock(&b, "user_session_lock", "member.py:12", "exact");
    build_process(&b, "p.1", ARM_LOCAL, 0.5);
    size_t copy = build_copy_saw(&b, STAGE_COLLECTOR, 0, "member.py:12", 40);
    build_saw(&b, copy, "member.py:12:user_session_lock", 300);
    const struct trail_result *r = build_judge(&b);
    const struct stage_result *s = &r->locks[0].stages[STAGE_COLLECTOR];
    expect_state(r, 0, STAGE_COLLECTOR, STATE_GENERIC);
    assert_int_equal(s->seen_count, 2);
    assert_string_equal(s->seen_as[0].name, "user_session_lock");
    assert_int_equal(s->seen_as[0].samples, 300);
    assert_string_equal(s->seen_as[1].name, "");
    assert_int_equal(s->seen_as[1].samples, 40);
    expect_note(r, "python user_session_lock at collector: user_session_lock in 300 samples, "
                   "no name in 40");
    build_end(&b);
}

static void test_the_worst_name_and_the_worst_process_count(void **state)
{
    static const struct {
        const char *first, *second;
        enum lock_state state;
    } cases[] = {
        {"a.py:7:x", "a.py:7:x", STATE_EXACT},     {"a.py:7:x", "a.py:7", STATE_GENERIC},
        {"a.py:7", "a.py:7:y", STATE_ALIAS},       {"a.py:7:y", "a.py:7", STATE_ALIAS},
        {"a.py:7:x", NULL, STATE_ABSENT},          {NULL, "a.py:7:y", STATE_ABSENT},
        {"a.py:7:_A__x", "a.py:7:x", STATE_ALIAS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        build_start(&b);
        build_lock(&b, "x", "a.py:7", "exact");
        for (size_t p = 0; p < 2; p++) {
            const char *label = p ? cases[i].second : cases[i].first;
            build_process(&b, p ? "p.2" : "p.1", ARM_LOCAL, 0.5);
            build_took(&b, p, 0, 1000);
            size_t copy = build_copy(&b, STAGE_COLLECTOR, p);
            if (label != NULL) {
                build_saw(&b, copy, label, 500);
            }
        }
        expect_state(build_judge(&b), 0, STAGE_COLLECTOR, cases[i].state);
        build_end(&b);
    }
}

static void test_one_process_with_evidence_is_enough(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock(&b, "x", "a.py:7", "exact");
    build_process(&b, "p.1", ARM_LOCAL, 0.01);
    build_process(&b, "p.2", ARM_LOCAL, 0.01);
    build_took(&b, 0, 0, 100);
    build_took(&b, 1, 0, 100);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 1);
    build_copy(&b, STAGE_COLLECTOR, 1);
    expect_state(build_judge(&b), 0, STAGE_COLLECTOR, STATE_EXACT);
    build_end(&b);
}

/* Three samples to be expected of each may be missing by chance; thirty of ten processes may not. */
static void test_many_processes_together_may_prove_an_absence(void **state)
{
    (void)state;
    for (size_t processes = 2; processes <= 3; processes++) {
        struct build b;
        build_start(&b);
        build_lock(&b, "x", "a.py:7", "exact");
        for (size_t p = 0; p < processes; p++) {
            char name[8];
            snprintf(name, sizeof name, "p.%zu", p);
            build_process(&b, name, ARM_LOCAL, 0.01);
            build_took(&b, p, 0, 300);
            build_copy(&b, STAGE_COLLECTOR, p);
        }
        const struct trail_result *r = build_judge(&b);
        if (processes == 2) {
            expect_state(r, 0, STAGE_COLLECTOR, STATE_UNDERSAMPLED);
            assert_int_equal(r->locks[0].stages[STAGE_COLLECTOR].needed_ms, 12000);
        } else {
            expect_state(r, 0, STAGE_COLLECTOR, STATE_ABSENT);
            expect_lost(r, 0, STAGE_COLLECTOR, MECHANISM_NEVER_SAMPLED,
                        "the ledger has 900 acquires by 3 processes together, 9.0 samples to be "
                        "expected, collector has none in 1 copy (copies/collector/p.0.1.pprof); "
                        "no control to compare with");
        }
        build_end(&b);
    }
}

static void test_no_locks_and_no_processes_is_a_result_too(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    const struct trail_result *r = build_judge(&b);
    expect_verdict(r, VERDICT_INCONCLUSIVE);
    assert_string_equal(r->conclusion, "Not enough evidence: no lock was declared.");
    assert_int_equal(r->next_step_count, 1);
    assert_string_equal(r->next_steps[0], "Run again, until the workers have declared their locks");
    build_lock(&b, "x", "a.py:7", "exact");
    r = build_judge(&b);
    expect_state(r, 0, STAGE_COLLECTOR, STATE_NOT_RUN);
    expect_verdict(r, VERDICT_INCONCLUSIVE);
    build_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absence_probability),
        cmocka_unit_test(test_state_of_each_name_under_each_rendering),
        cmocka_unit_test(test_absence_is_a_loss_only_where_chance_would_be_rarer),
        cmocka_unit_test(test_an_exact_multiple_of_a_second_is_not_rounded_up),
        cmocka_unit_test(test_a_silent_process_proves_nothing),
        cmocka_unit_test(test_a_silent_pair_is_compared_with_itself),
        cmocka_unit_test(test_what_an_unfinished_process_lacks_proves_nothing),
        cmocka_unit_test(test_arms_feed_their_stages),
        cmocka_unit_test(test_a_stage_that_did_not_run_is_not_run),
        cmocka_unit_test(test_two_names_at_one_site),
        cmocka_unit_test(test_the_worst_name_and_the_worst_process_count),
        cmocka_unit_test(test_one_process_with_evidence_is_enough),
        cmocka_unit_test(test_many_processes_together_may_prove_an_absence),
        cmocka_unit_test(test_no_locks_and_no_processes_is_a_result_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
