/* SPDX-License-Identifier: Apache-2.0 */
/* Acquires between uploads, of processes that end, are killed, have children. */
#include "soak_fixture.h"

static void declare_shared(struct soak_fixture *f)
{
    soak_say(f, NAME,
             "{\"type\":\"lock\",\"id\":\"forks/shared\",\"name\":\"shared\",\"pattern\":\"forks\",\"site\":"
             "\"forks.py:5\",\"rendering\":\"exact\"}");
}

static void say_shared(struct soak_fixture *f, double at_s, unsigned session, unsigned shared)
{
    char *text = mem_printf("{\"type\":\"progress\",\"phase\":\"forks\",\"done\":0.5,\"at\":%lld,\"acquires\":"
                            "{\"member/session\":%u,\"forks/shared\":%u}}",
                            (long long)(f->began_ns + (int64_t)(at_s * 1e9)), session, shared);
    soak_say(f, NAME, text);
    free(text);
}

static void send_of(struct soak_fixture *f, char *pid, double start_s, double end_s, const char *samples)
{
    struct soak_upload u = soak_make(start_s, end_s, samples);
    u.pid = pid;
    u.runtime_id = pid;
    soak_send(f, STAGE_UPLOAD, &u);
    soak_settle(f);
    buf_fini(&u.bytes);
}

static void acquires_between_two_uploads_are_missed(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin_two("100");
    soak_count(f, 0.1, 0, 0);
    soak_count(f, 10.1, 50, 50);
    soak_pass(f, STAGE_UPLOAD, 0, 10, SOAK_BOTH);
    soak_count(f, 20.1, 100, 100);
    soak_pass(f, STAGE_UPLOAD, 10, 20, "member.py:12:session=50 member.py:14:cache=43");
    soak_count(f, 29.9, 150, 150);
    soak_pass(f, STAGE_UPLOAD, 20, 30, SOAK_BOTH);
    soak_end_life(f, false);
    soak_expect_groups(f, "member/cache samples_dropped at upload in 1");
    assert_int_equal(soak_process(f)->gap_acquires, 7);
    assert_int_equal(soak_process(f)->acquires, 300);
    assert_int_equal(soak_process(f)->seen, 293);
    soak_end(f);
}

static void acquires_in_two_uploads_are_doubled(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin_two("100");
    soak_count(f, 0.1, 0, 0);
    soak_count(f, 9.9, 50, 50);
    soak_pass(f, STAGE_UPLOAD, 0, 10, "member.py:12:session=50 member.py:14:cache=58");
    soak_end_life(f, false);
    soak_expect_groups(f, "member/cache duplicated at upload in 1");
    assert_int_equal(soak_process(f)->doubled_acquires, 8);
    soak_end(f);
}

static void what_a_killed_process_had_not_sent_is_cut(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin_two("100");
    soak_count(f, 0.1, 0, 0);
    soak_count(f, 10.1, 50, 50);
    soak_pass(f, STAGE_UPLOAD, 0, 10, SOAK_BOTH);
    soak_count(f, 19, 80, 90);
    soak_judge_life_over(f->judge, NAME, true);
    soak_judge_life(f->judge, NAME); /* whose counts begin at 0 */
    f->began_ns += INT64_C(100000000000);
    f->now_ms += 2000;
    soak_judge_tick(f->judge);
    assert_int_equal(soak_process(f)->cut_acquires, 70);
    soak_count(f, 0.1, 0, 0);
    soak_count(f, 9.9, 50, 50);
    soak_pass(f, STAGE_UPLOAD, 0, 10, SOAK_BOTH);
    soak_end_life(f, false);
    soak_expect_groups(f, "");
    assert_int_equal(soak_process(f)->acquires, 270);
    soak_end(f);
}

static void a_last_upload_that_is_still_under_way_belongs_to_its_life(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin("100", STAGE_AGENT);
    soak_declare(f, NAME, "session", 12);
    soak_declare(f, NAME, "cache", 14);
    soak_count(f, 0.1, 0, 0);
    soak_count(f, 9.9, 50, 50);
    struct soak_upload u = soak_make(0, 10, SOAK_BOTH);
    soak_send(f, STAGE_UPLOAD, &u);
    soak_say_done(f);
    soak_judge_life_over(f->judge, NAME, false);
    f->now_ms += 3000;
    soak_judge_tick(f->judge);
    soak_send(f, STAGE_AGENT, &u);
    soak_settle(f);
    soak_judge_tick(f->judge);
    soak_expect_groups(f, "");
    assert_int_equal(soak_process(f)->uploads.good, 1);
    buf_fini(&u.bytes);
    soak_end(f);
}

/* Forked children take a lock too, and the parent counts what they do at once. */
static void uploads_of_children_are_held_against_the_sum_at_the_end(void **state)
{
    static const struct {
        unsigned done;
        const char *groups;
    } cases[] = {
        {20, ""},
        {25, "forks/shared samples_dropped at upload in 1"},
        {17, "forks/shared duplicated at upload in 1"},
    };
    static char parent[] = "77", first[] = "78", second[] = "79";
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct soak_fixture *f = soak_begin_two("100");
        soak_say(f, NAME, "{\"type\":\"hello\",\"runtime\":\"ddtrace\",\"version\":\"4\",\"pid\":77,\"protocol\":1}");
        declare_shared(f);
        say_shared(f, 0.1, 0, 0);
        send_of(f, first, 2, 9, "forks.py:5:shared=5"); /* the first of all is a child's */
        say_shared(f, 9.5, 50, 11);
        send_of(f, parent, 0, 10, "member.py:12:session=50");
        say_shared(f, 10.5, 50, 11);
        send_of(f, second, 5, 12, "forks.py:5:shared=15");
        say_shared(f, 19.5, 90, cases[i].done);
        send_of(f, parent, 10, 20, "member.py:12:session=40");
        say_shared(f, 20.5, 90, cases[i].done);
        soak_expect_groups(f, "");
        soak_end_life(f, false);
        soak_expect_groups(f, cases[i].groups);
        assert_int_equal(soak_process(f)->uploads.good, 4);
        assert_int_equal(soak_process(f)->interval.count, 1);
        soak_end(f);
    }
}

static void absence_of_the_parents_own_locks_is_found_beside_children(void **state)
{
    static char parent[] = "77", child[] = "78";
    (void)state;
    struct soak_fixture *f = soak_begin_two("10");
    soak_say(f, NAME, "{\"type\":\"hello\",\"runtime\":\"ddtrace\",\"version\":\"4\",\"pid\":77,\"protocol\":1}");
    declare_shared(f);
    soak_count(f, 1.1, 0, 0);
    say_shared(f, 4.9, 1000, 1000); /* the children's */
    send_of(f, child, 2, 9, "forks.py:5:shared=5");
    send_of(f, parent, 0, 10, SOAK_CACHE);
    send_of(f, child, 9, 10, "forks.py:5:shared=5");
    soak_expect_groups(f, "member/session never_sampled at upload in 1");
    soak_end(f);
}

static void what_others_children_do_is_not_held_against_anything(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin("100", STAGE_UPLOAD);
    static char parent[] = "77", child[] = "78";
    /* A command that speaks: its lines may count children, or not. */
    f->scenario->workers[0].runtime = RUNTIME_COMMAND;
    soak_declare(f, NAME, "session", 12);
    soak_say(f, NAME, "{\"type\":\"hello\",\"runtime\":\"mine\",\"version\":\"4\",\"pid\":77,\"protocol\":1}");
    say_shared(f, 0.1, 0, 0);
    send_of(f, child, 2, 9, "member.py:99:other=5");
    say_shared(f, 9.5, 50, 0);
    send_of(f, parent, 0, 10, "member.py:99:other=5");
    soak_end_life(f, false);
    soak_expect_groups(f, "");
    soak_end(f);
}

/* Judged when they have come to the last stage, which need not be in their order. */
static void accounts_take_uploads_in_their_order(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin("100", STAGE_AGENT);
    soak_declare(f, NAME, "session", 12);
    soak_declare(f, NAME, "cache", 14);
    struct soak_upload u[4];
    for (int i = 0; i < 4; i++) {
        u[i] = soak_make(10 * i, 10 * i + 10, SOAK_BOTH);
        soak_count(f, 10 * i + 0.2, 50 * (unsigned)i, 50 * (unsigned)i);
        soak_count(f, 10 * i + 9.8, 50 * (unsigned)i + 50, 50 * (unsigned)i + 50);
        soak_send(f, STAGE_UPLOAD, &u[i]);
    }
    soak_count(f, 41, 200, 200);
    for (int i = 3; i >= 0; i--) {
        soak_send(f, STAGE_AGENT, &u[i]);
        soak_settle(f);
        buf_fini(&u[i].bytes);
    }
    soak_count(f, 42, 200, 200);
    soak_expect_groups(f, "");
    soak_end_life(f, false);
    soak_expect_groups(f, "");
    assert_int_equal(soak_process(f)->uploads.good, 4);
    soak_end(f);
}

/* What was done after the last line of one that died is in its last upload, and nothing is doubled for that. */
static void the_last_line_of_a_killed_process_is_not_all_that_it_did(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin_two("100");
    soak_count(f, 0.1, 0, 0);
    soak_count(f, 9.8, 48, 50);
    soak_pass(f, STAGE_UPLOAD, 0, 10, SOAK_BOTH);
    soak_end_life(f, true);
    soak_expect_groups(f, "");
    assert_int_equal(soak_process(f)->cut_acquires, 0);
    soak_end(f);
}

/* What is in an upload that nobody could read is not held to be missing. */
static void an_upload_that_cannot_be_read_ends_the_account(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin_two("100");
    soak_count(f, 0.1, 0, 0);
    soak_count(f, 9.8, 50, 50);
    struct soak_upload u = soak_make(0, 10, SOAK_BOTH);
    u.bytes.size /= 2;
    soak_send(f, STAGE_UPLOAD, &u);
    soak_settle(f);
    soak_count(f, 19.8, 100, 100);
    soak_pass(f, STAGE_UPLOAD, 10, 20, SOAK_BOTH);
    soak_count(f, 20.2, 100, 100);
    soak_end_life(f, false);
    soak_expect_groups(f, " profile_corrupt at upload in 1");
    buf_fini(&u.bytes);
    soak_end(f);
}

/* Its counters were read at the beginning of the time that it says that it covers. */
static void a_profiler_that_stands_still_behind_its_counters_is_believed(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin_two("100");
    soak_count(f, 0.1, 0, 0);
    soak_count(f, 9.8, 50, 50);
    soak_pass(f, STAGE_UPLOAD, 0, 10, SOAK_BOTH);
    soak_count(f, 10.08, 150, 150);
    soak_pass(f, STAGE_UPLOAD, 10, 11.2, SOAK_CACHE);
    soak_count(f, 11.3, 150, 150);
    soak_count(f, 14, 150, 150);
    soak_expect_groups(f, "");
    soak_end(f);
}

static void a_gap_says_when(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin_two("100");
    soak_count(f, 0.1, 0, 0);
    soak_count(f, 9.8, 50, 50);
    soak_pass(f, STAGE_UPLOAD, 0, 10, SOAK_BOTH);
    soak_count(f, 10.2, 50, 50);
    soak_count(f, 24.9, 144, 144); /* the second of three uploads has not come */
    soak_pass(f, STAGE_UPLOAD, 20, 30, SOAK_BOTH);
    assert_int_equal(f->record.loss_count, 0);
    soak_count(f, 30.2, 150, 150);
    soak_expect_groups(f, "member/session samples_dropped at upload in 1\nmember/cache samples_dropped at upload in 1");
    assert_string_equal(f->record.losses[0].evidence,
                        "at least 44 acquires of python.1.upload are in no upload, and each is to be sampled: it says "
                        "that it did 150, its uploads have 100 (as of upload 2)");
    char start[INTAKE_TIME_TEXT_SIZE], end[INTAKE_TIME_TEXT_SIZE];
    soak_time_text(f, 9, start);
    soak_time_text(f, 30, end);
    assert_string_equal(f->record.losses[0].start, start);
    assert_string_equal(f->record.losses[0].end, end);
    soak_end(f);
}

/* 50 more of both in each ten seconds until `until_s`. */
static void go_on(struct soak_fixture *f, double from_s, double until_s, unsigned *done)
{
    for (double at = from_s; at < until_s; at += 10) {
        *done += 50;
        soak_count(f, at + 9.9, *done, *done);
        soak_pass(f, STAGE_UPLOAD, at, at + 10, SOAK_BOTH);
    }
}

static void a_clock_that_is_set_back_makes_no_losses(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin_two("100");
    unsigned done = 0;
    soak_count(f, 80.1, 0, 0);
    go_on(f, 80, 120, &done);
    soak_count(f, 122, done, done);
    soak_set_back(f, 60);
    go_on(f, 62, 152, &done);
    soak_end_life(f, false);
    soak_expect_groups(f, "");
    assert_int_equal(soak_process(f)->uploads.good, 13);
    assert_int_equal(soak_process(f)->acquires, soak_process(f)->seen);
    soak_end(f);
}

static void a_clock_that_goes_on_is_not_set_back(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin_two("100");
    unsigned done = 0;
    soak_count(f, 0.1, 0, 0);
    soak_set_back(f, 0.04); /* as much as is open anyway */
    soak_set_back(f, -3600);
    go_on(f, 3600, 3620, &done);
    soak_count(f, 3629.9, 150, 150);
    soak_pass(f, STAGE_UPLOAD, 3620, 3630, "member.py:12:session=50 member.py:14:cache=43");
    soak_end_life(f, false);
    soak_expect_groups(f, "member/cache samples_dropped at upload in 1");
    assert_int_equal(soak_process(f)->gap_acquires, 7);
    soak_end(f);
}

static void a_life_that_is_closed_early_is_not_held_against_what_is_under_way(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin("100", STAGE_AGENT);
    soak_declare(f, NAME, "session", 12);
    soak_declare(f, NAME, "cache", 14);
    soak_count(f, 0.1, 0, 0);
    soak_count(f, 9.9, 50, 50);
    struct soak_upload u = soak_make(0, 10, SOAK_BOTH);
    soak_send(f, STAGE_UPLOAD, &u);
    soak_say_done(f);
    for (int i = 0; i < 16; i++) { /* as many as are followed at a time */
        soak_judge_life_over(f->judge, NAME, false);
        soak_judge_life(f->judge, NAME);
    }
    soak_send(f, STAGE_AGENT, &u);
    soak_settle(f);
    soak_expect_groups(f, "");
    assert_int_equal(soak_process(f)->uploads.good, 1);
    buf_fini(&u.bytes);
    soak_end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acquires_between_two_uploads_are_missed),
        cmocka_unit_test(acquires_in_two_uploads_are_doubled),
        cmocka_unit_test(what_a_killed_process_had_not_sent_is_cut),
        cmocka_unit_test(a_last_upload_that_is_still_under_way_belongs_to_its_life),
        cmocka_unit_test(uploads_of_children_are_held_against_the_sum_at_the_end),
        cmocka_unit_test(absence_of_the_parents_own_locks_is_found_beside_children),
        cmocka_unit_test(what_others_children_do_is_not_held_against_anything),
        cmocka_unit_test(accounts_take_uploads_in_their_order),
        cmocka_unit_test(the_last_line_of_a_killed_process_is_not_all_that_it_did),
        cmocka_unit_test(an_upload_that_cannot_be_read_ends_the_account),
        cmocka_unit_test(a_profiler_that_stands_still_behind_its_counters_is_believed),
        cmocka_unit_test(a_gap_says_when),
        cmocka_unit_test(a_clock_that_is_set_back_makes_no_losses),
        cmocka_unit_test(a_clock_that_goes_on_is_not_set_back),
        cmocka_unit_test(a_life_that_is_closed_early_is_not_held_against_what_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
