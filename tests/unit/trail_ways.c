/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of whole uploads on the way: lost, too many, merged and split. */
#include "trail_way.h"

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
                            "p.1: the agent was told 200, and the client 200 before"
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

/* What an unfinished process sent and nobody has behind is absent there, with or without other uploads. */
static void test_nothing_of_an_unfinished_process_came_through(void **state)
{
    (void)state;
    for (int agent = 0; agent < 2; agent++) {
        struct flights f;
        struct samples s = content();
        start(&f, 1);
        f.b.ledger.instances[0].unfinished = true;
        send(&f, STAGE_UPLOAD, 0, &s, NULL, 200);
        if (agent) {
            send(&f, STAGE_AGENT, 0, &s, NULL, 200);
        }
        f.b.input.stage_ran[STAGE_BACKEND] = true;
        const struct trail_result *r = flights_judge(&f);
        expect_state(r, 0, STAGE_BACKEND, STATE_ABSENT);
        assert_string_equal(mechanism_name(r->locks[0].loss.mechanism), "profile_dropped");
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
        if (!cases[i].lost) {
            assert_int_equal(r->locks[0].stages[STAGE_AGENT].samples, 20);
            assert_int_equal(r->undeclared_count, 1);
        }
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
            assert_int_equal(r->locks[0].stages[STAGE_AGENT].samples, 30);
            assert_int_equal(r->undeclared_count, 0);
            assert_int_equal(r->locks[1].lost, damage > 0);
            if (damage > 0) {
                assert_string_equal(mechanism_name(r->locks[1].loss.mechanism),
                                    damage == 1 ? "value_rewritten" : "label_dropped");
            }
            flights_end(&f);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_senders_of_lost_uploads_were_told),
        cmocka_unit_test(test_one_upload_lost),
        cmocka_unit_test(test_every_upload_lost),
        cmocka_unit_test(test_an_unfinished_process),
        cmocka_unit_test(test_nothing_of_an_unfinished_process_came_through),
        cmocka_unit_test(test_a_doubled_upload),
        cmocka_unit_test(test_a_doubled_upload_behind),
        cmocka_unit_test(test_an_upload_that_was_sent_again),
        cmocka_unit_test(test_an_upload_that_was_never_sent),
        cmocka_unit_test(test_merged_and_split_uploads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
