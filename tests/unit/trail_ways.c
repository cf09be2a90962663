/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of whole uploads on the way, and several things at once. */
#include "trail_samples.h"

static const char X[] = "a.py:1:xlock";
static const char Y[] = "b.py:2:ylock";

/* Two locks of one process that uploads; each upload has 10 samples of each. */
static void start(struct flights *f, uint64_t uploads)
{
    *f = (struct flights){0};
    build_start(&f->b);
    build_lock(&f->b, "xlock", "a.py:1", "exact");
    build_lock(&f->b, "ylock", "b.py:2", "exact");
    build_process(&f->b, "p.1", ARM_UPLOAD, 1);
    build_took(&f->b, 0, 0, 10 * uploads);
    build_took(&f->b, 0, 1, 10 * uploads);
}

static struct samples content(void)
{
    struct samples s = {0};
    samples_add(&s, X, 10);
    samples_add(&s, Y, 10);
    return s;
}

static void relabel(struct samples *s, const char *from, const char *to, size_t first, size_t most)
{
    for (size_t i = first; i < s->count && most > 0; i++) {
        if (s->items[i].there && s->items[i].label == from) {
            s->items[i].label = to;
            most--;
        }
    }
}

static void drop(struct samples *s, size_t first, size_t most)
{
    for (size_t i = first; i < s->count && i < first + most; i++) {
        s->items[i].there = false;
    }
}

/* One upload with its bytes at one stage; the time tells which it is. */
static size_t send(struct flights *f, enum stage stage, int upload, const struct samples *s, const char *hash,
                   int answered)
{
    size_t copy = flights_copy(f, stage, 0, s, hash, 100 + 10 * upload);
    f->b.copies[copy].copy.answered = answered;
    return copy;
}

/* --- lost --------------------------------------------------------------------------------------------------------- */

static void test_what_the_senders_of_lost_uploads_were_told(void **state)
{
    static const struct {
        int told[2];
        const char *words;
    } cases[] = {
        {{200, 200}, ": their senders were told 200"},
        {{503, 503}, ": their senders were told 503"},
        {{202, 503}, ": their senders were told 202 or 503"},
        {{0, 200}, ": their senders were told nothing or 200"},
        {{0, 0}, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct flights f;
        struct samples s = content();
        char evidence[512];
        start(&f, 3);
        for (int upload = 0; upload < 3; upload++) {
            send(&f, STAGE_AGENT, upload, &s, NULL, upload > 0 ? cases[i].told[upload - 1] : 200);
        }
        send(&f, STAGE_BACKEND, 0, &s, NULL, 0);
        const struct trail_result *r = flights_judge(&f);
        snprintf(evidence, sizeof evidence,
                 "agent has 'a.py:1:xlock' in 20 of 30 samples (copies/agent/p.1.2.pprof), backend has no copy of 2 "
                 "uploads with it%s",
                 cases[i].words);
        expect_lost(r, 0, STAGE_BACKEND, MECHANISM_PROFILE_DROPPED, evidence);
        expect_state(r, 0, STAGE_BACKEND, STATE_EXACT);
        snprintf(evidence, sizeof evidence,
                 "p.1: backend has no copy of 2 of its uploads (copies/agent/p.1.2.pprof ...)%s", cases[i].words);
        assert_string_equal(r->locks[0].loss.common, evidence);
        assert_int_equal(r->locks[1].loss.group, 0);
        flights_end(&f);
    }
}

static void test_one_upload_lost(void **state)
{
    struct flights f;
    struct samples s = content();
    (void)state;
    start(&f, 2);
    send(&f, STAGE_UPLOAD, 0, &s, NULL, 503);
    send(&f, STAGE_UPLOAD, 1, &s, NULL, 200);
    send(&f, STAGE_AGENT, 1, &s, NULL, 0);
    expect_lost(flights_judge(&f), 0, STAGE_AGENT, MECHANISM_PROFILE_DROPPED,
                "upload has 'a.py:1:xlock' in 10 of 20 samples (copies/upload/p.1.1.pprof), agent has no copy of that: "
                "its sender was told 503");
    flights_end(&f);
}

static void test_every_upload_lost(void **state)
{
    (void)state;
    for (int pairs = 0; pairs < 2; pairs++) {
        struct flights f;
        struct samples s = content();
        start(&f, 2);
        for (int upload = 0; upload < 2; upload++) {
            send(&f, STAGE_UPLOAD, upload, &s, NULL, 200);
            if (pairs) {
                send(&f, STAGE_AGENT, upload, &s, NULL, 200);
            }
        }
        f.b.input.stage_ran[STAGE_BACKEND] = true;
        const struct trail_result *r = flights_judge(&f);
        expect_lost(r, 0, STAGE_BACKEND, MECHANISM_PROFILE_DROPPED,
                    pairs ? "agent has 'a.py:1:xlock' in 20 samples (copies/agent/p.1.1.pprof), backend has no copy of "
                            "p.1: their senders were told 200"
                          : "upload has 'a.py:1:xlock' in 20 samples (copies/upload/p.1.1.pprof), backend has no copy "
                            "of p.1: their senders were told 200");
        expect_state(r, 0, STAGE_BACKEND, STATE_ABSENT);
        flights_end(&f);
    }
}

/* A process that was killed has sent less than it wrote, or written less than it sent; behind the upload that does not
 * matter any more. */
static void test_an_unfinished_process(void **state)
{
    static const struct {
        enum stage first;
        bool at_first; /* the second upload is missing at the first stage, else at the second */
        bool unfinished, lost;
    } cases[] = {
        {STAGE_COLLECTOR, true, true, false},  {STAGE_COLLECTOR, false, true, false},
        {STAGE_COLLECTOR, false, false, true}, {STAGE_UPLOAD, false, true, true},
        {STAGE_UPLOAD, false, false, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct flights f;
        start(&f, 2);
        f.b.ledger.instances[0].arm = ARM_TEE;
        f.b.ledger.instances[0].unfinished = cases[i].unfinished;
        for (int upload = 0; upload < 2; upload++) {
            struct samples s = content();
            samples_add(&s, "q.py:1", (size_t)upload);
            for (enum stage stage = cases[i].first; stage <= cases[i].first + 1; stage++) {
                if (upload == 0 || cases[i].at_first != (stage == cases[i].first)) {
                    send(&f, stage, upload, &s, upload ? "h1" : "h0", 0);
                }
            }
        }
        const struct trail_result *r = flights_judge(&f);
        if (r->locks[0].lost != cases[i].lost) {
            fail_msg("case %zu: %s", i, r->locks[0].lost ? r->locks[0].loss.evidence : "kept");
        }
        flights_end(&f);
    }
}

/* --- too many ----------------------------------------------------------------------------------------------------- */

static void test_a_doubled_upload(void **state)
{
    (void)state;
    for (int changed = 0; changed < 2; changed++) {
        struct flights f;
        struct samples s = content();
        start(&f, 1);
        send(&f, STAGE_UPLOAD, 0, &s, "h", 200);
        send(&f, STAGE_AGENT, 0, &s, "h", 200);
        relabel(&s, X, "a.py:1:xl", 0, changed ? SAMPLES_MAX : 0);
        send(&f, STAGE_AGENT, 0, &s, changed ? "g" : "h", 200);
        const struct trail_result *r = flights_judge(&f);
        expect_lost(r, 0, STAGE_AGENT, MECHANISM_DUPLICATED,
                    changed
                        ? "agent has the same upload twice: copies/agent/p.1.2.pprof came again, with 10 samples of "
                          "'a.py:1:xl'"
                        : "agent has the same upload twice: copies/agent/p.1.2.pprof came again, with 10 samples of "
                          "'a.py:1:xlock'");
        expect_lost(r, 1, STAGE_AGENT, MECHANISM_DUPLICATED,
                    "agent has the same upload twice: copies/agent/p.1.2.pprof came again, with 10 samples of "
                    "'b.py:2:ylock'");
        assert_int_equal(r->locks[1].stages[STAGE_AGENT].samples, 20);
        assert_string_equal(r->locks[1].loss.common,
                            "p.1: agent has the same upload twice: copies/agent/p.1.2.pprof came again");
        flights_end(&f);
    }
}

/* What was doubled before is not doubled again, and may be brought together again. */
static void test_a_doubled_upload_behind(void **state)
{
    (void)state;
    for (int twice = 0; twice < 2; twice++) {
        struct flights f;
        struct samples s = content();
        start(&f, 1);
        send(&f, STAGE_UPLOAD, 0, &s, "h", 200);
        for (int i = 0; i < 2; i++) {
            send(&f, STAGE_AGENT, 0, &s, "h", 200);
        }
        for (int i = 0; i < 1 + twice; i++) {
            send(&f, STAGE_BACKEND, 0, &s, "h", 0);
        }
        const struct trail_result *r = flights_judge(&f);
        assert_int_equal(r->locks[0].loss.stage, STAGE_AGENT);
        expect_later(r, 0, "");
        flights_end(&f);
    }
}

static void test_an_upload_that_was_sent_again(void **state)
{
    static const struct {
        int uploads[3], agents[3]; /* what each sender was told; -1: no copy */
        bool lost;
    } cases[] = {
        {{503, 200, -1}, {200, -1, -1}, false},    {{503, 200, -1}, {200, 200, -1}, false},
        {{503, 503, 200}, {503, 503, 200}, false}, {{200, -1, -1}, {502, 200, -1}, false},
        {{200, -1, -1}, {200, 200, -1}, true},     {{503, 503, 503}, {-1, -1, -1}, true},
        {{503, 200, -1}, {200, 200, 200}, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct flights f;
        struct samples s = content();
        start(&f, 2);
        for (size_t k = 0; k < 3; k++) {
            if (cases[i].uploads[k] >= 0) {
                send(&f, STAGE_UPLOAD, 0, &s, "h", cases[i].uploads[k]);
            }
            if (cases[i].agents[k] >= 0) {
                send(&f, STAGE_AGENT, 0, &s, "h", cases[i].agents[k]);
            }
        }
        struct samples other = content();
        samples_add(&other, "q.py:1", 1);
        send(&f, STAGE_UPLOAD, 1, &other, "g", 200);
        send(&f, STAGE_AGENT, 1, &other, "g", 200);
        const struct trail_result *r = flights_judge(&f);
        if (r->locks[0].lost != cases[i].lost) {
            fail_msg("case %zu: %s", i, r->locks[0].lost ? r->locks[0].loss.evidence : "kept");
        }
        assert_int_equal(r->locks[0].stages[STAGE_UPLOAD].samples, 20); /* once */
        flights_end(&f);
    }
}

static void test_an_upload_that_was_never_sent(void **state)
{
    struct flights f;
    struct samples s = content();
    (void)state;
    start(&f, 1);
    send(&f, STAGE_UPLOAD, 0, &s, NULL, 200);
    send(&f, STAGE_AGENT, 0, &s, NULL, 0);
    send(&f, STAGE_AGENT, 7, &s, NULL, 0);
    expect_lost(flights_judge(&f), 0, STAGE_AGENT, MECHANISM_DUPLICATED,
                "agent has an upload that upload has not: copies/agent/p.1.2.pprof, with 10 samples of 'a.py:1:xlock'");
    flights_end(&f);
}

/* --- merged and split --------------------------------------------------------------------------------------------- */

static size_t send_span(struct flights *f, enum stage stage, int64_t from, int64_t to, const struct samples *s)
{
    size_t copy = flights_copy(f, stage, 0, s, NULL, from);
    f->b.copies[copy].copy.end_ns = to;
    return copy;
}

static void test_merged_and_split_uploads(void **state)
{
    (void)state;
    for (int split = 0; split < 2; split++) {
        for (int damage = 0; damage < 3; damage++) {
            struct flights f;
            struct samples part = content(), whole = {0};
            samples_add(&whole, X, 20);
            samples_add(&whole, damage == 1 ? "b.py:2" : damage == 2 ? NULL : Y, 20);
            start(&f, 3);
            struct samples other = content();
            send_span(&f, STAGE_UPLOAD, 300, 310, &other);
            send_span(&f, STAGE_AGENT, 300, 310, &other);
            struct samples changed = part;
            relabel(&changed, Y, damage == 1 ? "b.py:2" : damage == 2 ? NULL : Y, 0, SAMPLES_MAX);
            if (split) {
                relabel(&whole, damage == 1 ? "b.py:2" : damage == 2 ? NULL : Y, Y, 0, SAMPLES_MAX);
                for (size_t i = 20; i < 40; i++) {
                    whole.items[i].label = Y;
                }
                send_span(&f, STAGE_UPLOAD, 100, 120, &whole);
                send_span(&f, STAGE_AGENT, 100, 110, &changed);
                send_span(&f, STAGE_AGENT, 110, 120, &changed);
            } else {
                send_span(&f, STAGE_UPLOAD, 100, 110, &part);
                send_span(&f, STAGE_UPLOAD, 110, 120, &part);
                send_span(&f, STAGE_AGENT, 100, 120, &whole);
            }
            const struct trail_result *r = flights_judge(&f);
            expect_kept(r, 0);
            assert_int_equal(r->locks[1].lost, damage > 0);
            if (damage > 0) {
                assert_string_equal(mechanism_name(r->locks[1].loss.mechanism),
                                    damage == 1 ? "value_rewritten" : "label_dropped");
            }
            flights_end(&f);
        }
    }
}

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
        send(&f, stage, 0, &s, NULL, 0);
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
        cmocka_unit_test(test_what_the_senders_of_lost_uploads_were_told),
        cmocka_unit_test(test_one_upload_lost),
        cmocka_unit_test(test_every_upload_lost),
        cmocka_unit_test(test_an_unfinished_process),
        cmocka_unit_test(test_a_doubled_upload),
        cmocka_unit_test(test_a_doubled_upload_behind),
        cmocka_unit_test(test_an_upload_that_was_sent_again),
        cmocka_unit_test(test_an_upload_that_was_never_sent),
        cmocka_unit_test(test_merged_and_split_uploads),
        cmocka_unit_test(test_several_mechanisms_at_one_hop),
        cmocka_unit_test(test_two_faults_at_two_hops),
        cmocka_unit_test(test_later_losses_without_pairs),
        cmocka_unit_test(test_swapped_and_back),
        cmocka_unit_test(test_names_of_any_bytes),
        cmocka_unit_test(test_renamed_sample_types_lose_no_name),
        cmocka_unit_test(test_nameless_releases_behind_renamed_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
