/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts, which comes before which, and what they say. */
#include "trail_build.h"

static void expect_steps(const struct trail_result *r, const char *const *steps, size_t count)
{
    for (size_t i = 0; i < r->next_step_count && i < count; i++) {
        assert_string_equal(r->next_steps[i], steps[i]);
    }
    if (r->next_step_count != count) {
        fail_msg("%zu next steps, expected %zu", r->next_step_count, count);
    }
}

#define EXPECT_STEPS(r, ...)                                                                                           \
    expect_steps((r), (const char *const[]){__VA_ARGS__},                                                              \
                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* Two names and a known limit, right in both copies of one process. */
static void start_good(struct build *b)
{
    build_start(b);
    build_lock(b, "request_lock", "w.py:1", "exact");
    build_lock(b, "cache_lock", "w.py:2", "exact");
    build_lock_of(b, "python", "nested/child", "child_lock", "w.py:3", "generic");
    build_process(b, "p.1", ARM_TEE, 1);
    for (size_t i = 0; i < 3; i++) {
        build_took(b, 0, i, 10);
    }
    for (enum stage s = STAGE_COLLECTOR; s <= STAGE_UPLOAD; s++) {
        size_t copy = build_copy_saw(b, s, 0, "w.py:1:request_lock", 10);
        build_saw(b, copy, "w.py:2:cache_lock", 10);
        build_saw(b, copy, "w.py:3", 10);
    }
}

/* Gives a sighting of the good run another name. */
static void spoil(struct build *b, size_t copy, size_t sighting, const char *name)
{
    b->copies[copy].sightings[sighting].name = name;
    b->copies[copy].sightings[sighting].label =
        build_text(b, mem_printf("%s:%u%s%s", b->copies[copy].sightings[sighting].file,
                                 b->copies[copy].sightings[sighting].line, name[0] ? ":" : "", name));
}

static void test_success(void **state)
{
    struct build b;
    (void)state;
    start_good(&b);
    const struct trail_result *r = build_judge(&b);
    expect_verdict(r, VERDICT_SUCCESS);
    assert_string_equal(r->conclusion, "All 2 declared names are there at every stage that ran (collector, "
                                       "upload). One known limit is listed apart: child_lock.");
    EXPECT_STEPS(r, "Where production still shows generic names, run this scenario with "
                    "production's packages, environment variables and profiler version");
    assert_true(r->locks[2].known_limit);
    assert_false(r->locks[0].known_limit);
    assert_int_equal(r->note_count, 0);
    build_end(&b);
}

static void test_partial(void **state)
{
    struct build b;
    (void)state;
    start_good(&b);
    spoil(&b, 1, 0, "request");
    const struct trail_result *r = build_judge(&b);
    expect_verdict(r, VERDICT_PARTIAL);
    assert_string_equal(r->conclusion, "The collector works, but on the way 1 of 3 locks is lost: "
                                       "request_lock at upload (value_truncated).");
    EXPECT_STEPS(r,
                 "request_lock (value_truncated at upload): look for a limit on the length of "
                 "label values there",
                 "Check pprof compatibility: whether each receiver reads the compression, the "
                 "sample types and the string labels of these profiles",
                 "Check agent and backend processing: limits on size and label length, label "
                 "filters, refused, lost and repeated uploads",
                 "Check rendering: whether the view that a person is shown groups by the lock's "
                 "name or hides it");
    build_end(&b);
}

static void test_failure_with_a_suspect(void **state)
{
    static const struct trail_suspect suspects[] = {
        {"native", MECHANISM_NEVER_NAMED, "OTHER=1", "of another worker", false},
        {"python", MECHANISM_ALIASED, "ALIAS=1", "for another mechanism", false},
        {"python", MECHANISM_NEVER_NAMED, "DD_PROFILING_LOCK_NAME_INSPECT_DIR=false",
         "set it to true: without it the attributes of objects are not searched for the lock", false},
        {NULL, MECHANISM_NEVER_NAMED, "ALL=1", "of every worker", false},
        {NULL, MECHANISM_NEVER_NAMED, "ALL=1", "of every worker", false},
    };
    struct build b;
    (void)state;
    start_good(&b);
    for (size_t copy = 0; copy < 2; copy++) {
        spoil(&b, copy, 0, "");
        spoil(&b, copy, 1, "");
    }
    b.input.suspects = suspects;
    b.input.suspect_count = sizeof suspects / sizeof suspects[0];
    const struct trail_result *r = build_judge(&b);
    expect_verdict(r, VERDICT_FAILURE);
    assert_string_equal(r->conclusion, "2 of 3 locks are not rightly named even in the local pprof: request_lock, "
                                       "cache_lock at collector (never_named).");
    EXPECT_STEPS(r,
                 "DD_PROFILING_LOCK_NAME_INSPECT_DIR=false is set for python: set it to true: without it "
                 "the attributes of objects are not searched for the lock",
                 "ALL=1 is set for all workers: of every worker",
                 "request_lock, cache_lock (never_named at collector): look at the first sampled acquire: "
                 "its caller's frame does not show the lock under a name",
                 "Compare the collector's configuration with that of a run that names these locks, such "
                 "as the control or the profiler's unit tests",
                 "Compare the environment variables of the workers with those under which the names are "
                 "right",
                 "Check frame inspection: the name is looked up in the caller's frame, and a lock reached "
                 "through a container, a helper or two levels of members has none there",
                 "Check for optimized-away variables: a variable that is gone when the lock is taken "
                 "gives no name");
    build_end(&b);
}

static void test_critical(void **state)
{
    struct build b;
    (void)state;
    start_good(&b);
    b.input.control = CONTROL_FAILED;
    b.input.control_why = "pattern local: request_lock is generic at 100 %";
    const struct trail_result *r = build_judge(&b);
    expect_verdict(r, VERDICT_CRITICAL);
    assert_string_equal(r->conclusion, "The control fails: pattern local: request_lock is generic at 100 %. The "
                                       "collector itself is broken, so that nothing can be said of the way after "
                                       "it.");
    EXPECT_STEPS(r,
                 "Fix the collector first: its own check, single-threaded and with every acquire "
                 "sampled, does not pass",
                 "Run again when the control passes: until then a missing name says nothing of "
                 "the upload, agent, backend or rendering");
    build_end(&b);
}

static void test_inconclusive(void **state)
{
    struct build b;
    (void)state;
    start_good(&b);
    b.ledger.instances[0].capture_rate = 0.01;
    b.ledger.instances[0].counts[1].acquires = 100;
    b.copies[0].copy.sighting_count = b.copies[1].copy.sighting_count = 1;
    const struct trail_result *r = build_judge(&b);
    expect_verdict(r, VERDICT_INCONCLUSIVE);
    assert_string_equal(r->conclusion, "Not enough evidence: cache_lock was not seen at some "
                                       "stage, and that may be chance.");
    EXPECT_STEPS(r, "Run longer: --duration 70s would have been enough at this capture rate; or "
                    "raise the capture rate");
    build_end(&b);
}

static void test_inconclusive_for_ever(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock(&b, "x", "a.py:7", "exact");
    build_process(&b, "p.1", ARM_TEE, 1);
    build_copy(&b, STAGE_COLLECTOR, 0);
    b.input.stage_ran[STAGE_UPLOAD] = true;
    b.input.control = CONTROL_NOT_RUN;
    const struct trail_result *r = build_judge(&b);
    expect_verdict(r, VERDICT_INCONCLUSIVE);
    assert_string_equal(r->conclusion, "Not enough evidence: x was not seen at some stage, and that may be "
                                       "chance. And there is no copy at upload, although it ran.");
    EXPECT_STEPS(r,
                 "x: how long a run would have to be can't be said, since no acquire of it was "
                 "counted; check that the workload takes it, or raise the capture rate",
                 "Check that the profiler is on and that the run is longer than its upload "
                 "interval: nothing came to upload");
    expect_note(r, "the control did not run: a broken collector can't be told from a lost name");
    build_end(&b);
}

/* Every name is there where it was looked for, and one stage has nothing at all. */
static void test_a_stage_without_copies_is_inconclusive(void **state)
{
    struct build b;
    (void)state;
    start_good(&b);
    b.ledger.instances[0].arm = ARM_LOCAL;
    b.copy_count = 1;
    const struct trail_result *r = build_judge(&b);
    expect_verdict(r, VERDICT_INCONCLUSIVE);
    assert_string_equal(r->conclusion, "Not enough evidence: there is no copy at upload, although it ran.");
    b.copy_count = 2;
    build_end(&b);
}

static void test_known_limits_alone_are_inconclusive(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    for (int i = 0; i < 5; i++) {
        char id[16], site[32];
        snprintf(id, sizeof id, "n/%d", i);
        snprintf(site, sizeof site, "a.py:%d", i + 1);
        build_lock_of(&b, "python", id, i == 4 ? "" : "inner", site, "generic");
    }
    build_process(&b, "p.1", ARM_LOCAL, 0.5);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:1", 4);
    const struct trail_result *r = build_judge(&b);
    expect_verdict(r, VERDICT_INCONCLUSIVE);
    assert_string_equal(r->conclusion, "Not enough evidence: every declared lock is a known limit, which the "
                                       "runtime can't name: n/0, n/1, n/2 and 2 more.");
    EXPECT_STEPS(r, "Add locks to the scenario that the runtime can name");
    build_end(&b);
}

static void test_error(void **state)
{
    struct build b;
    (void)state;
    start_good(&b);
    b.input.problem_count = 3;
    b.input.first_problem = "python.1.local: ended by signal 11";
    const struct trail_result *r = build_judge(&b);
    expect_verdict(r, VERDICT_ERROR);
    assert_string_equal(r->conclusion, "The run itself went wrong, so that it says nothing of the names: "
                                       "python.1.local: ended by signal 11. There are 2 more problems.");
    EXPECT_STEPS(r, "Fix this first: python.1.local: ended by signal 11",
                 "Run again: what was seen of the names is listed, but proves nothing");
    build_end(&b);
}

/* What is wrong, and which verdict that gives alone and together. */
static void test_which_verdict_comes_before_which(void **state)
{
    enum { PROBLEM = 1, CONTROL = 2, EARLY = 4, LATE = 8, RARE = 16 };
    (void)state;
    for (int what = 0; what < 32; what++) {
        struct build b;
        start_good(&b);
        enum verdict expected = what & PROBLEM   ? VERDICT_ERROR
                                : what & CONTROL ? VERDICT_CRITICAL
                                : what & EARLY   ? VERDICT_FAILURE
                                : what & LATE    ? VERDICT_PARTIAL
                                : what & RARE    ? VERDICT_INCONCLUSIVE
                                                 : VERDICT_SUCCESS;
        b.input.problem_count = what & PROBLEM ? 1 : 0;
        b.input.control = what & CONTROL ? CONTROL_FAILED : CONTROL_PASSED;
        if (what & EARLY) {
            spoil(&b, 0, 0, "");
        }
        if (what & LATE) {
            spoil(&b, 1, 1, "");
        }
        if (what & RARE) {
            build_lock(&b, "rare_lock", "w.py:9", "exact");
        }
        const struct trail_result *r = build_judge(&b);
        if (r->verdict != expected) {
            fail_msg("case %d: %s, expected %s", what, verdict_name(r->verdict), verdict_name(expected));
        }
        build_end(&b);
    }
}

static void test_a_known_limit_counts_only_where_it_is_lost(void **state)
{
    static const struct {
        const char *name; /* at both stages; NULL: not seen */
        bool counted;
        enum verdict verdict;
    } cases[] = {
        {"", true, VERDICT_SUCCESS},   {"child_lock", true, VERDICT_SUCCESS}, {"parent", true, VERDICT_FAILURE},
        {NULL, true, VERDICT_FAILURE}, {NULL, false, VERDICT_SUCCESS}, /* not seen, and nobody can say whether it was
                                                                          taken */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        start_good(&b);
        b.ledger.instances[0].counts[2].known = cases[i].counted;
        for (size_t copy = 0; copy < 2; copy++) {
            if (cases[i].name != NULL) {
                spoil(&b, copy, 2, cases[i].name);
            } else {
                b.copies[copy].copy.sighting_count = 2;
            }
        }
        const struct trail_result *r = build_judge(&b);
        if (r->verdict != cases[i].verdict) {
            fail_msg("case %zu: %s", i, verdict_name(r->verdict));
        }
        build_end(&b);
    }
}

static void test_many_losses_are_summed_up(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_process(&b, "p.1", ARM_TEE, 0.5);
    size_t local = build_copy(&b, STAGE_COLLECTOR, 0);
    size_t upload = build_copy(&b, STAGE_UPLOAD, 0);
    for (int i = 1; i <= 7; i++) {
        char name[16], site[32], label[64];
        snprintf(name, sizeof name, "l%d", i);
        snprintf(site, sizeof site, "a.py:%d", i);
        snprintf(label, sizeof label, "%s:%s", site, name);
        build_lock(&b, name, site, "exact");
        build_saw(&b, local, i == 1 ? "a.py:1" : i == 2 ? "a.py:2:other" : label, 5);
        build_saw(&b, upload, i >= 4 ? site : i == 2 ? "a.py:2:other" : label, 5);
    }
    const struct trail_result *r = build_judge(&b);
    expect_verdict(r, VERDICT_FAILURE);
    assert_string_equal(r->conclusion, "2 of 7 locks are not rightly named even in the local pprof: l1, l2 at "
                                       "collector (never_named, aliased). Lost on the way: l4, l5, l6 and 1 more "
                                       "at upload (value_rewritten).");
    build_end(&b);
}

/* The two kinds of never_sampled lead to different next steps. */
static void test_next_steps_of_never_sampled(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock(&b, "x", "a.py:7", "exact");
    build_lock(&b, "y", "a.py:8", "exact");
    build_process(&b, "p.1", ARM_LOCAL, 0.5);
    build_process(&b, "p.control", ARM_CONTROL, 1);
    for (size_t i = 0; i < 4; i++) {
        build_took(&b, i / 2, i % 2, 1000);
    }
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "threading.py:563:_lock", 500);
    build_copy_saw(&b, STAGE_CONTROL, 1, "a.py:7:x", 1000);
    const struct trail_result *r = build_judge(&b);
    expect_verdict(r, VERDICT_FAILURE);
    assert_string_equal(r->next_steps[0], "x (never_sampled at collector): try another capture rate or a less "
                                          "regular workload: the sampler counts instead of drawing, and a program "
                                          "in step with it leaves a lock without a sample");
    assert_string_equal(r->next_steps[1], "y (never_sampled at collector): try another version of the profiler, and "
                                          "look whether the lock's module is excluded from profiling");
    build_end(&b);
}

static void test_only_counts_are_wrong_at_the_collector(void **state)
{
    struct build b;
    (void)state;
    start_good(&b);
    for (size_t copy = 0; copy < 2; copy++) {
        b.copies[copy].sightings[0].acquires = 9;
    }
    const struct trail_result *r = build_judge(&b);
    expect_verdict(r, VERDICT_FAILURE);
    assert_string_equal(r->conclusion, "1 of 3 locks is named in the local pprof, but with wrong "
                                       "counts: request_lock at collector (samples_dropped).");
    build_end(&b);
}

static void test_locks_with_one_name_are_told_by_their_ids(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock_of(&b, "python", "shared/A", "lock", "a.py:7", "exact");
    build_lock_of(&b, "python", "shared/B", "lock", "a.py:17", "exact");
    build_lock_of(&b, "native", "shared/B", "lock", "a.c:17", "exact");
    build_process(&b, "p.1", ARM_LOCAL, 0.5);
    build_process_of(&b, "native", "n.1", ARM_LOCAL, 0.5);
    size_t copy = build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7", 5);
    build_saw(&b, copy, "a.py:17", 6);
    build_copy_saw(&b, STAGE_COLLECTOR, 1, "a.c:17", 6);
    assert_string_equal(build_judge(&b)->conclusion,
                        "3 of 3 locks are not rightly named even in the local pprof: shared/A, "
                        "shared/B of python, shared/B of native at collector (never_named).");
    build_end(&b);
}

/* --- undeclared and notes ----------------------------------------------------------------------------------------- */

static void test_undeclared_names_are_listed_apart(void **state)
{
    struct build b;
    (void)state;
    start_good(&b);
    for (enum stage s = STAGE_COLLECTOR; s <= STAGE_UPLOAD; s++) {
        size_t copy = build_copy_saw(&b, s, 0, "/usr/lib/threading.py:563:_lock", 4);
        build_saw(&b, copy, "not a label", 7);
        copy = build_copy_saw(&b, s, 0, "/usr/lib/threading.py:563:_lock", 2);
    }
    const struct trail_result *r = build_judge(&b);
    expect_verdict(r, VERDICT_SUCCESS);
    assert_int_equal(r->undeclared_count, 2);
    assert_string_equal(r->undeclared[0].label, "not a label");
    assert_string_equal(r->undeclared[0].file, "");
    assert_int_equal(r->undeclared[0].line, 0);
    const struct undeclared *u = &r->undeclared[1];
    assert_string_equal(u->label, "/usr/lib/threading.py:563:_lock");
    assert_string_equal(u->file, "threading.py");
    assert_string_equal(u->name, "_lock");
    assert_int_equal(u->line, 563);
    assert_int_equal(u->copies[STAGE_COLLECTOR], 2);
    assert_int_equal(u->samples[STAGE_UPLOAD], 6);
    assert_int_equal(u->acquires[STAGE_UPLOAD], 6);
    assert_int_equal(u->copies[STAGE_AGENT], 0);
    build_end(&b);
}

static void test_copies_that_lead_nowhere_are_noted(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_lock(&b, "x", "a.py:7", "exact");
    build_process(&b, "p.1", ARM_LOCAL, 0.5);
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:7:x", 4);
    build_copy_saw(&b, STAGE_UPLOAD, 0, "a.py:7:y", 4);
    const struct trail_result *r = build_judge(&b);
    expect_state(r, 0, STAGE_UPLOAD, STATE_NOT_RUN);
    expect_note(r, "copies/upload/p.1.1.pprof: not looked at: p.1 has no part in stage upload");
    build_end(&b);
}

static void test_notes_of_one_kind_are_bounded(void **state)
{
    struct build b;
    (void)state;
    start_good(&b);
    for (int i = 0; i < 25; i++) {
        for (enum stage s = STAGE_COLLECTOR; s <= STAGE_UPLOAD; s++) {
            size_t copy = build_copy(&b, s, 0);
            b.copies[copy].copy.status = COPY_FOREIGN;
        }
    }
    const struct trail_result *r = build_judge(&b);
    assert_int_equal(r->note_count, 21);
    assert_string_equal(r->notes[20], "and 30 more copies that are not readable or without lock names");
    build_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_success),
        cmocka_unit_test(test_partial),
        cmocka_unit_test(test_failure_with_a_suspect),
        cmocka_unit_test(test_critical),
        cmocka_unit_test(test_inconclusive),
        cmocka_unit_test(test_inconclusive_for_ever),
        cmocka_unit_test(test_a_stage_without_copies_is_inconclusive),
        cmocka_unit_test(test_known_limits_alone_are_inconclusive),
        cmocka_unit_test(test_error),
        cmocka_unit_test(test_which_verdict_comes_before_which),
        cmocka_unit_test(test_a_known_limit_counts_only_where_it_is_lost),
        cmocka_unit_test(test_many_losses_are_summed_up),
        cmocka_unit_test(test_next_steps_of_never_sampled),
        cmocka_unit_test(test_only_counts_are_wrong_at_the_collector),
        cmocka_unit_test(test_locks_with_one_name_are_told_by_their_ids),
        cmocka_unit_test(test_undeclared_names_are_listed_apart),
        cmocka_unit_test(test_copies_that_lead_nowhere_are_noted),
        cmocka_unit_test(test_notes_of_one_kind_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
