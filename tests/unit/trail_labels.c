/* SPDX-License-Identifier: Apache-2.0 */
/* Labels, samples and whole profiles that get lost between two copies or in the other arm. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
