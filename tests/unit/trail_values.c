/* SPDX-License-Identifier: Apache-2.0 */
/* What a label's value becomes between two copies, and how it is told. */
#include "trail_build.h"

/* A lock `x` at a.py:7 of one process that uploads what it also writes (tee), at a capture rate of 50 %. */
static void start_tee(struct build *b, double rate)
{
    build_start(b);
    build_lock(b, "x", "a.py:7", "exact");
    build_process(b, "p.1", ARM_TEE, rate);
    build_took(b, 0, 0, 600);
}

/* --- values ------------------------------------------------------------------------------------------------------- */

/* What one label becomes between upload and agent. */
static void test_values_that_changed(void **state)
{
    static const struct {
        const char *after;
        enum lock_state state;
        enum mechanism mechanism;
        const char *words;
    } cases[] = {
        {"member.py:12:user_sess", STATE_ALIAS, MECHANISM_VALUE_TRUNCATED, "cut to 22 bytes"},
        {"member.py:1", STATE_GENERIC, MECHANISM_VALUE_TRUNCATED, "cut to 11 bytes"},
        {"mem", STATE_GENERIC, MECHANISM_VALUE_TRUNCATED, "cut to 3 bytes"},
        {"member.py:12", STATE_GENERIC, MECHANISM_VALUE_REWRITTEN, "the name part cut off"},
        {"MEMBER.PY:12:USER_SESSION_LOCK", STATE_ALIAS, MECHANISM_VALUE_REWRITTEN, "upper-cased"},
        {"member.py:12:User_session_lock", STATE_ALIAS, MECHANISM_VALUE_REWRITTEN, "letters' case changed"},
        {"member.py:12:user-session-lock", STATE_ALIAS, MECHANISM_VALUE_REWRITTEN, "'_' replaced by '-'"},
        {"member_py_12_user_session_lock", STATE_GENERIC, MECHANISM_VALUE_REWRITTEN, "characters replaced"},
        {"member.py 12 user_session_lock", STATE_GENERIC, MECHANISM_VALUE_REWRITTEN, "characters replaced"},
        {"prod-member.py:12:user_session_lock", STATE_ALIAS, MECHANISM_VALUE_REWRITTEN, "'prod-' put before it"},
        {"lock:member.py:12:user_session_lock", STATE_ALIAS, MECHANISM_VALUE_REWRITTEN, "'lock:' put before it"},
        {"member.py:12:user_session_lock@host", STATE_ALIAS, MECHANISM_VALUE_REWRITTEN, "'@host' put behind it"},
        {"member.py:12:user_session_lock (3)", STATE_ALIAS, MECHANISM_VALUE_REWRITTEN, "' (3)' put behind it"},
        {"member.py:12:other", STATE_ALIAS, MECHANISM_VALUE_REWRITTEN, "another name put in its place"},
        {"redacted", STATE_GENERIC, MECHANISM_VALUE_REWRITTEN, "another value put in its place"},
        {"?", STATE_GENERIC, MECHANISM_VALUE_REWRITTEN, "another value put in its place"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        char evidence[512];
        build_start(&b);
        build_lock(&b, "user_session_lock", "member.py:12", "exact");
        build_process(&b, "p.1", ARM_UPLOAD, 0.5);
        size_t copy = build_copy_saw(&b, STAGE_UPLOAD, 0, "member.py:12:user_session_lock", 300);
        build_saw(&b, copy, "threading.py:563:_lock", 31);
        copy = build_copy_saw(&b, STAGE_AGENT, 0, cases[i].after, 300);
        build_saw(&b, copy, "threading.py:563:_lock", 31);
        build_copy_saw(&b, STAGE_BACKEND, 0, cases[i].after, 300);
        const struct trail_result *r = build_judge(&b);
        snprintf(evidence, sizeof evidence,
                 "upload has 'member.py:12:user_session_lock' in 300 samples "
                 "(copies/upload/p.1.1.pprof), agent has '%s' in 300 samples "
                 "(copies/agent/p.1.1.pprof): %s",
                 cases[i].after, cases[i].words);
        expect_lost(r, 0, STAGE_AGENT, cases[i].mechanism, evidence);
        expect_state(r, 0, STAGE_AGENT, cases[i].state);
        expect_state(r, 0, STAGE_BACKEND, cases[i].state);
        assert_int_equal(r->undeclared_count, 1);
        assert_string_equal(r->undeclared[0].label, "threading.py:563:_lock");
        build_end(&b);
    }
}

static void test_truncation_of_all_values_says_so(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock(&b, "user_session_lock", "member.py:12", "exact");
    build_lock(&b, "cache_lock", "cachefile.py:9", "exact");
    build_lock(&b, "y", "a.py:7", "exact");
    build_process(&b, "p.1", ARM_TEE, 0.5);
    size_t copy = build_copy_saw(&b, STAGE_COLLECTOR, 0, "member.py:12:user_session_lock", 300);
    build_saw(&b, copy, "cachefile.py:9:cache_lock", 200);
    build_saw(&b, copy, "a.py:7:y", 100);
    copy = build_copy_saw(&b, STAGE_UPLOAD, 0, "member.py:12:u", 300);
    build_saw(&b, copy, "cachefile.py:9", 200); /* 14 bytes end where its name began */
    build_saw(&b, copy, "a.py:7:y", 100);
    const struct trail_result *r = build_judge(&b);
    expect_lost(r, 0, STAGE_UPLOAD, MECHANISM_VALUE_TRUNCATED,
                "collector has 'member.py:12:user_session_lock' in 300 samples "
                "(copies/collector/p.1.1.pprof), upload has 'member.py:12:u' in 300 samples "
                "(copies/upload/p.1.1.pprof): cut to 14 bytes, as all 2 values that differ there");
    assert_string_equal(mechanism_name(r->locks[1].loss.mechanism), "value_truncated");
    expect_kept(r, 2);
    build_end(&b);
}

static void test_name_parts_that_are_cut_off_everywhere(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock(&b, "x", "member.py:12", "exact");
    build_lock(&b, "y", "member.py:15", "exact");
    build_process(&b, "p.1", ARM_TEE, 0.5);
    size_t copy = build_copy_saw(&b, STAGE_COLLECTOR, 0, "member.py:12:x", 300);
    build_saw(&b, copy, "member.py:15:y", 200);
    copy = build_copy_saw(&b, STAGE_UPLOAD, 0, "member.py:12", 300);
    build_saw(&b, copy, "member.py:15", 200);
    const struct trail_result *r = build_judge(&b);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(mechanism_name(r->locks[i].loss.mechanism), "value_rewritten");
    }
    build_end(&b);
}

/* Several values become one: each lock is still told where its name went. */
static void test_values_that_collapse(void **state)
{
    static const char *const became[] = {"member.py:1", "hidden"};
    static const char *const mechanisms[] = {"value_truncated", "value_rewritten"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct build b;
        build_start(&b);
        build_lock(&b, "x", "member.py:12", "exact");
        build_lock(&b, "y", "member.py:15", "exact");
        build_process(&b, "p.1", ARM_TEE, 1);
        build_took(&b, 0, 0, 300);
        build_took(&b, 0, 1, 200);
        size_t copy = build_copy_saw(&b, STAGE_COLLECTOR, 0, "member.py:12:x", 300);
        build_saw(&b, copy, "member.py:15:y", 200);
        build_copy_saw(&b, STAGE_UPLOAD, 0, became[i], 500);
        build_copy_saw(&b, STAGE_AGENT, 0, became[i], 500);
        const struct trail_result *r = build_judge(&b);
        for (size_t k = 0; k < 2; k++) {
            assert_string_equal(mechanism_name(r->locks[k].loss.mechanism), mechanisms[i]);
            expect_state(r, k, STAGE_AGENT, STATE_GENERIC);
            assert_false(r->locks[k].stages[STAGE_AGENT].count_checked);
        }
        assert_int_equal(r->undeclared_count, 0);
        build_end(&b);
    }
}

/* The counts tell two values apart of which nothing is left; equal counts tell nothing. */
static void test_replaced_values_are_told_by_their_counts(void **state)
{
    (void)state;
    for (uint64_t second = 200; second <= 300; second += 100) {
        struct build b;
        build_start(&b);
        build_lock(&b, "x", "member.py:12", "exact");
        build_lock(&b, "y", "member.py:15", "exact");
        build_process(&b, "p.1", ARM_TEE, 0.5);
        size_t copy = build_copy_saw(&b, STAGE_COLLECTOR, 0, "member.py:12:x", 300);
        build_saw(&b, copy, "member.py:15:y", second);
        copy = build_copy_saw(&b, STAGE_UPLOAD, 0, "#1", second);
        build_saw(&b, copy, "#2", 300);
        const struct trail_result *r = build_judge(&b);
        if (second == 200) {
            assert_string_equal(r->locks[0].stages[STAGE_UPLOAD].seen_as[0].label, "#2");
            assert_string_equal(r->locks[1].stages[STAGE_UPLOAD].seen_as[0].label, "#1");
        } else {
            expect_state(r, 0, STAGE_UPLOAD, STATE_ABSENT);
            assert_string_equal(mechanism_name(r->locks[0].loss.mechanism), "samples_dropped");
            assert_int_equal(r->undeclared_count, 2);
        }
        build_end(&b);
    }
}

static void test_one_new_value_with_other_counts_replaces_nothing(void **state)
{
    struct build b;
    (void)state;
    start_tee(&b, 0.5);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 300);
    build_copy_saw(&b, STAGE_UPLOAD, 0, "hidden", 299);
    const struct trail_result *r = build_judge(&b);
    expect_state(r, 0, STAGE_UPLOAD, STATE_ABSENT);
    assert_int_equal(r->undeclared_count, 1);
    build_end(&b);
}

/* The value itself tells, where samples are missing too. */
static void test_values_are_told_by_their_text_where_counts_differ(void **state)
{
    static const char *const became[] = {"prod-a.py:7:x", "a.py:7:x@host", "A.PY-7-X", "a.p"};
    (void)state;
    for (size_t i = 0; i < sizeof became / sizeof became[0]; i++) {
        struct build b;
        start_tee(&b, 0.5);
        build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 300);
        build_copy_saw(&b, STAGE_UPLOAD, 0, became[i], 299);
        const struct trail_result *r = build_judge(&b);
        assert_int_equal(r->undeclared_count, 0);
        assert_string_equal(r->locks[0].stages[STAGE_UPLOAD].seen_as[0].label, became[i]);
        build_end(&b);
    }
}

/* A new label that is a prefix by chance explains nothing while the lock's own is still there in full. */
static void test_a_new_label_beside_a_whole_one_is_undeclared(void **state)
{
    struct build b;
    (void)state;
    start_tee(&b, 0.5);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 300);
    size_t copy = build_copy_saw(&b, STAGE_UPLOAD, 0, "a.py:7:x", 300);
    build_saw(&b, copy, "a.p", 5);
    const struct trail_result *r = build_judge(&b);
    expect_kept(r, 0);
    assert_int_equal(r->undeclared_count, 1);
    assert_string_equal(r->undeclared[0].label, "a.p");
    build_end(&b);
}

static void test_names_swapped(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock(&b, "x", "a.py:7", "exact");
    build_lock(&b, "y", "a.py:9", "exact");
    build_process(&b, "p.1", ARM_TEE, 0.5);
    size_t copy = build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 300);
    build_saw(&b, copy, "a.py:9:y", 200);
    copy = build_copy_saw(&b, STAGE_UPLOAD, 0, "a.py:7:y", 300);
    build_saw(&b, copy, "a.py:9:x", 200);
    const struct trail_result *r = build_judge(&b);
    expect_lost(r, 0, STAGE_UPLOAD, MECHANISM_NAMES_SWAPPED,
                "collector has 'a.py:7:x' in 300 samples (copies/collector/p.1.1.pprof), upload "
                "has 'a.py:7:y' in 300 samples (copies/upload/p.1.1.pprof); 'a.py:9:y' has become "
                "'a.py:9:x' at the same stage");
    assert_string_equal(mechanism_name(r->locks[1].loss.mechanism), "names_swapped");
    build_end(&b);
}

static void test_a_name_that_only_one_lock_took_is_no_swap(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock(&b, "x", "a.py:7", "exact");
    build_lock(&b, "y", "a.py:9", "exact");
    build_process(&b, "p.1", ARM_TEE, 0.5);
    size_t copy = build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 300);
    build_saw(&b, copy, "a.py:9:y", 200);
    copy = build_copy_saw(&b, STAGE_UPLOAD, 0, "a.py:7:y", 300);
    build_saw(&b, copy, "a.py:9:y", 200);
    const struct trail_result *r = build_judge(&b);
    assert_string_equal(mechanism_name(r->locks[0].loss.mechanism), "value_rewritten");
    expect_kept(r, 1);
    build_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_that_changed),
        cmocka_unit_test(test_truncation_of_all_values_says_so),
        cmocka_unit_test(test_name_parts_that_are_cut_off_everywhere),
        cmocka_unit_test(test_values_that_collapse),
        cmocka_unit_test(test_replaced_values_are_told_by_their_counts),
        cmocka_unit_test(test_one_new_value_with_other_counts_replaces_nothing),
        cmocka_unit_test(test_values_are_told_by_their_text_where_counts_differ),
        cmocka_unit_test(test_a_new_label_beside_a_whole_one_is_undeclared),
        cmocka_unit_test(test_names_swapped),
        cmocka_unit_test(test_a_name_that_only_one_lock_took_is_no_swap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
