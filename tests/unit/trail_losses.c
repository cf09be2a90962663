/* SPDX-License-Identifier: Apache-2.0 */
/* Each mechanism where it happens, with its evidence compared whole. */
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

/* --- labels ------------------------------------------------------------------------------------------------------- */

static void test_label_dropped_between_copies(void **state)
{
    struct build b;
    (void)state;
    start_tee(&b, 0.5);
    size_t copy = build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 300);
    b.copies[copy].copy.unlabelled_samples = 2;
    copy = build_copy(&b, STAGE_UPLOAD, 0);
    b.copies[copy].copy.unlabelled_samples = 302;
    build_key(&b, copy, "thread name", 302);
    expect_lost(build_judge(&b), 0, STAGE_UPLOAD, MECHANISM_LABEL_DROPPED,
                "collector has 'a.py:7:x' in 300 samples (copies/collector/p.1.1.pprof), upload "
                "has none in 1 copy (copies/upload/p.1.1.pprof); 302 lock samples there without "
                "the label, 2 at collector");
    build_end(&b);
}

/* In one copy of two: the name is right where it is left. */
static void test_label_dropped_in_part(void **state)
{
    struct build b;
    (void)state;
    start_tee(&b, 0.5);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 300);
    build_copy_saw(&b, STAGE_UPLOAD, 0, "a.py:7:x", 200);
    size_t copy = build_copy(&b, STAGE_UPLOAD, 0);
    b.copies[copy].copy.unlabelled_samples = 100;
    const struct trail_result *r = build_judge(&b);
    expect_state(r, 0, STAGE_UPLOAD, STATE_EXACT);
    expect_lost(r, 0, STAGE_UPLOAD, MECHANISM_LABEL_DROPPED,
                "collector has 300 acquires of p.1; upload has 200 in 2 copies "
                "(copies/upload/p.1.1.pprof ...); 100 lock samples there without the label, 0 at "
                "collector");
    build_end(&b);
}

static void test_label_dropped_in_the_other_arm(void **state)
{
    struct build b;
    (void)state;
    start_pair(&b, 0.5);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 300);
    size_t copy = build_copy(&b, STAGE_UPLOAD, 1);
    b.copies[copy].copy.unlabelled_samples = 310;
    expect_lost(build_judge(&b), 0, STAGE_UPLOAD, MECHANISM_LABEL_DROPPED,
                "the ledger has 600 acquires by p.1.upload at a capture rate of 50 %, 300 samples "
                "to be expected, upload has none in 1 copy (copies/upload/p.1.upload.1.pprof); 310 "
                "lock samples there without the label");
    build_end(&b);
}

static void test_label_key_renamed(void **state)
{
    static const struct {
        const char *key;
        uint64_t samples;
        enum mechanism mechanism;
    } cases[] = {
        {"lock_name", 300, MECHANISM_LABEL_KEY_RENAMED},
        {"lock_name", 302, MECHANISM_LABEL_KEY_RENAMED},
        {"lock_name", 280, MECHANISM_LABEL_KEY_RENAMED},
        {"lock_name", 260, MECHANISM_LABEL_DROPPED}, /* too few of them */
        {"host", 340, MECHANISM_LABEL_DROPPED},      /* also on samples with the label */
        {"span id", 300, MECHANISM_LABEL_DROPPED},   /* known from the profiler */
        {"pod", 300, MECHANISM_LABEL_DROPPED},       /* there before */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        start_tee(&b, 0.5);
        size_t copy = build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 300);
        b.copies[copy].copy.unlabelled_samples = 2;
        build_saw(&b, copy, "b.py:1", 38);
        build_key(&b, copy, "lock name", 338);
        build_key(&b, copy, "pod", 300);
        copy = build_copy_saw(&b, STAGE_UPLOAD, 0, "b.py:1", 38);
        b.copies[copy].copy.unlabelled_samples = 302;
        build_key(&b, copy, cases[i].key, cases[i].samples);
        const struct trail_result *r = build_judge(&b);
        if (r->locks[0].loss.mechanism != cases[i].mechanism) {
            fail_msg("case %zu: %s", i, r->locks[0].loss.evidence);
        }
        if (i == 0) {
            expect_lost(r, 0, STAGE_UPLOAD, MECHANISM_LABEL_KEY_RENAMED,
                        "collector has 'a.py:7:x' in 300 samples (copies/collector/p.1.1.pprof), "
                        "upload has none in 1 copy (copies/upload/p.1.1.pprof); the unknown label "
                        "key 'lock_name' is on 300 lock samples, 302 lock samples there have no "
                        "'lock name'");
        }
        build_end(&b);
    }
}

static void test_label_key_renamed_in_the_other_arm(void **state)
{
    static const char *const mechanisms[] = {"label_key_renamed", "label_dropped"};
    (void)state;
    for (size_t local = 0; local < 2; local++) {
        struct build b;
        start_pair(&b, 0.5);
        size_t copy = build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 300);
        if (local) {
            build_key(&b, copy, "mutex", 300); /* the local copies have it too */
        }
        copy = build_copy(&b, STAGE_UPLOAD, 1);
        b.copies[copy].copy.unlabelled_samples = 310;
        build_key(&b, copy, "mutex", 310);
        const struct trail_result *r = build_judge(&b);
        assert_string_equal(mechanism_name(r->locks[0].loss.mechanism), mechanisms[local]);
        build_end(&b);
    }
}

static void test_keys_are_added_up_over_copies(void **state)
{
    struct build b;
    (void)state;
    start_tee(&b, 0.5);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 300);
    for (int i = 0; i < 3; i++) {
        size_t copy = build_copy(&b, STAGE_UPLOAD, 0);
        b.copies[copy].copy.unlabelled_samples = 100;
        build_key(&b, copy, "mutex", 100);
    }
    const struct trail_result *r = build_judge(&b);
    assert_string_equal(mechanism_name(r->locks[0].loss.mechanism), "label_key_renamed");
    build_end(&b);
}

/* --- samples and profiles ----------------------------------------------------------------------------------------- */

static void test_samples_dropped_between_copies(void **state)
{
    struct build b;
    (void)state;
    start_tee(&b, 0.5);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 1);
    build_copy(&b, STAGE_UPLOAD, 0);
    expect_lost(build_judge(&b), 0, STAGE_UPLOAD, MECHANISM_SAMPLES_DROPPED,
                "collector has 'a.py:7:x' in 1 sample (copies/collector/p.1.1.pprof), upload has "
                "none in 1 copy (copies/upload/p.1.1.pprof)");
    build_end(&b);
}

static void test_samples_dropped_in_the_other_arm(void **state)
{
    struct build b;
    (void)state;
    start_pair(&b, 0.5);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 300);
    build_copy(&b, STAGE_UPLOAD, 1);
    expect_lost(build_judge(&b), 0, STAGE_UPLOAD, MECHANISM_SAMPLES_DROPPED,
                "the ledger has 600 acquires by p.1.upload at a capture rate of 50 %, 300 samples "
                "to be expected, upload has none in 1 copy (copies/upload/p.1.upload.1.pprof)");
    build_end(&b);
}

static void test_the_other_arm_may_lose_names_on_its_own(void **state)
{
    static const struct {
        const char *local, *upload;
        enum mechanism mechanism;
    } cases[] = {
        {"a.py:7:x", "a.py:7", MECHANISM_NEVER_NAMED},
        {"a.py:7:x", "a.py:7:lk", MECHANISM_ALIASED},
        {NULL, "", MECHANISM_NEVER_SAMPLED}, /* no local copy was asked for */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        start_pair(&b, 0.5);
        if (cases[i].local != NULL) {
            build_copy_saw(&b, STAGE_COLLECTOR, 0, cases[i].local, 300);
        }
        size_t copy = build_copy(&b, STAGE_UPLOAD, 1);
        if (cases[i].upload[0] != '\0') {
            build_saw(&b, copy, cases[i].upload, 300);
        }
        const struct trail_result *r = build_judge(&b);
        assert_true(r->locks[0].lost);
        assert_string_equal(stage_name(r->locks[0].loss.stage), "upload");
        assert_string_equal(mechanism_name(r->locks[0].loss.mechanism), mechanism_name(cases[i].mechanism));
        expect_verdict(r, VERDICT_PARTIAL);
        build_end(&b);
    }
}

static void test_profile_dropped(void **state)
{
    struct build b;
    (void)state;
    start_tee(&b, 0.5);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 300);
    build_copy_saw(&b, STAGE_UPLOAD, 0, "a.py:7:x", 300);
    b.input.stage_ran[STAGE_AGENT] = true;
    expect_lost(build_judge(&b), 0, STAGE_AGENT, MECHANISM_PROFILE_DROPPED,
                "upload has 'a.py:7:x' in 300 samples (copies/upload/p.1.1.pprof), agent has no "
                "copy of p.1");
    build_end(&b);
}

static void test_one_of_two_profiles_dropped(void **state)
{
    struct build b;
    (void)state;
    start_tee(&b, 0.5);
    build_copy_saw(&b, STAGE_UPLOAD, 0, "a.py:7:x", 300);
    build_copy_saw(&b, STAGE_UPLOAD, 0, "a.py:7:x", 100);
    build_copy_saw(&b, STAGE_AGENT, 0, "a.py:7:x", 300);
    const struct trail_result *r = build_judge(&b);
    expect_lost(r, 0, STAGE_AGENT, MECHANISM_PROFILE_DROPPED,
                "upload has 400 acquires of p.1; agent has 300 in 1 copy "
                "(copies/agent/p.1.1.pprof); agent has 1 of the 2 copies that upload had");
    expect_note(r, "p.1: 2 of its copies at upload, 1 at agent");
    build_end(&b);
}

/* A backend that gives one copy for many loses nothing by that. */
static void test_copies_that_were_merged_are_no_loss(void **state)
{
    struct build b;
    (void)state;
    start_tee(&b, 0.5);
    build_copy_saw(&b, STAGE_UPLOAD, 0, "a.py:7:x", 300);
    build_copy_saw(&b, STAGE_UPLOAD, 0, "a.py:7:x", 100);
    build_copy_saw(&b, STAGE_BACKEND, 0, "a.py:7:x", 400);
    expect_kept(build_judge(&b), 0);
    build_end(&b);
}

static void test_profile_corrupt(void **state)
{
    struct build b;
    (void)state;
    start_tee(&b, 0.5);
    build_copy_saw(&b, STAGE_UPLOAD, 0, "a.py:7:x", 300);
    build_copy_saw(&b, STAGE_UPLOAD, 0, "a.py:7:x", 100);
    size_t copy = build_copy(&b, STAGE_AGENT, 0);
    b.copies[copy].copy.status = COPY_CORRUPT;
    b.copies[copy].copy.why = "truncated at offset 12";
    build_copy_saw(&b, STAGE_AGENT, 0, "a.py:7:x", 100);
    const struct trail_result *r = build_judge(&b);
    expect_lost(r, 0, STAGE_AGENT, MECHANISM_PROFILE_CORRUPT,
                "upload has 400 acquires of p.1; agent has 100 in 2 copies "
                "(copies/agent/p.1.1.pprof ...); 1 of 2 not readable: copies/agent/p.1.1.pprof: "
                "truncated at offset 12");
    expect_note(r, "copies/agent/p.1.1.pprof: not readable: truncated at offset 12");
    b.copies[3].copy.status = COPY_CORRUPT;
    b.copies[3].copy.sighting_count = 0;
    expect_lost(build_judge(&b), 0, STAGE_AGENT, MECHANISM_PROFILE_CORRUPT,
                "upload has 'a.py:7:x' in 400 samples (copies/upload/p.1.1.pprof), agent has none "
                "in 2 copies (copies/agent/p.1.1.pprof ...); 2 of 2 not readable: "
                "copies/agent/p.1.1.pprof: truncated at offset 12");
    b.copies[3].copy.sighting_count = 1;
    build_end(&b);
}

static void test_profile_corrupt_in_the_other_arm(void **state)
{
    struct build b;
    (void)state;
    start_pair(&b, 0.5);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 300);
    size_t copy = build_copy(&b, STAGE_UPLOAD, 1);
    b.copies[copy].copy.status = COPY_CORRUPT;
    const struct trail_result *r = build_judge(&b);
    assert_string_equal(mechanism_name(r->locks[0].loss.mechanism), "profile_corrupt");
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
        cmocka_unit_test(test_the_control_is_no_place_of_loss),
        cmocka_unit_test(test_a_collector_without_profile),
        cmocka_unit_test(test_a_foreign_profile_has_no_lock_names),
        cmocka_unit_test(test_counts_that_differ_from_the_ledger_are_a_loss),
        cmocka_unit_test(test_counts_of_each_arm_are_held_against_its_own_process),
        cmocka_unit_test(test_counts_that_differ_from_the_stage_before_are_a_loss),
        cmocka_unit_test(test_a_copy_that_came_twice),
        cmocka_unit_test(test_a_copy_that_was_doubled_before_is_not_doubled_again),
        cmocka_unit_test(test_values_that_changed),
        cmocka_unit_test(test_truncation_of_all_values_says_so),
        cmocka_unit_test(test_name_parts_that_are_cut_off_everywhere),
        cmocka_unit_test(test_values_that_collapse),
        cmocka_unit_test(test_replaced_values_are_told_by_their_counts),
        cmocka_unit_test(test_a_new_label_beside_a_whole_one_is_undeclared),
        cmocka_unit_test(test_names_swapped),
        cmocka_unit_test(test_a_name_that_only_one_lock_took_is_no_swap),
        cmocka_unit_test(test_label_dropped_between_copies),
        cmocka_unit_test(test_label_dropped_in_part),
        cmocka_unit_test(test_label_dropped_in_the_other_arm),
        cmocka_unit_test(test_label_key_renamed),
        cmocka_unit_test(test_label_key_renamed_in_the_other_arm),
        cmocka_unit_test(test_keys_are_added_up_over_copies),
        cmocka_unit_test(test_samples_dropped_between_copies),
        cmocka_unit_test(test_samples_dropped_in_the_other_arm),
        cmocka_unit_test(test_the_other_arm_may_lose_names_on_its_own),
        cmocka_unit_test(test_profile_dropped),
        cmocka_unit_test(test_one_of_two_profiles_dropped),
        cmocka_unit_test(test_copies_that_were_merged_are_no_loss),
        cmocka_unit_test(test_profile_corrupt),
        cmocka_unit_test(test_profile_corrupt_in_the_other_arm),
        cmocka_unit_test(test_one_bad_process_of_many_is_named),
        cmocka_unit_test(test_the_first_stage_counts),
        cmocka_unit_test(test_a_stage_that_was_not_looked_at_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
