/* SPDX-License-Identifier: Apache-2.0 */
/* Releases whose acquires were not sampled: ddtrace 3.17.0 below 100 % gives them without a name, beside the right name
 * of those that were. */
#include "trail_build.h"

/* `count` samples of releases alone. */
static void release(struct build *b, size_t copy, const char *label, uint64_t count)
{
    build_saw(b, copy, label, count);
    struct sighting *s = &b->copies[copy].sightings[b->copies[copy].copy.sighting_count - 1];
    s->acquires = s->wait_ns = 0;
}

/* `count` locks at a.py:1 and so on, taken `acquires` times by one process at 20 %. */
static size_t start(struct build *b, size_t count, uint64_t acquires)
{
    static const char *const names[] = {"x", "y", "z"};
    build_start(b);
    build_process(b, "p.1", ARM_LOCAL, 0.2);
    for (size_t i = 0; i < count; i++) {
        char site[32];
        snprintf(site, sizeof site, "a.py:%zu", i + 1);
        build_took(b, 0, build_lock(b, names[i], site, "exact"), acquires);
    }
    return build_copy(b, STAGE_COLLECTOR, 0);
}

static void test_a_nameless_release_beside_a_named_acquire(void **state)
{
    struct build b;
    (void)state;
    size_t copy = start(&b, 1, 200);
    build_saw(&b, copy, "a.py:1:x", 40);
    release(&b, copy, "a.py:1", 7);
    const struct trail_result *r = build_judge(&b);
    expect_state(r, 0, STAGE_COLLECTOR, STATE_EXACT);
    expect_kept(r, 0);
    expect_verdict(r, VERDICT_SUCCESS);
    assert_int_equal(r->note_count, 1);
    expect_note(r, "collector: 7 releases without a name (python x): releases of acquires that were not sampled");
    assert_int_equal(r->locks[0].stages[STAGE_COLLECTOR].seen_count, 2);
    build_end(&b);
}

static void test_releases_are_noted_once_for_a_stage(void **state)
{
    struct build b;
    (void)state;
    size_t copy = start(&b, 3, 200);
    build_saw(&b, copy, "a.py:1:x", 40);
    build_saw(&b, copy, "a.py:2:y", 40);
    build_saw(&b, copy, "a.py:3:z", 40);
    release(&b, copy, "a.py:1", 1);
    release(&b, copy, "a.py:2", 2);
    release(&b, copy, "a.py:3:other", 1);
    const struct trail_result *r = build_judge(&b);
    expect_verdict(r, VERDICT_SUCCESS);
    assert_int_equal(r->note_count, 2);
    assert_string_equal(r->notes[0],
                        "collector: 3 releases without a name (2 locks): releases of acquires that were not sampled");
    assert_string_equal(
        r->notes[1], "collector: 1 release under another name (python z): releases of acquires that were not sampled");
    build_end(&b);
}

/* The evidence is about what decides the state, not about the release. */
static void test_a_nameless_acquire_beside_an_alias_of_releases(void **state)
{
    struct build b;
    (void)state;
    size_t copy = start(&b, 1, 200);
    build_saw(&b, copy, "a.py:1", 40);
    release(&b, copy, "a.py:1:y", 90);
    expect_lost(build_judge(&b), 0, STAGE_COLLECTOR, MECHANISM_NEVER_NAMED,
                "the ledger declares 'x', collector has 'a.py:1' in 40 samples (copies/collector/p.1.1.pprof)");
    build_end(&b);
}

static void test_releases_alone(void **state)
{
    static const struct {
        const char *label;
        uint64_t acquires;
        enum lock_state state;
    } cases[] = {
        {"a.py:1", 35, STATE_GENERIC},      /* exp(-7) < 0.001: chance did not leave all acquires out */
        {"a.py:1", 34, STATE_UNDERSAMPLED}, /* exp(-6.8) > 0.001 */
        {"a.py:1:y", 34, STATE_UNDERSAMPLED},
        {"a.py:1:x", 34, STATE_EXACT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        size_t copy = start(&b, 1, cases[i].acquires);
        release(&b, copy, cases[i].label, 3);
        const struct trail_result *r = build_judge(&b);
        expect_state(r, 0, STAGE_COLLECTOR, cases[i].state);
        assert_int_equal(r->locks[0].stages[STAGE_COLLECTOR].needed_ms,
                         cases[i].state == STATE_UNDERSAMPLED ? 11000 : 0);
        assert_int_equal(r->note_count, cases[i].state == STATE_UNDERSAMPLED);
        build_end(&b);
    }
}

/* A known limit shows its site; nothing better was to be expected of its acquires. */
static void test_releases_alone_of_a_lock_that_has_no_name(void **state)
{
    struct build b;
    (void)state;
    size_t copy = start(&b, 1, 34);
    b.ledger.locks[0].rendering = RENDERING_GENERIC;
    release(&b, copy, "a.py:1", 3);
    expect_state(build_judge(&b), 0, STAGE_COLLECTOR, STATE_GENERIC);
    build_end(&b);
}

/* On the way nothing is random: acquires that vanish beside releases are a loss. */
static void test_acquires_that_vanish_beside_releases(void **state)
{
    struct build b;
    (void)state;
    size_t copy = start(&b, 1, 20);
    b.ledger.instances[0].arm = ARM_TEE;
    build_saw(&b, copy, "a.py:1:x", 4);
    release(&b, copy, "a.py:1", 3);
    release(&b, build_copy(&b, STAGE_UPLOAD, 0), "a.py:1", 3);
    const struct trail_result *r = build_judge(&b);
    expect_state(r, 0, STAGE_UPLOAD, STATE_GENERIC);
    assert_true(r->locks[0].lost);
    assert_int_equal(r->locks[0].loss.stage, STAGE_UPLOAD);
    build_end(&b);
}

static void test_doubt_is_carried_on_to_the_same_copy_at_the_next_stage(void **state)
{
    struct build b;
    (void)state;
    size_t copy = start(&b, 1, 20);
    b.ledger.instances[0].arm = ARM_TEE;
    release(&b, copy, "a.py:1", 3);
    release(&b, build_copy(&b, STAGE_UPLOAD, 0), "a.py:1", 3);
    const struct trail_result *r = build_judge(&b);
    expect_state(r, 0, STAGE_UPLOAD, STATE_UNDERSAMPLED);
    expect_kept(r, 0);
    expect_verdict(r, VERDICT_INCONCLUSIVE);
    build_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_nameless_release_beside_a_named_acquire),
        cmocka_unit_test(test_releases_are_noted_once_for_a_stage),
        cmocka_unit_test(test_a_nameless_acquire_beside_an_alias_of_releases),
        cmocka_unit_test(test_releases_alone),
        cmocka_unit_test(test_releases_alone_of_a_lock_that_has_no_name),
        cmocka_unit_test(test_acquires_that_vanish_beside_releases),
        cmocka_unit_test(test_doubt_is_carried_on_to_the_same_copy_at_the_next_stage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
