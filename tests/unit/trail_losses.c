/* SPDX-License-Identifier: Apache-2.0 */
/* Where a name is lost: at the collector, in the counts, in which process and stage. Evidence is compared whole. */
#include "trail_build.h"

/* A lock `x` at a.py:7 of one process that uploads what it also writes (tee), at a capture rate of 50 %. */
static void start_tee(struct build *b, double rate)
{
    build_start(b);
    build_lock(b, "x", "a.py:7", "exact");
    build_process(b, "p.1", ARM_TEE, rate);
    build_took(b, 0, 0, 600);
}

/* The same lock of a process that writes and of one that uploads. */
static void start_pair(struct build *b, double rate)
{
    build_start(b);
    build_lock(b, "x", "a.py:7", "exact");
    build_process(b, "p.1.local", ARM_LOCAL, rate);
    build_process(b, "p.1.upload", ARM_UPLOAD, rate);
    build_took(b, 0, 0, 600);
    build_took(b, 1, 0, 600);
}

/* --- at the collector --------------------------------------------------------------------------------------------- */

static void test_never_named_and_aliased_at_the_collector(void **state)
{
    static const struct {
        const char *label;
        enum mechanism mechanism;
        const char *evidence;
    } cases[] = {
        {"a.py:7", MECHANISM_NEVER_NAMED,
         "the ledger declares 'x', collector has 'a.py:7' in 300 samples "
         "(copies/collector/p.1.1.pprof)"},
        {"a.py:7:lk", MECHANISM_ALIASED,
         "the ledger declares 'x', collector has 'a.py:7:lk' in 300 samples "
         "(copies/collector/p.1.1.pprof)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        start_tee(&b, 0.5);
        build_copy_saw(&b, STAGE_COLLECTOR, 0, cases[i].label, 300);
        build_copy_saw(&b, STAGE_UPLOAD, 0, cases[i].label, 300);
        const struct trail_result *r = build_judge(&b);
        expect_lost(r, 0, STAGE_COLLECTOR, cases[i].mechanism, cases[i].evidence);
        expect_verdict(r, VERDICT_FAILURE);
        build_end(&b);
    }
}

static void test_a_mangled_name_that_was_declared_exact(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock(&b, "__x", "a.py:7", "exact");
    build_process(&b, "p.1", ARM_LOCAL, 0.5);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:_S__x", 3);
    expect_lost(build_judge(&b), 0, STAGE_COLLECTOR, MECHANISM_ALIASED,
                "the ledger declares '__x', collector has 'a.py:7:_S__x' in 3 samples "
                "(copies/collector/p.1.1.pprof), the name as the language mangles it");
    build_end(&b);
}

static void test_never_sampled_says_what_the_control_has(void **state)
{
    static const struct {
        const char *control; /* what the control shows; "" nothing; NULL there is no control */
        const char *words;
    } cases[] = {
        {"a.py:7:x", "present in the control at 100 %"},
        {"a.py:7", "present in the control at 100 %"},
        {"", "absent in the control too: this version does not profile this kind of lock"},
        {NULL, "no control to compare with"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        char evidence[512];
        build_start(&b);
        build_lock(&b, "x", "a.py:7", "exact");
        build_process(&b, "p.1", ARM_LOCAL, 0.5);
        build_took(&b, 0, 0, 37600);
        build_copy_saw(&b, STAGE_COLLECTOR, 0, "threading.py:563:_lock", 300);
        build_copy(&b, STAGE_COLLECTOR, 0);
        if (cases[i].control != NULL) {
            build_process(&b, "p.control", ARM_CONTROL, 1);
            build_took(&b, 1, 0, 20);
            size_t copy = build_copy(&b, STAGE_CONTROL, 1);
            if (cases[i].control[0] != '\0') {
                build_saw(&b, copy, cases[i].control, 20);
            }
        }
        snprintf(evidence, sizeof evidence,
                 "the ledger has 37600 acquires by p.1 at a capture rate of 50 %%, 18800 samples "
                 "to be expected, collector has none in 2 copies (copies/collector/p.1.1.pprof "
                 "...); %s",
                 cases[i].words);
        expect_lost(build_judge(&b), 0, STAGE_COLLECTOR, MECHANISM_NEVER_SAMPLED, evidence);
        build_end(&b);
    }
}

/* A collector that names no lock has dropped no label. */
static void test_samples_without_label_at_the_collector(void **state)
{
    struct build b;
    (void)state;
    start_tee(&b, 0.5);
    size_t copy = build_copy(&b, STAGE_COLLECTOR, 0);
    b.copies[copy].copy.unlabelled_samples = 300;
    build_key(&b, copy, "mutex", 300);
    expect_lost(build_judge(&b), 0, STAGE_COLLECTOR, MECHANISM_NEVER_SAMPLED,
                "the ledger has 600 acquires by p.1 at a capture rate of 50 %, 300 samples to be expected, collector "
                "has none in 1 copy (copies/collector/p.1.1.pprof); no control to compare with; 300 lock samples there "
                "without a label");
    build_end(&b);
}

static void test_the_control_is_no_place_of_loss(void **state)
{
    struct build b;
    (void)state;
    start_tee(&b, 0.5);
    build_process(&b, "p.control", ARM_CONTROL, 1);
    build_took(&b, 1, 0, 20);
    build_copy_saw(&b, STAGE_CONTROL, 1, "a.py:7:other", 19);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 300);
    const struct trail_result *r = build_judge(&b);
    expect_state(r, 0, STAGE_CONTROL, STATE_ALIAS);
    assert_true(r->locks[0].stages[STAGE_CONTROL].count_checked);
    assert_false(r->locks[0].stages[STAGE_CONTROL].count_equal);
    expect_kept(r, 0);
    build_end(&b);
}

static void test_a_collector_without_profile(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock(&b, "x", "a.py:7", "exact");
    build_process(&b, "p.1", ARM_LOCAL, 1);
    build_took(&b, 0, 0, 1);
    b.input.stage_ran[STAGE_COLLECTOR] = true;
    expect_lost(build_judge(&b), 0, STAGE_COLLECTOR, MECHANISM_PROFILE_DROPPED,
                "the ledger has 1 acquire by p.1 at a capture rate of 100 %, 1.0 samples to be "
                "expected, collector has no copy of p.1");
    build_end(&b);
}

static void test_a_foreign_profile_has_no_lock_names(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock(&b, "x", "a.py:7", "exact");
    build_process(&b, "p.1", ARM_LOCAL, 1);
    build_took(&b, 0, 0, 200);
    size_t copy = build_copy(&b, STAGE_COLLECTOR, 0);
    b.copies[copy].copy.status = COPY_FOREIGN;
    b.copies[copy].copy.why = "pprof, Go mutex profile";
    const struct trail_result *r = build_judge(&b);
    expect_lost(r, 0, STAGE_COLLECTOR, MECHANISM_NEVER_SAMPLED,
                "the ledger has 200 acquires by p.1 at a capture rate of 100 %, 200 samples to be "
                "expected, collector has none in 1 copy (copies/collector/p.1.1.pprof); 1 of them "
                "without lock names: pprof, Go mutex profile; no control to compare with");
    expect_note(r, "copies/collector/p.1.1.pprof: without lock names: pprof, Go mutex profile");
    build_end(&b);
}

/* --- counts ------------------------------------------------------------------------------------------------------- */

static void test_counts_that_differ_from_the_ledger_are_a_loss(void **state)
{
    static const struct {
        uint64_t seen;
        enum mechanism mechanism;
        const char *evidence;
    } cases[] = {
        {599, MECHANISM_SAMPLES_DROPPED,
         "the ledger has 600 acquires by p.1, each of them sampled; collector has 599 in 1 copy "
         "(copies/collector/p.1.1.pprof)"},
        {601, MECHANISM_DUPLICATED,
         "the ledger has 600 acquires by p.1, each of them sampled; collector has 601 in 1 copy "
         "(copies/collector/p.1.1.pprof)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        start_tee(&b, 1);
        build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", cases[i].seen);
        build_copy_saw(&b, STAGE_UPLOAD, 0, "a.py:7:x", cases[i].seen);
        const struct trail_result *r = build_judge(&b);
        expect_state(r, 0, STAGE_COLLECTOR, STATE_EXACT);
        expect_lost(r, 0, STAGE_COLLECTOR, cases[i].mechanism, cases[i].evidence);
        build_end(&b);
    }
}

static void test_counts_of_each_arm_are_held_against_its_own_process(void **state)
{
    struct build b;
    (void)state;
    start_pair(&b, 1);
    build_took(&b, 1, 0, 700);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 600);
    build_copy_saw(&b, STAGE_UPLOAD, 1, "a.py:7:x", 699);
    const struct trail_result *r = build_judge(&b);
    assert_true(r->locks[0].stages[STAGE_COLLECTOR].count_equal);
    expect_lost(r, 0, STAGE_UPLOAD, MECHANISM_SAMPLES_DROPPED,
                "the ledger has 700 acquires by p.1.upload, each of them sampled; upload has 699 "
                "in 1 copy (copies/upload/p.1.upload.1.pprof)");
    expect_verdict(r, VERDICT_PARTIAL);
    build_end(&b);
}

/* Between two copies of one upload counts have to agree at any capture rate. */
static void test_counts_that_differ_from_the_stage_before_are_a_loss(void **state)
{
    static const struct {
        uint64_t seen;
        enum mechanism mechanism;
        const char *evidence;
    } cases[] = {
        {290, MECHANISM_SAMPLES_DROPPED,
         "upload has 300 acquires of p.1; agent has 290 in 1 copy (copies/agent/p.1.1.pprof)"},
        {310, MECHANISM_DUPLICATED,
         "upload has 300 acquires of p.1; agent has 310 in 1 copy (copies/agent/p.1.1.pprof)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        start_tee(&b, 0.5);
        build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 300);
        build_copy_saw(&b, STAGE_UPLOAD, 0, "a.py:7:x", 300);
        build_copy_saw(&b, STAGE_AGENT, 0, "a.py:7:x", cases[i].seen);
        expect_lost(build_judge(&b), 0, STAGE_AGENT, cases[i].mechanism, cases[i].evidence);
        build_end(&b);
    }
}

static void test_a_copy_that_came_twice(void **state)
{
    struct build b;
    (void)state;
    start_pair(&b, 0.5);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 300);
    size_t first = build_copy_saw(&b, STAGE_UPLOAD, 1, "a.py:7:x", 310);
    size_t second = build_copy_saw(&b, STAGE_UPLOAD, 1, "a.py:7:x", 310);
    b.copies[first].copy.hash = "h";
    b.copies[second].copy.hash = "h";
    const struct trail_result *r = build_judge(&b);
    expect_lost(r, 0, STAGE_UPLOAD, MECHANISM_DUPLICATED,
                "upload has the same bytes twice: copies/upload/p.1.upload.2.pprof came again");
    expect_note(r, "copies/upload/p.1.upload.2.pprof: the same bytes as "
                   "copies/upload/p.1.upload.1.pprof: one copy came twice");
    expect_verdict(r, VERDICT_PARTIAL);
    b.copies[second].copy.hash = "other";
    expect_kept(build_judge(&b), 0);
    build_end(&b);
}

/* What came twice to the upload stage comes twice to the agent too: lost where it was doubled. */
static void test_a_copy_that_was_doubled_before_is_not_doubled_again(void **state)
{
    struct build b;
    (void)state;
    start_tee(&b, 0.5);
    for (enum stage s = STAGE_COLLECTOR; s <= STAGE_AGENT; s++) {
        for (int i = 0; i < 1 + (s > STAGE_COLLECTOR); i++) {
            size_t copy = build_copy_saw(&b, s, 0, "a.py:7:x", 300);
            b.copies[copy].copy.hash = "h";
        }
    }
    const struct trail_result *r = build_judge(&b);
    assert_string_equal(stage_name(r->locks[0].loss.stage), "upload");
    assert_string_equal(mechanism_name(r->locks[0].loss.mechanism), "duplicated");
    build_end(&b);
}

/* --- places ------------------------------------------------------------------------------------------------------- */

static void test_one_bad_process_of_many_is_named(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock(&b, "x", "a.py:7", "exact");
    for (size_t p = 0; p < 5; p++) {
        char name[8];
        snprintf(name, sizeof name, "p.%zu", p + 1);
        build_process(&b, name, ARM_TEE, 0.5);
        build_took(&b, p, 0, 600);
        build_copy_saw(&b, STAGE_COLLECTOR, p, "a.py:7:x", 300);
        build_copy_saw(&b, STAGE_UPLOAD, p, p == 3 ? "a.py:7" : "a.py:7:x", 300);
    }
    const struct trail_result *r = build_judge(&b);
    expect_lost(r, 0, STAGE_UPLOAD, MECHANISM_VALUE_REWRITTEN,
                "collector has 'a.py:7:x' in 300 samples (copies/collector/p.4.1.pprof), upload "
                "has 'a.py:7' in 300 samples (copies/upload/p.4.1.pprof): the name part cut off");
    assert_int_equal(r->locks[0].stages[STAGE_UPLOAD].seen_as[0].samples, 1200);
    build_end(&b);
}

static void test_the_first_stage_counts(void **state)
{
    struct build b;
    (void)state;
    start_tee(&b, 0.5);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 300);
    build_copy_saw(&b, STAGE_UPLOAD, 0, "a.py:7:x", 300);
    build_copy_saw(&b, STAGE_AGENT, 0, "a.py:7", 300);
    build_copy_saw(&b, STAGE_BACKEND, 0, "a.py:7:other", 300);
    build_copy(&b, STAGE_UI, 0);
    const struct trail_result *r = build_judge(&b);
    assert_string_equal(stage_name(r->locks[0].loss.stage), "agent");
    expect_state(r, 0, STAGE_UI, STATE_ABSENT);
    build_end(&b);
}

/* The stage before is the one before that was looked at. */
static void test_a_stage_that_was_not_looked_at_is_passed_over(void **state)
{
    struct build b;
    (void)state;
    start_tee(&b, 0.5);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 300);
    build_copy_saw(&b, STAGE_BACKEND, 0, "a.py:7:X", 300);
    expect_lost(build_judge(&b), 0, STAGE_BACKEND, MECHANISM_VALUE_REWRITTEN,
                "collector has 'a.py:7:x' in 300 samples (copies/collector/p.1.1.pprof), backend "
                "has 'a.py:7:X' in 300 samples (copies/backend/p.1.1.pprof): letters' case changed");
    build_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_named_and_aliased_at_the_collector),
        cmocka_unit_test(test_a_mangled_name_that_was_declared_exact),
        cmocka_unit_test(test_never_sampled_says_what_the_control_has),
        cmocka_unit_test(test_samples_without_label_at_the_collector),
        cmocka_unit_test(test_the_control_is_no_place_of_loss),
        cmocka_unit_test(test_a_collector_without_profile),
        cmocka_unit_test(test_a_foreign_profile_has_no_lock_names),
        cmocka_unit_test(test_counts_that_differ_from_the_ledger_are_a_loss),
        cmocka_unit_test(test_counts_of_each_arm_are_held_against_its_own_process),
        cmocka_unit_test(test_counts_that_differ_from_the_stage_before_are_a_loss),
        cmocka_unit_test(test_a_copy_that_came_twice),
        cmocka_unit_test(test_a_copy_that_was_doubled_before_is_not_doubled_again),
        cmocka_unit_test(test_one_bad_process_of_many_is_named),
        cmocka_unit_test(test_the_first_stage_counts),
        cmocka_unit_test(test_a_stage_that_was_not_looked_at_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
