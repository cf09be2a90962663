/* SPDX-License-Identifier: Apache-2.0 */
/* Several things at once, in one upload or one after the other, and changes that lose no name. */
#include "trail_way.h"

/* --- several at once ---------------------------------------------------------------------------------------------- */

static void test_several_mechanisms_at_one_hop(void **state)
{
    struct flights f;
    struct samples s = content();
    (void)state;
    start(&f, 2);
    send(&f, STAGE_UPLOAD, 0, &s, NULL, 200);
    send(&f, STAGE_UPLOAD, 1, &s, NULL, 200);
    relabel(&s, X, "a.py:1:xl", 0, 3);
    relabel(&s, X, NULL, 3, 5);
    drop(&s, 8, 1);
    samples_add(&s, X, 2);
    send(&f, STAGE_AGENT, 0, &s, NULL, 0);
    const struct trail_result *r = flights_judge(&f);
    expect_lost(r, 0, STAGE_AGENT, MECHANISM_PROFILE_DROPPED,
                "upload has 'a.py:1:xlock' in 10 of 20 samples (copies/upload/p.1.2.pprof), agent has no copy of that: "
                "its sender was told 200; also label_dropped in 5 samples; also value_truncated in 3 samples; also "
                "samples_dropped in 1 sample; also duplicated in 2 samples");
    assert_string_equal(
        r->locks[0].loss.own,
        "'a.py:1:xlock' in 10 of 20 samples; also label_dropped in 5 samples; also value_truncated in 3 "
        "samples; also samples_dropped in 1 sample; also duplicated in 2 samples");
    expect_mechanisms(r, 0, "label_dropped, value_truncated, samples_dropped, profile_dropped, duplicated");
    expect_mechanisms(r, 1, "profile_dropped");
    flights_end(&f);
}

static void test_two_faults_at_two_hops(void **state)
{
    struct flights f;
    struct samples s = content();
    (void)state;
    start(&f, 1);
    send(&f, STAGE_UPLOAD, 0, &s, NULL, 200);
    relabel(&s, X, "a.py:1:xl", 0, SAMPLES_MAX);
    send(&f, STAGE_AGENT, 0, &s, NULL, 200);
    for (size_t i = 0; i < s.count; i++) {
        s.items[i].label = i < 10 || i > 15 ? NULL : s.items[i].label;
    }
    send(&f, STAGE_BACKEND, 0, &s, NULL, 0);
    const struct trail_result *r = flights_judge(&f);
    assert_int_equal(r->locks[0].loss.stage, STAGE_AGENT);
    assert_string_equal(mechanism_name(r->locks[0].loss.mechanism), "value_truncated");
    expect_later(r, 0, "label_dropped at backend");
    expect_state(r, 0, STAGE_BACKEND, STATE_ABSENT);
    assert_int_equal(r->locks[1].loss.stage, STAGE_BACKEND);
    expect_later(r, 1, "");
    flights_end(&f);
}

/* Later losses where copies are not paired: only what is new at the stage. */
static void test_later_losses_without_pairs(void **state)
{
    struct flights f;
    struct samples s = content();
    (void)state;
    start(&f, 1);
    f.no_pairs = true;
    send(&f, STAGE_UPLOAD, 0, &s, NULL, 200);
    relabel(&s, X, "a.py:1:other", 0, SAMPLES_MAX);
    relabel(&s, Y, "b.py:2:other", 0, SAMPLES_MAX);
    send(&f, STAGE_AGENT, 0, &s, NULL, 200);
    relabel(&s, s.items[0].label, NULL, 0, SAMPLES_MAX);
    send(&f, STAGE_BACKEND, 0, &s, NULL, 0);
    const struct trail_result *r = flights_judge(&f);
    assert_int_equal(r->locks[0].loss.stage, STAGE_AGENT);
    expect_later(r, 0, "label_dropped at backend");
    expect_later(r, 1, "");
    flights_end(&f);
}

/* Swapped, and swapped back: right again in the end, and wrong twice. */
static void test_swapped_and_back(void **state)
{
    struct flights f;
    struct samples s = content();
    (void)state;
    start(&f, 1);
    send(&f, STAGE_UPLOAD, 0, &s, NULL, 200);
    for (size_t i = 0; i < s.count; i++) {
        s.items[i].label = s.items[i].label == X ? Y : X;
    }
    send(&f, STAGE_AGENT, 0, &s, NULL, 200);
    s = content();
    send(&f, STAGE_BACKEND, 0, &s, NULL, 0);
    const struct trail_result *r = flights_judge(&f);
    assert_int_equal(r->locks[0].loss.stage, STAGE_AGENT);
    expect_state(r, 0, STAGE_AGENT, STATE_ALIAS);
    expect_state(r, 0, STAGE_BACKEND, STATE_EXACT);
    expect_later(r, 0, "names_swapped at backend");
    flights_end(&f);
}

/* Names that are no text, and swapped with one of which one is the beginning of the other. */
static void test_names_of_any_bytes(void **state)
{
    static const char dirty[] = "a.py:1:\xff\xfe", shorter[] = "a.py:1";
    struct flights f;
    (void)state;
    start(&f, 0);
    build_lock(&f.b, "\xff\xfe", "a.py:1", "exact");
    struct samples s = {0};
    samples_add(&s, dirty, 5);
    samples_add(&s, shorter, 7);
    f.b.ledger.instances[0].capture_rate = 0.001;
    send(&f, STAGE_UPLOAD, 0, &s, NULL, 200);
    for (size_t i = 0; i < s.count; i++) {
        s.items[i].label = s.items[i].label == dirty ? shorter : dirty;
    }
    send(&f, STAGE_AGENT, 0, &s, NULL, 200);
    const struct trail_result *r = flights_judge(&f);
    assert_string_equal(mechanism_name(r->locks[2].loss.mechanism), "names_swapped");
    assert_int_equal(r->locks[2].loss.stage, STAGE_AGENT);
    flights_end(&f);
}

/* Of several processes the one that lost most is named, and the mechanisms are those of all. */
static void test_several_processes(void **state)
{
    struct flights f;
    (void)state;
    start(&f, 1);
    for (size_t p = 0; p < 3; p++) {
        struct samples s = content();
        if (p > 0) {
            char name[32];
            snprintf(name, sizeof name, "p.%zu", p + 1);
            build_process(&f.b, name, ARM_UPLOAD, 1);
            build_took(&f.b, p, 0, 10);
            build_took(&f.b, p, 1, 10);
        }
        flights_copy(&f, STAGE_UPLOAD, p, &s, NULL, 100);
        relabel(&s, X, "a.py:1:xl", 0, p == 1 ? 2 : p == 2 ? 3 : 0);
        drop(&s, 5, p == 0 ? 4 : 0);
        flights_copy(&f, STAGE_AGENT, p, &s, NULL, 100);
    }
    const struct trail_result *r = flights_judge(&f);
    expect_lost(r, 0, STAGE_AGENT, MECHANISM_VALUE_TRUNCATED,
                "upload has 'a.py:1:xlock' in 10 samples (copies/upload/p.3.1.pprof), agent has 'a.py:1:xl' in 3 of 10 "
                "samples (copies/agent/p.3.1.pprof): cut to 9 bytes");
    expect_mechanisms(r, 0, "value_truncated, samples_dropped");
    flights_end(&f);
}

/* Two locks share a row that is lost in part: whose acquires are left can't be said, there and behind, and no count is
 * held against anything. */
static void test_a_row_of_two_locks_that_is_lost_in_part(void **state)
{
    struct flights f;
    struct samples s = content();
    (void)state;
    start(&f, 1);
    f.b.ledger.instances[0].arm = ARM_TEE;
    send(&f, STAGE_COLLECTOR, 0, &s, NULL, 200);
    relabel(&s, X, Y, 0, SAMPLES_MAX);
    send(&f, STAGE_UPLOAD, 0, &s, NULL, 200);
    drop(&s, 0, 5);
    send(&f, STAGE_AGENT, 0, &s, NULL, 200);
    send(&f, STAGE_BACKEND, 0, &s, NULL, 200);
    const struct trail_result *r = flights_judge(&f);
    assert_true(r->locks[1].stages[STAGE_UPLOAD].count_checked);
    for (enum stage stage = STAGE_AGENT; stage <= STAGE_BACKEND; stage++) {
        assert_false(r->locks[1].stages[stage].count_checked);
        assert_false(r->locks[0].stages[stage].count_checked);
    }
    flights_end(&f);
}

/* A lock whose share of what was hit is nothing was not hit. */
static void test_the_greater_lock_of_a_row_was_hit(void **state)
{
    struct flights f;
    struct samples s = {0};
    (void)state;
    start(&f, 1);
    samples_add(&s, X, 1);
    samples_add(&s, Y, 40);
    f.b.ledger.instances[0].capture_rate = 0.5;
    send(&f, STAGE_UPLOAD, 0, &s, NULL, 200);
    relabel(&s, X, Y, 0, 1);
    send(&f, STAGE_AGENT, 0, &s, NULL, 200);
    drop(&s, 1, 1);
    send(&f, STAGE_BACKEND, 0, &s, NULL, 200);
    const struct trail_result *r = flights_judge(&f);
    expect_later(r, 0, "");
    assert_int_equal(r->locks[1].loss.stage, STAGE_BACKEND);
    flights_end(&f);
}

/* A list of locks: one site, and no name tells them apart on the way either. */
static void test_locks_of_one_site(void **state)
{
    (void)state;
    for (int damage = 0; damage < 3; damage++) {
        static const char site[] = "c.py:9";
        struct flights f;
        struct samples s = {0};
        start(&f, 0);
        build_lock_of(&f.b, "python", "list/0", "locks[0]", site, "generic");
        build_lock_of(&f.b, "python", "list/1", "locks[1]", site, "generic");
        build_took(&f.b, 0, 2, 4);
        build_took(&f.b, 0, 3, 6);
        samples_add(&s, site, 10);
        send(&f, STAGE_UPLOAD, 0, &s, NULL, 200);
        relabel(&s, site, "c.p", 0, damage == 1 ? SAMPLES_MAX : 0);
        drop(&s, 0, damage == 2 ? 1 : 0);
        send(&f, STAGE_AGENT, 0, &s, NULL, 200);
        send(&f, STAGE_BACKEND, 0, &s, NULL, 200);
        const struct trail_result *r = flights_judge(&f);
        for (size_t lock = 2; lock < 4; lock++) {
            const struct stage_result *agent = &r->locks[lock].stages[STAGE_AGENT];
            assert_int_equal(r->locks[lock].lost, damage > 0);
            assert_int_equal(r->locks[lock].known_limit, damage == 0);
            assert_true(r->locks[lock].stages[STAGE_UPLOAD].count_equal);
            assert_int_equal(agent->count_equal, damage == 0);
            assert_int_equal(r->locks[lock].stages[STAGE_BACKEND].count_equal, damage == 0);
            assert_int_equal(agent->samples, damage == 2 ? 9 : 10);
        }
        flights_end(&f);
    }
}

/* Where two copies could not be compared, labels and their counts have to tell, as between two processes. */
static void test_pairs_that_could_not_be_compared(void **state)
{
    struct flights f;
    struct samples s = content();
    (void)state;
    start(&f, 1);
    f.uncompared = true;
    send(&f, STAGE_UPLOAD, 0, &s, NULL, 200);
    relabel(&s, X, "a.py:1:xl", 0, SAMPLES_MAX);
    send(&f, STAGE_AGENT, 0, &s, NULL, 200);
    expect_lost(flights_judge(&f), 0, STAGE_AGENT, MECHANISM_VALUE_TRUNCATED,
                "upload has 'a.py:1:xlock' in 10 samples (copies/upload/p.1.1.pprof), agent has 'a.py:1:xl' in 10 "
                "samples (copies/agent/p.1.1.pprof): cut to 9 bytes");
    expect_kept(flights_judge(&f), 1);
    flights_end(&f);
}

/* Only samples that count releases were hit: a loss, and yet the name of the acquires is right. */
static void test_releases_alone_are_hit(void **state)
{
    struct flights f;
    struct samples s = content();
    (void)state;
    start(&f, 1);
    samples_add(&s, X, 3);
    for (size_t i = 20; i < 23; i++) {
        s.items[i].acquires = 0;
    }
    send(&f, STAGE_UPLOAD, 0, &s, NULL, 200);
    relabel(&s, X, "a.py:1:xl", 20, 3);
    send(&f, STAGE_AGENT, 0, &s, NULL, 200);
    const struct trail_result *r = flights_judge(&f);
    expect_state(r, 0, STAGE_AGENT, STATE_EXACT);
    assert_string_equal(mechanism_name(r->locks[0].loss.mechanism), "value_truncated");
    flights_end(&f);
}

/* Where times are not known, a copy that is missing and one that was never sent may be one. */
static void test_lost_and_unknown_copies_without_time(void **state)
{
    struct flights f;
    struct samples s = content();
    (void)state;
    start(&f, 2);
    f.b.ledger.instances[0].arm = ARM_TEE;
    flights_copy(&f, STAGE_COLLECTOR, 0, &s, "one", 0);
    flights_copy(&f, STAGE_COLLECTOR, 0, &s, "two", 0);
    flights_copy(&f, STAGE_COLLECTOR, 0, &s, "three", 0);
    flights_copy(&f, STAGE_UPLOAD, 0, &s, "one", 100);
    relabel(&s, X, "a.py:1:xl", 0, SAMPLES_MAX);
    s.items[12].there = false;
    flights_copy(&f, STAGE_UPLOAD, 0, &s, "other", 200);
    f.b.ledger.instances[0].capture_rate = 0.5;
    const struct trail_result *r = flights_judge(&f);
    /* One of the two was changed, and nobody knows which: not one lost and another made up. */
    expect_state(r, 0, STAGE_UPLOAD, STATE_ALIAS);
    assert_string_equal(mechanism_name(r->locks[0].loss.mechanism), "value_truncated");
    flights_end(&f);
}

/* --- sample types ------------------------------------------------------------------------------------------------- */

/* Renamed sample types: everything is there, and nothing counts acquires any more. */
static void test_renamed_sample_types_lose_no_name(void **state)
{
    struct flights f;
    struct samples s = content();
    (void)state;
    start(&f, 1);
    send(&f, STAGE_UPLOAD, 0, &s, NULL, 200);
    for (enum stage stage = STAGE_AGENT; stage <= STAGE_BACKEND; stage++) {
        for (size_t i = 0; i < s.count; i++) {
            s.items[i].acquires = 0;
        }
        size_t copy = send(&f, stage, 0, &s, NULL, 0);
        for (size_t i = 0; i < f.b.copies[copy].copy.sighting_count; i++) {
            f.b.copies[copy].sightings[i].wait_ns = 0; /* that type was renamed too */
            f.b.copies[copy].sightings[i].releases = 10;
        }
    }
    const struct trail_result *r = flights_judge(&f);
    expect_verdict(r, VERDICT_SUCCESS);
    for (enum stage stage = STAGE_AGENT; stage <= STAGE_BACKEND; stage++) {
        expect_state(r, 0, stage, STATE_EXACT);
        assert_false(r->locks[0].stages[stage].count_checked);
    }
    expect_note(r, "p.1 at agent: no sample counts acquires there, so that counts can't be compared");
    flights_end(&f);
}

/* The same where the process's own trail begins: the ledger counts, and the copy does not. */
static void test_renamed_sample_types_at_the_first_stage(void **state)
{
    struct flights f;
    struct samples s = content();
    (void)state;
    start(&f, 1);
    for (size_t i = 0; i < s.count; i++) {
        s.items[i].acquires = 0;
    }
    send(&f, STAGE_UPLOAD, 0, &s, NULL, 200);
    const struct trail_result *r = flights_judge(&f);
    expect_kept(r, 0);
    expect_state(r, 0, STAGE_UPLOAD, STATE_EXACT);
    expect_note(r, "p.1 at upload: no sample counts acquires there, so that counts can't be compared");
    flights_end(&f);
}

/* Releases of acquires that were not sampled have no name; that is so behind renamed sample types too. */
static void test_nameless_releases_behind_renamed_types(void **state)
{
    struct flights f;
    struct samples s = content();
    (void)state;
    start(&f, 1);
    samples_add(&s, "a.py:1", 4);
    for (size_t i = 20; i < 24; i++) {
        s.items[i].acquires = 0;
    }
    send(&f, STAGE_UPLOAD, 0, &s, NULL, 200);
    for (size_t i = 0; i < s.count; i++) {
        s.items[i].acquires = 0;
    }
    send(&f, STAGE_AGENT, 0, &s, NULL, 0);
    send(&f, STAGE_BACKEND, 0, &s, NULL, 0);
    const struct trail_result *r = flights_judge(&f);
    expect_state(r, 0, STAGE_UPLOAD, STATE_EXACT);
    expect_state(r, 0, STAGE_AGENT, STATE_EXACT);
    expect_state(r, 0, STAGE_BACKEND, STATE_EXACT);
    expect_kept(r, 0);
    flights_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_several_mechanisms_at_one_hop),
        cmocka_unit_test(test_two_faults_at_two_hops),
        cmocka_unit_test(test_later_losses_without_pairs),
        cmocka_unit_test(test_swapped_and_back),
        cmocka_unit_test(test_names_of_any_bytes),
        cmocka_unit_test(test_several_processes),
        cmocka_unit_test(test_a_row_of_two_locks_that_is_lost_in_part),
        cmocka_unit_test(test_the_greater_lock_of_a_row_was_hit),
        cmocka_unit_test(test_locks_of_one_site),
        cmocka_unit_test(test_pairs_that_could_not_be_compared),
        cmocka_unit_test(test_renamed_sample_types_at_the_first_stage),
        cmocka_unit_test(test_releases_alone_are_hit),
        cmocka_unit_test(test_lost_and_unknown_copies_without_time),
        cmocka_unit_test(test_renamed_sample_types_lose_no_name),
        cmocka_unit_test(test_nameless_releases_behind_renamed_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
