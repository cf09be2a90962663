/* SPDX-License-Identifier: Apache-2.0 */
/* What to do next, and whom the conclusion blames: a second process, a sampler, a profiler that never ran, a wrong
 * site. */
#include "trail_build.h"

static bool has_step(const struct trail_result *r, const char *part)
{
    for (size_t i = 0; i < r->next_step_count; i++) {
        if (strstr(r->next_steps[i], part) != NULL) {
            return true;
        }
    }
    return false;
}

/* --- a second process of the same program ------------------------------------------------------------------------- */

#define COMPARE_XY                                                                                                     \
    ": compare the settings of the uploading process with those of the one that writes locally: environment, "         \
    "launcher, packages"
#define RUN_AGAIN                                                                                                      \
    "Run again with another --seed: timing decides what the first sampled acquire sees, and by it a lock is named or " \
    "not for the rest of the process"

/* Locks x and y, right in the local copy of one process; another process uploads, and an agent passes it on. */
static size_t start_pair(struct build *b)
{
    build_start(b);
    build_process(b, "p.1.local", ARM_LOCAL, 1);
    build_process(b, "p.1.upload", ARM_UPLOAD, 1);
    build_lock(b, "x", "a.py:1", "exact");
    build_lock(b, "y", "a.py:2", "exact");
    for (size_t i = 0; i < 4; i++) {
        build_took(b, i / 2, i % 2, 10);
    }
    size_t local = build_copy_saw(b, STAGE_COLLECTOR, 0, "a.py:1:x", 10);
    build_saw(b, local, "a.py:2:y", 10);
    return build_copy(b, STAGE_UPLOAD, 1);
}

static void test_a_name_that_the_uploading_process_did_not_find(void **state)
{
    static const struct trail_suspect suspect = {NULL, MECHANISM_NEVER_NAMED, "SET=1", "unset it", false};
    (void)state;
    for (size_t suspects = 0; suspects < 2; suspects++) {
        struct build b;
        size_t upload = start_pair(&b);
        build_saw(&b, upload, "a.py:1", 10);
        build_saw(&b, upload, "a.py:2:lk", 10);
        b.input.suspects = &suspect;
        b.input.suspect_count = suspects;
        const struct trail_result *r = build_judge(&b);
        expect_verdict(r, VERDICT_PARTIAL);
        assert_string_equal(r->conclusion,
                            "Nothing is lost in the local pprof, but 2 of 2 locks miss their names in what the "
                            "uploading process's own collector gave (another process of the same program): x, y at "
                            "upload (never_named, aliased).");
        assert_int_equal(r->next_step_count, 2 + suspects);
        assert_string_equal(r->next_steps[0], suspects ? "SET=1 is set for all workers: unset it" : "x, y" COMPARE_XY);
        assert_string_equal(r->next_steps[1 + suspects], RUN_AGAIN);
        build_end(&b);
    }
}

/* Never sampled here, and at the local process that may be chance. */
static void test_a_lock_that_the_uploading_process_never_sampled(void **state)
{
    struct build b;
    size_t upload = start_pair(&b);
    (void)state;
    b.ledger.instances[0].counts[1].known = false;
    b.copies[0].copy.sighting_count = 1;
    build_saw(&b, upload, "a.py:1:x", 10);
    const struct trail_result *r = build_judge(&b);
    expect_state(r, 1, STAGE_COLLECTOR, STATE_UNDERSAMPLED);
    expect_verdict(r, VERDICT_PARTIAL);
    assert_string_equal(r->conclusion,
                        "Nothing is lost in the local pprof, but 1 of 2 locks misses its name in what the uploading "
                        "process's own collector gave (another process of the same program): y at upload "
                        "(never_sampled).");
    assert_string_equal(r->next_steps[0], "y" COMPARE_XY);
    build_end(&b);
}

static void test_both_a_second_process_and_the_way(void **state)
{
    struct build b;
    size_t upload = start_pair(&b);
    (void)state;
    build_saw(&b, upload, "a.py:1", 10);
    build_saw(&b, upload, "a.py:2:y", 10);
    build_saw(&b, build_copy_saw(&b, STAGE_AGENT, 1, "a.py:1", 10), "a.py:2:Y", 10);
    const struct trail_result *r = build_judge(&b);
    expect_verdict(r, VERDICT_PARTIAL);
    assert_string_equal(r->conclusion,
                        "The collector works, but on the way 1 of 2 locks is lost: y at agent (value_rewritten). And 1 "
                        "of 2 locks misses its name in what the uploading process's own collector gave (another "
                        "process of the same program): x at upload (never_named).");
    assert_int_equal(r->next_step_count, 6);
    assert_string_equal(r->next_steps[0], "x" COMPARE_XY);
    assert_string_equal(r->next_steps[1], RUN_AGAIN);
    assert_string_equal(r->next_steps[2],
                        "y (value_rewritten at agent): an agent passes profiles on unread, so find what reads them "
                        "there; look what normalizes or rewrites label values there");
    build_end(&b);
}

static void test_a_failure_and_a_second_process(void **state)
{
    struct build b;
    size_t upload = start_pair(&b);
    (void)state;
    b.copies[0].sightings[0].name = "";
    build_saw(&b, upload, "a.py:1:x", 10);
    build_saw(&b, upload, "a.py:2", 10);
    const struct trail_result *r = build_judge(&b);
    expect_verdict(r, VERDICT_FAILURE);
    assert_string_equal(r->conclusion,
                        "1 of 2 locks is not rightly named even in the local pprof: x at collector (never_named). And "
                        "1 of 2 locks misses its name in what the uploading process's own collector gave (another "
                        "process of the same program): y at upload (never_named).");
    assert_true(has_step(r, "y" COMPARE_XY));
    build_end(&b);
}

/* Where the upload was not looked at, what the agent lacks may have been lost before it. */
static void test_without_the_upload_the_way_may_be_to_blame(void **state)
{
    struct build b;
    size_t upload = start_pair(&b);
    (void)state;
    b.copies[upload].copy.stage = STAGE_AGENT;
    b.input.stage_ran[STAGE_UPLOAD] = false;
    b.input.stage_ran[STAGE_AGENT] = true;
    build_saw(&b, upload, "a.py:1", 10);
    build_saw(&b, upload, "a.py:2:y", 10);
    const struct trail_result *r = build_judge(&b);
    assert_false(r->locks[0].loss.by_collector);
    assert_string_equal(r->conclusion,
                        "The collector works, but on the way 1 of 2 locks is lost: x at agent (never_named).");
    build_end(&b);
}

/* --- never sampled ------------------------------------------------------------------------------------------------ */

#define CAPTURED                                                                                                       \
    " acquires, although every one is captured: look for an excluded module, a lock collector that is off, a lock "    \
    "that was made before the profiler started, or another lock type"

static void test_never_sampled_although_all_is_captured(void **state)
{
    static const struct {
        const char *control; /* what it shows; "" nothing; NULL there is none */
        double rate;
        const char *step;
    } cases[] = {
        {"a.py:1:x", 1, "x (never_sampled at collector): the collector saw none of 1000" CAPTURED},
        {NULL, 1, "x (never_sampled at collector): the collector saw none of 1000" CAPTURED},
        {"", 1,
         "x (never_sampled at collector): try another version of the profiler, and look whether the lock's module is "
         "excluded from profiling"},
        {"a.py:1:x", 0.5,
         "x (never_sampled at collector): try another capture rate or a less regular workload: the sampler counts "
         "instead of drawing, and a program in step with it leaves a lock without a sample"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        build_start(&b);
        build_process(&b, "p.1", ARM_LOCAL, cases[i].rate);
        build_process(&b, "p.control", ARM_CONTROL, 1);
        build_lock(&b, "x", "a.py:1", "exact");
        build_took(&b, 0, 0, 1000);
        build_took(&b, 1, 0, 20);
        build_copy_saw(&b, STAGE_COLLECTOR, 0, "threading.py:563:_lock", 5);
        if (cases[i].control != NULL) {
            size_t control = build_copy(&b, STAGE_CONTROL, 1);
            if (cases[i].control[0] != '\0') {
                build_saw(&b, control, cases[i].control, 20);
            }
        }
        assert_string_equal(build_judge(&b)->next_steps[0], cases[i].step);
        build_end(&b);
    }
}

/* A capture rate explains nothing that the control at 100 % lacks as well. */
static void test_a_rate_is_no_suspect_where_the_control_lacks_the_lock(void **state)
{
    static const struct trail_suspect suspects[] = {
        {"python", MECHANISM_NEVER_SAMPLED, "CAPTURE_PCT=50", "try another one", true},
        {"python", MECHANISM_NEVER_SAMPLED, "EXCLUDE=a", "take it out", false},
    };
    (void)state;
    for (int in_control = 0; in_control < 2; in_control++) {
        struct build b;
        build_start(&b);
        build_process(&b, "p.1", ARM_LOCAL, 0.5);
        build_process(&b, "p.control", ARM_CONTROL, 1);
        build_lock(&b, "x", "a.py:1", "exact");
        build_took(&b, 0, 0, 1000);
        build_took(&b, 1, 0, 20);
        build_copy(&b, STAGE_COLLECTOR, 0);
        size_t control = build_copy(&b, STAGE_CONTROL, 1);
        if (in_control) {
            build_saw(&b, control, "a.py:1:x", 20);
        }
        b.input.suspects = suspects;
        b.input.suspect_count = 2;
        const struct trail_result *r = build_judge(&b);
        assert_int_equal(has_step(r, "CAPTURE_PCT=50"), in_control);
        assert_true(has_step(r, "EXCLUDE=a is set for python: take it out"));
        build_end(&b);
    }
}

/* --- no profile --------------------------------------------------------------------------------------------------- */

static void test_a_profiler_that_did_not_start(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_process(&b, "p.1", ARM_LOCAL, 1);
    build_lock(&b, "x", "a.py:1", "exact");
    build_took(&b, 0, 0, 1000);
    b.input.stage_ran[STAGE_COLLECTOR] = true;
    const struct trail_result *r = build_judge(&b);
    expect_verdict(r, VERDICT_FAILURE);
    assert_string_equal(r->next_steps[0],
                        "Check that the profiler started at all: ddtrace-run or the import of ddtrace.profiling.auto, "
                        "no -I, -E or -S on python's command line, no import error in the worker's output");
    b.ledger.locks[0].qualified = true;
    r = build_judge(&b);
    assert_string_equal(r->next_steps[0], "Check that the profiler started at all: what lockprof says in the worker's "
                                          "output; a static or setuid program takes no preloaded library");
    assert_true(strncmp(r->next_steps[1], "x (profile_dropped at collector): ", 34) == 0);
    build_end(&b);
}

/* --- on the way --------------------------------------------------------------------------------------------------- */

/* One upload with x, lost at a stage: what each sender was told decides whom to ask. */
static void test_who_dropped_a_profile(void **state)
{
    static const struct {
        int upload, agent; /* told; agent 0: its copy is not there either, -1: no agent at all */
        const char *step;
    } cases[] = {
        {200, 0, "x (profile_dropped at agent): the agent answers before it delivers: "},
        {503, 0, "x (profile_dropped at agent): the agent refused it and said so: "},
        {200, 503, "x (profile_dropped at backend): the agent answers before it delivers, and drops what is refused "},
        {504, 0, "x (profile_dropped at agent): nobody answered behind the tap that has the last copy: "},
        {502, 502, "x (profile_dropped at backend): nobody answered behind the tap that has the last copy: "},
        {503, 503, "x (profile_dropped at backend): the backend refused it and said so: "},
        {202, 202, "x (profile_dropped at backend): the backend took it and does not give it back: "},
        {0, -1, "x (profile_dropped at backend): look for refused, lost or overdue profiles there: "},
        {200, -1, "x (profile_dropped at backend): the backend took it and does not give it back: "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        build_start(&b);
        build_process(&b, "p.1", ARM_UPLOAD, 1);
        build_took(&b, 0, build_lock(&b, "x", "a.py:1", "exact"), 10);
        for (enum stage s = STAGE_UPLOAD; s <= STAGE_AGENT; s++) {
            int told = s == STAGE_UPLOAD ? cases[i].upload : cases[i].agent;
            if (s == STAGE_UPLOAD || told > 0) {
                size_t copy = build_copy_saw(&b, s, 0, "a.py:1:x", 10);
                b.copies[copy].copy.hash = "h";
                b.copies[copy].copy.answered = told;
            }
        }
        b.input.stage_ran[STAGE_AGENT] = cases[i].agent >= 0;
        b.input.stage_ran[STAGE_BACKEND] = cases[i].agent != 0;
        const struct trail_result *r = build_judge(&b);
        if (!has_step(r, cases[i].step)) {
            fail_msg("case %zu: %s", i, r->next_steps[0]);
        }
        build_end(&b);
    }
}

/* The same loss asks for something else at each stage. */
static void test_where_a_label_was_dropped(void **state)
{
    static const struct {
        enum stage stage;
        const char *step;
    } cases[] = {
        {STAGE_AGENT, "x (label_dropped at agent): an agent passes profiles on unread, so find what reads them there; "
                      "look what filters or limits the labels of samples there"},
        {STAGE_BACKEND, "x (label_dropped at backend): the store drops labels of samples: "},
        {STAGE_UI, "x (label_dropped at ui): the view shows other names and not these: "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        build_start(&b);
        build_process(&b, "p.1", ARM_UPLOAD, 1);
        build_took(&b, 0, build_lock(&b, "x", "a.py:1", "exact"), 10);
        build_copy_saw(&b, STAGE_UPLOAD, 0, "a.py:1:x", 10);
        size_t copy = build_copy_saw(&b, cases[i].stage, 0, "b.py:1:y", 1);
        b.copies[copy].copy.unlabelled_samples = 10;
        b.copies[copy].copy.names_only = cases[i].stage == STAGE_UI;
        const struct trail_result *r = build_judge(&b);
        if (!has_step(r, cases[i].step)) {
            fail_msg("case %zu: %s", i, r->next_steps[0]);
        }
        build_end(&b);
    }
}

static void test_nothing_came_to_a_stage_behind(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_process(&b, "p.1", ARM_UPLOAD, 0.01);
    build_took(&b, 0, build_lock(&b, "x", "a.py:1", "exact"), 10);
    build_copy(&b, STAGE_UPLOAD, 0);
    b.input.stage_ran[STAGE_BACKEND] = true;
    const struct trail_result *r = build_judge(&b);
    expect_verdict(r, VERDICT_INCONCLUSIVE);
    assert_true(has_step(r, "Check what lies before it, and its log: nothing came to backend"));
    build_end(&b);
}

/* --- a wrong site ------------------------------------------------------------------------------------------------- */

static void test_the_name_is_at_another_site(void **state)
{
    static const struct {
        const char *labels[3];
        const char *step; /* NULL: none */
    } cases[] = {
        {{"svc.py:18:order_lock"},
         "Check the site of order_lock: the profile has svc.py:18:order_lock, declared is "
         "svc.py:17"},
        {{"svc.py:90:order_lock", "svc.py:15:order_lock", "other.py:17:order_lock"},
         "Check the site of order_lock: the profile has svc.py:15:order_lock, declared is svc.py:17"},
        {{"other.py:4:order_lock", "other.py:5:y"},
         "Check the site of order_lock: the profile has other.py:4:order_lock, declared is svc.py:17"},
        {{"svc.py:18:order", "svc.py:18", "order_lock"}, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct build b;
        build_start(&b);
        build_process(&b, "p.1", ARM_LOCAL, 1);
        build_lock(&b, "order_lock", "svc.py:17", "exact");
        build_took(&b, 0, 0, 1000);
        size_t copy = build_copy(&b, STAGE_COLLECTOR, 0);
        for (size_t k = 0; k < 3 && cases[i].labels[k] != NULL; k++) {
            build_saw(&b, copy, cases[i].labels[k], 1000);
            struct sighting *s = &b.copies[copy].sightings[k];
            s->name = s->line == 0 ? s->label : s->name; /* a name without a site leads to none */
        }
        const struct trail_result *r = build_judge(&b);
        expect_state(r, 0, STAGE_COLLECTOR, STATE_ABSENT);
        expect_verdict(r, VERDICT_FAILURE);
        if (cases[i].step != NULL) {
            assert_string_equal(r->next_steps[0], cases[i].step);
        } else {
            assert_false(has_step(r, "Check the site of"));
        }
        build_end(&b);
    }
}

/* A silent program's lock may be undersampled; its name elsewhere is a better guess than chance. */
static void test_the_name_of_an_undersampled_lock_is_at_another_site(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_process(&b, "p.1", ARM_LOCAL, 1);
    build_lock(&b, "__order", "svc.py:17", "mangled:_Shop__order");
    build_copy_saw(&b, STAGE_COLLECTOR, 0, "svc.py:18:_Shop__order", 5);
    const struct trail_result *r = build_judge(&b);
    expect_verdict(r, VERDICT_INCONCLUSIVE);
    assert_string_equal(r->next_steps[0],
                        "Check the site of __order: the profile has svc.py:18:_Shop__order, declared is svc.py:17");
    build_end(&b);
}

/* A lock that is there needs no other site, and many wrong sites are one mistake. */
static void test_sites_are_doubted_of_missing_locks_only_and_summed_up(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_process(&b, "p.1", ARM_LOCAL, 1);
    size_t copy = build_copy_saw(&b, STAGE_COLLECTOR, 0, "svc.py:1", 1000);
    build_took(&b, 0, build_lock(&b, "there", "svc.py:1", "exact"), 1000);
    build_saw(&b, copy, "svc.py:2:there", 1000);
    for (int i = 0; i < 7; i++) {
        char name[16], site[32], label[64];
        snprintf(name, sizeof name, "l%d", i);
        snprintf(site, sizeof site, "svc.py:%d", 10 + 10 * i);
        snprintf(label, sizeof label, "svc.py:%d:%s", 11 + 10 * i, name);
        build_took(&b, 0, build_lock(&b, name, site, "exact"), 1000);
        build_saw(&b, copy, label, 1000);
    }
    const struct trail_result *r = build_judge(&b);
    assert_false(has_step(r, "the site of there"));
    assert_string_equal(r->next_steps[4], "Check the site of l4: the profile has svc.py:51:l4, declared is svc.py:50");
    assert_string_equal(r->next_steps[5], "Check the sites of 2 more locks whose names are at other sites");
    build_end(&b);
}

/* --- known limits ------------------------------------------------------------------------------------------------- */

static void test_a_lost_lock_is_no_known_limit(void **state)
{
    struct build b;
    (void)state;
    build_start(&b);
    build_process(&b, "p.1", ARM_LOCAL, 1);
    build_lock_of(&b, "python", "nested/child", "child", "a.py:1", "generic");
    build_lock_of(&b, "python", "anonymous/1", "", "a.py:2", "generic");
    build_lock(&b, "x", "a.py:3", "exact");
    for (size_t i = 0; i < 3; i++) {
        build_took(&b, 0, i, 100);
    }
    build_saw(&b, build_copy_saw(&b, STAGE_COLLECTOR, 0, "a.py:2", 100), "a.py:3:x", 100);
    const struct trail_result *r = build_judge(&b);
    expect_verdict(r, VERDICT_FAILURE);
    assert_true(r->locks[0].lost);
    assert_false(r->locks[0].known_limit);
    assert_true(r->locks[1].known_limit);
    build_end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_that_the_uploading_process_did_not_find),
        cmocka_unit_test(test_a_lock_that_the_uploading_process_never_sampled),
        cmocka_unit_test(test_both_a_second_process_and_the_way),
        cmocka_unit_test(test_a_failure_and_a_second_process),
        cmocka_unit_test(test_without_the_upload_the_way_may_be_to_blame),
        cmocka_unit_test(test_never_sampled_although_all_is_captured),
        cmocka_unit_test(test_a_rate_is_no_suspect_where_the_control_lacks_the_lock),
        cmocka_unit_test(test_a_profiler_that_did_not_start),
        cmocka_unit_test(test_who_dropped_a_profile),
        cmocka_unit_test(test_where_a_label_was_dropped),
        cmocka_unit_test(test_nothing_came_to_a_stage_behind),
        cmocka_unit_test(test_the_name_is_at_another_site),
        cmocka_unit_test(test_the_name_of_an_undersampled_lock_is_at_another_site),
        cmocka_unit_test(test_sites_are_doubted_of_missing_locks_only_and_summed_up),
        cmocka_unit_test(test_a_lost_lock_is_no_known_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
