/* SPDX-License-Identifier: Apache-2.0 */
/* What a person is shown, names without counts; and the uploads of one process sent to a second agent as well. */
#include "trail_samples.h"

static const char X[] = "a.py:1:xlock";
static const char Y[] = "b.py:2:ylock";

static void start(struct flights *f)
{
    *f = (struct flights){0};
    build_start(&f->b);
    build_lock(&f->b, "xlock", "a.py:1", "exact");
    build_lock(&f->b, "ylock", "b.py:2", "exact");
    build_process(&f->b, "p.1", ARM_UPLOAD, 1);
    build_took(&f->b, 0, 0, 10);
    build_took(&f->b, 0, 1, 20);
}

static struct samples content(void)
{
    struct samples s = {0};
    samples_add(&s, X, 10);
    samples_add(&s, Y, 20);
    return s;
}

/* A page with these names. */
static size_t show(struct flights *f, const char *const *labels, size_t count)
{
    size_t page = build_copy(&f->b, STAGE_UI, 0);
    f->of = mem_grow(f->of, page, &f->capacity, sizeof *f->of);
    f->of[page] = (struct samples){0};
    f->b.copies[page].copy.names_only = true;
    for (size_t i = 0; i < count && labels[i] != NULL; i++) {
        build_saw(&f->b, page, labels[i], 0);
    }
    return page;
}

static void send(struct flights *f, size_t process, const struct samples *s)
{
    flights_copy(f, STAGE_UPLOAD, process, s, NULL, 100);
    flights_copy(f, STAGE_BACKEND, process, s, NULL, 100);
}

static void test_what_is_shown(void **state)
{
    static const struct {
        const char *labels[4];
        enum lock_state x;
        enum mechanism mechanism; /* of x, where it is lost */
        const char *evidence;     /* NULL: kept */
        bool y_lost;
    } cases[] = {
        {{X, Y}, STATE_EXACT, 0, NULL, false},
        {{Y, "unrelated", X}, STATE_EXACT, 0, NULL, false},
        {{Y},
         STATE_ABSENT,
         MECHANISM_LABEL_DROPPED,
         "backend has 'a.py:1:xlock' in 10 samples (copies/backend/p.1.1.pprof), ui does not show it, but 1 other name "
         "(copies/ui/p.1.1.pprof)",
         false},
        {{NULL},
         STATE_ABSENT,
         MECHANISM_SAMPLES_DROPPED,
         "backend has 'a.py:1:xlock' in 10 samples (copies/backend/p.1.1.pprof), ui shows no name of a lock "
         "(copies/ui/p.1.1.pprof)",
         true},
        {{"a.py:1:xl", Y},
         STATE_ALIAS,
         MECHANISM_VALUE_TRUNCATED,
         "backend has 'a.py:1:xlock' in 10 samples (copies/backend/p.1.1.pprof), ui shows 'a.py:1:xl' "
         "(copies/ui/p.1.1.pprof): cut to 9 bytes",
         false},
        {{"A.PY:1:XLOCK", Y},
         STATE_ALIAS,
         MECHANISM_VALUE_REWRITTEN,
         "backend has 'a.py:1:xlock' in 10 samples (copies/backend/p.1.1.pprof), ui shows 'A.PY:1:XLOCK' "
         "(copies/ui/p.1.1.pprof): upper-cased",
         false},
        {{"a.py:1:quite_another", Y},
         STATE_ALIAS,
         MECHANISM_VALUE_REWRITTEN,
         "backend has 'a.py:1:xlock' in 10 samples (copies/backend/p.1.1.pprof), ui shows 'a.py:1:quite_another' "
         "(copies/ui/p.1.1.pprof): the name replaced by 'quite_another'",
         false},
        {{"lock name=a.py:1:xlock", "lock name=b.py:2:ylock"},
         STATE_ALIAS,
         MECHANISM_VALUE_REWRITTEN,
         "backend has 'a.py:1:xlock' in 10 samples (copies/backend/p.1.1.pprof), ui shows 'lock name=a.py:1:xlock' "
         "(copies/ui/p.1.1.pprof): 'lock name=' put before it",
         true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct flights f;
        struct samples s = content();
        start(&f);
        send(&f, 0, &s);
        show(&f, cases[i].labels, 4);
        const struct trail_result *r = flights_judge(&f);
        expect_state(r, 0, STAGE_UI, cases[i].x);
        assert_false(r->locks[0].stages[STAGE_UI].count_checked);
        assert_int_equal(r->locks[0].stages[STAGE_UI].samples, 0);
        assert_int_equal(r->locks[1].lost, cases[i].y_lost);
        if (cases[i].evidence != NULL) {
            expect_lost(r, 0, STAGE_UI, cases[i].mechanism, cases[i].evidence);
        } else {
            expect_kept(r, 0);
            expect_verdict(r, VERDICT_SUCCESS);
        }
        flights_end(&f);
    }
}

static void test_no_page(void **state)
{
    struct flights f;
    struct samples s = content();
    (void)state;
    start(&f);
    send(&f, 0, &s);
    f.b.input.stage_ran[STAGE_UI] = true;
    expect_lost(flights_judge(&f), 0, STAGE_UI, MECHANISM_PROFILE_DROPPED,
                "backend has 'a.py:1:xlock' in 10 samples (copies/backend/p.1.1.pprof), ui has no copy of p.1");
    flights_end(&f);
}

static void test_a_page_that_could_not_be_read(void **state)
{
    struct flights f;
    struct samples s = content();
    (void)state;
    start(&f);
    send(&f, 0, &s);
    size_t page = show(&f, NULL, 0);
    f.b.copies[page].copy.status = COPY_CORRUPT;
    f.b.copies[page].copy.why = "no answer from the browser";
    expect_lost(
        flights_judge(&f), 0, STAGE_UI, MECHANISM_PROFILE_CORRUPT,
        "backend has 'a.py:1:xlock' in 10 samples (copies/backend/p.1.1.pprof), the copy of that at ui can't be "
        "read: copies/ui/p.1.1.pprof: no answer from the browser");
    flights_end(&f);
}

/* What nobody was asked about, or nobody answered, was not looked at. */
static void test_a_name_that_nobody_answered_for(void **state)
{
    static const char *const shown[] = {Y};
    static const char *const unknown[] = {"xlock"};
    struct flights f;
    struct samples s = content();
    (void)state;
    start(&f);
    send(&f, 0, &s);
    size_t page = show(&f, shown, 1);
    f.b.copies[page].copy.unknown = unknown;
    f.b.copies[page].copy.unknown_count = 1;
    const struct trail_result *r = flights_judge(&f);
    expect_state(r, 0, STAGE_UI, STATE_NOT_RUN);
    expect_state(r, 1, STAGE_UI, STATE_EXACT);
    expect_kept(r, 0);
    flights_end(&f);
}

/* A lock that was swapped before is shown under the other's name, not right again. */
static void test_a_swap_before_is_still_one(void **state)
{
    static const char *const shown[] = {X, Y};
    struct flights f;
    struct samples s = content();
    (void)state;
    start(&f);
    flights_copy(&f, STAGE_UPLOAD, 0, &s, NULL, 100);
    for (size_t i = 0; i < s.count; i++) {
        s.items[i].label = s.items[i].label == X ? Y : X;
    }
    flights_copy(&f, STAGE_BACKEND, 0, &s, NULL, 100);
    show(&f, shown, 2);
    const struct trail_result *r = flights_judge(&f);
    assert_int_equal(r->locks[0].loss.stage, STAGE_BACKEND);
    expect_state(r, 0, STAGE_UI, STATE_ALIAS);
    assert_string_equal(r->locks[0].stages[STAGE_UI].seen_as[0].label, Y);
    expect_later(r, 0, "");
    flights_end(&f);
}

/* Releases of acquires that were not sampled stand there without a name, and are no loss. */
static void test_nameless_releases_on_the_page(void **state)
{
    static const char *const shown[] = {X, Y, "a.py:1"};
    struct flights f;
    struct samples s = content();
    (void)state;
    start(&f);
    samples_add(&s, "a.py:1", 1);
    s.items[s.count - 1].acquires = 0;
    send(&f, 0, &s);
    show(&f, shown, 3);
    const struct trail_result *r = flights_judge(&f);
    expect_state(r, 0, STAGE_UI, STATE_EXACT);
    expect_kept(r, 0);
    flights_end(&f);
}

/* --- the same uploads through a second agent ---------------------------------------------------------------------- */

static void start_mirror(struct flights *f)
{
    start(f);
    build_process(&f->b, "p.1+other", ARM_UPLOAD, 1);
    f->b.ledger.instances[1].mirror = true;
    build_took(&f->b, 1, 0, 10);
    build_took(&f->b, 1, 1, 20);
}

static void test_a_mirror_counts_once_at_the_upload(void **state)
{
    struct flights f;
    struct samples s = content();
    (void)state;
    start_mirror(&f);
    samples_add(&s, "q.py:1:undeclared", 3);
    send(&f, 0, &s);
    send(&f, 1, &s);
    const struct trail_result *r = flights_judge(&f);
    const struct stage_result *stages = r->locks[0].stages;
    assert_int_equal(stages[STAGE_DECLARED].true_acquires, 10);
    assert_int_equal(stages[STAGE_UPLOAD].true_acquires, 10);
    assert_int_equal(stages[STAGE_UPLOAD].samples, 10);
    assert_int_equal(stages[STAGE_UPLOAD].seen_as[0].samples, 10);
    assert_int_equal(stages[STAGE_BACKEND].true_acquires, 20);
    assert_int_equal(stages[STAGE_BACKEND].samples, 20);
    assert_true(stages[STAGE_UPLOAD].count_equal && stages[STAGE_BACKEND].count_equal);
    assert_int_equal(r->undeclared[0].samples[STAGE_UPLOAD], 3);
    assert_int_equal(r->undeclared[0].copies[STAGE_UPLOAD], 1);
    assert_int_equal(r->undeclared[0].samples[STAGE_BACKEND], 6);
    expect_verdict(r, VERDICT_SUCCESS);
    flights_end(&f);
}

static void test_a_loss_on_the_second_way_is_the_mirrors(void **state)
{
    struct flights f;
    struct samples s = content();
    (void)state;
    start_mirror(&f);
    send(&f, 0, &s);
    flights_copy(&f, STAGE_UPLOAD, 1, &s, NULL, 100);
    for (size_t i = 0; i < s.count; i++) {
        s.items[i].label = s.items[i].label == X ? NULL : Y;
    }
    flights_copy(&f, STAGE_BACKEND, 1, &s, NULL, 100);
    const struct trail_result *r = flights_judge(&f);
    expect_lost(r, 0, STAGE_BACKEND, MECHANISM_LABEL_DROPPED,
                "upload has 'a.py:1:xlock' in 10 samples (copies/upload/p.1+other.1.pprof), backend has no label on 10 "
                "samples (copies/backend/p.1+other.1.pprof)");
    assert_string_equal(r->locks[0].loss.common,
                        "p.1+other, in 1 copy (copies/backend/p.1+other.1.pprof): no label there");
    expect_kept(r, 1);
    flights_end(&f);
}

/* What was lost before the upload is the process's own. */
static void test_a_loss_at_the_upload_is_not_the_mirrors(void **state)
{
    struct flights f;
    struct samples s = content();
    (void)state;
    start_mirror(&f);
    s.items[0].there = false;
    send(&f, 0, &s);
    send(&f, 1, &s);
    const struct trail_result *r = flights_judge(&f);
    expect_lost(r, 0, STAGE_UPLOAD, MECHANISM_SAMPLES_DROPPED,
                "the ledger has 10 acquires by p.1, each of them sampled; upload has 9 in 1 copy "
                "(copies/upload/p.1.1.pprof)");
    expect_later(r, 0, "");
    flights_end(&f);
}

/* The same rare lock twice is no more evidence than once. */
static void test_a_mirror_is_no_further_evidence(void **state)
{
    (void)state;
    for (int mirror = 0; mirror < 2; mirror++) {
        struct flights f;
        struct samples s = {0};
        start_mirror(&f);
        samples_add(&s, Y, 20);
        f.b.ledger.instances[1].mirror = mirror;
        for (size_t p = 0; p < 2; p++) {
            f.b.ledger.instances[p].capture_rate = 0.5;
            send(&f, p, &s);
        }
        const struct trail_result *r = flights_judge(&f);
        expect_state(r, 0, STAGE_BACKEND, mirror ? STATE_UNDERSAMPLED : STATE_ABSENT);
        flights_end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_shown),
        cmocka_unit_test(test_no_page),
        cmocka_unit_test(test_a_page_that_could_not_be_read),
        cmocka_unit_test(test_a_name_that_nobody_answered_for),
        cmocka_unit_test(test_a_swap_before_is_still_one),
        cmocka_unit_test(test_nameless_releases_on_the_page),
        cmocka_unit_test(test_a_mirror_counts_once_at_the_upload),
        cmocka_unit_test(test_a_loss_on_the_second_way_is_the_mirrors),
        cmocka_unit_test(test_a_loss_at_the_upload_is_not_the_mirrors),
        cmocka_unit_test(test_a_mirror_is_no_further_evidence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
