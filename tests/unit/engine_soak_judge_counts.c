/* SPDX-License-Identifier: Apache-2.0 */
/* What processes say that they did, held against their uploads. */
#include "soak_fixture.h"

static struct soak_fixture *begin(const char *rate)
{
    struct soak_fixture *f = soak_begin(rate, STAGE_UPLOAD);
    soak_declare(f, NAME, "session", 12);
    soak_declare(f, NAME, "cache", 14);
    return f;
}

static void say_done(struct soak_fixture *f)
{
    soak_say(f, NAME, "{\"type\":\"done\",\"at\":9000000000000000000,\"acquires\":{}}");
}

static void end_life(struct soak_fixture *f, bool killed)
{
    if (!killed)
        say_done(f);
    soak_judge_life_over(f->judge, NAME, killed);
    f->now_ms += 2000;
    soak_judge_tick(f->judge);
}

#define CACHE "member.py:14:cache=50"
#define BOTH "member.py:12:session=50 member.py:14:cache=50"

static enum lock_state last_state(const struct soak_fixture *f, enum lock_state state)
{
    return f->record.locks[1].states[STAGE_UPLOAD][state];
}

static void a_lock_that_was_not_taken_is_not_absent(void **state)
{
    (void)state;
    struct soak_fixture *f = begin("100");
    soak_count(f, 0.1, 0, 0);
    soak_count(f, 9.5, 0, 50);
    soak_count(f, 11, 400, 50); /* behind the upload's end */
    soak_pass(f, STAGE_UPLOAD, 0, 10, CACHE);
    soak_expect_groups(f, "");
    assert_int_equal(last_state(f, STATE_UNDERSAMPLED), 1);
    soak_end(f);
}

static void a_lock_that_surely_was_is_absent_where_all_is_captured(void **state)
{
    (void)state;
    struct soak_fixture *f = begin("100");
    soak_count(f, 0.1, 0, 0);
    soak_count(f, 9.5, 1, 50);
    soak_pass(f, STAGE_UPLOAD, 0, 10, CACHE);
    soak_expect_groups(f, "member/session never_sampled at upload in 1");
    assert_int_equal(last_state(f, STATE_ABSENT), 1);
    soak_end(f);
}

static void counts_close_to_an_uploads_end_are_not_yet_in_it(void **state)
{
    (void)state;
    struct soak_fixture *f = begin("100");
    soak_count(f, 0.1, 0, 0);
    soak_count(f, 9.98, 1, 50); /* within ACCOUNT_SLACK_NS */
    soak_pass(f, STAGE_UPLOAD, 0, 10, CACHE);
    soak_expect_groups(f, "");
    soak_end(f);
}

static void what_was_done_before_an_upload_is_not_missed_in_it(void **state)
{
    (void)state;
    struct soak_fixture *f = begin("100");
    soak_count(f, 1, 100, 50);
    soak_count(f, 9.5, 100, 100);
    soak_pass(f, STAGE_UPLOAD, 0, 10, "member.py:12:session=100 member.py:14:cache=100");
    soak_count(f, 10.5, 100, 100);
    soak_count(f, 19.5, 100, 200);
    soak_pass(f, STAGE_UPLOAD, 10, 20, "member.py:14:cache=100");
    /* An upload is missing here, and what was done in its time is not that of the next. */
    soak_count(f, 25, 300, 300);
    soak_count(f, 30.5, 300, 300);
    soak_count(f, 39.5, 300, 300);
    soak_pass(f, STAGE_UPLOAD, 30, 40, "member.py:14:cache=1");
    assert_int_equal(last_state(f, STATE_ABSENT), 0);
    soak_end(f);
}

static void below_all_chance_decides(void **state)
{
    static const struct {
        unsigned acquires;
        enum lock_state state;
    } cases[] = {{70, STATE_UNDERSAMPLED}, {75, STATE_UNDERSAMPLED}, {80, STATE_ABSENT}};
    (void)state;
    /* exp(-n 0.1) below 0.001 / 2 for the worker's first upload: n above 76. */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct soak_fixture *f = begin("10");
        soak_count(f, 0.1, 0, 0);
        soak_count(f, 9.5, cases[i].acquires, 50);
        soak_pass(f, STAGE_UPLOAD, 0, 10, CACHE);
        assert_int_equal(last_state(f, cases[i].state), 1);
        soak_end(f);
    }
}

static void a_longer_soak_wants_more_evidence(void **state)
{
    (void)state;
    struct soak_fixture *f = begin("10");
    soak_judge_free(f->judge);
    soak_process(f)->uploads.judged = 99999; /* before a --resume */
    soak_start_judge(f, STAGE_UPLOAD);
    soak_judge_life(f->judge, NAME);
    soak_declare(f, NAME, "session", 12);
    soak_declare(f, NAME, "cache", 14);
    soak_count(f, 0.1, 0, 0);
    soak_count(f, 9.5, 290, 50); /* 0.001 / 10^10 is exp(-29.9) */
    soak_pass(f, STAGE_UPLOAD, 0, 10, CACHE);
    assert_int_equal(last_state(f, STATE_UNDERSAMPLED), 1);
    soak_count(f, 19.5, 310, 50);
    soak_pass(f, STAGE_UPLOAD, 10, 20, CACHE);
    assert_int_equal(last_state(f, STATE_ABSENT), 1);
    soak_end(f);
}

static void a_lock_that_stops_being_sampled_is_found_over_several_uploads(void **state)
{
    (void)state;
    struct soak_fixture *f = begin("10");
    unsigned told = 0;
    soak_pass(f, STAGE_UPLOAD, 0, 1, BOTH);
    for (int i = 1; i < 100; i++) {
        soak_count(f, i + 0.1, 10 * (unsigned)i, 10);
        soak_count(f, i + 0.9, 10 * (unsigned)i + 10, 10);
        soak_pass(f, STAGE_UPLOAD, i, i + 1, CACHE);
        told = told == 0 && f->record.loss_count > 0 ? (unsigned)i : told;
    }
    /* About ln(1000 * 15 * 16) = 12.4 samples are to be expected then. */
    assert_in_range(told, 11, 16);
    soak_expect_groups(f, "member/session never_sampled at upload in 6"); /* and again, as long as it lasts */
    char *end = strstr(f->record.losses[0].evidence, "; nor have the ");
    assert_non_null(end);
    char *expected = mem_printf("; nor have the %u uploads before it", told - 1);
    assert_string_equal(end, expected);
    free(expected);
    soak_end(f);
}

static void acquires_between_two_uploads_are_missed(void **state)
{
    (void)state;
    struct soak_fixture *f = begin("100");
    soak_count(f, 0.1, 0, 0);
    soak_count(f, 10.1, 50, 50);
    soak_pass(f, STAGE_UPLOAD, 0, 10, BOTH);
    soak_count(f, 20.1, 100, 100);
    soak_pass(f, STAGE_UPLOAD, 10, 20, "member.py:12:session=50 member.py:14:cache=43");
    soak_count(f, 29.9, 150, 150);
    soak_pass(f, STAGE_UPLOAD, 20, 30, BOTH);
    end_life(f, false);
    soak_expect_groups(f, "member/cache samples_dropped at upload in 1");
    assert_int_equal(soak_process(f)->gap_acquires, 7);
    assert_int_equal(soak_process(f)->acquires, 300);
    assert_int_equal(soak_process(f)->seen, 293);
    soak_end(f);
}

static void acquires_in_two_uploads_are_doubled(void **state)
{
    (void)state;
    struct soak_fixture *f = begin("100");
    soak_count(f, 0.1, 0, 0);
    soak_count(f, 9.9, 50, 50);
    soak_pass(f, STAGE_UPLOAD, 0, 10, "member.py:12:session=50 member.py:14:cache=58");
    end_life(f, false);
    soak_expect_groups(f, "member/cache duplicated at upload in 1");
    assert_int_equal(soak_process(f)->doubled_acquires, 8);
    soak_end(f);
}

static void what_a_killed_process_had_not_sent_is_cut(void **state)
{
    (void)state;
    struct soak_fixture *f = begin("100");
    soak_count(f, 0.1, 0, 0);
    soak_count(f, 10.1, 50, 50);
    soak_pass(f, STAGE_UPLOAD, 0, 10, BOTH);
    soak_count(f, 19, 80, 90);
    soak_judge_life_over(f->judge, NAME, true);
    soak_judge_life(f->judge, NAME); /* whose counts begin at 0 */
    f->began_ns += INT64_C(100000000000);
    f->now_ms += 2000;
    soak_judge_tick(f->judge);
    assert_int_equal(soak_process(f)->cut_acquires, 70);
    soak_count(f, 0.1, 0, 0);
    soak_count(f, 9.9, 50, 50);
    soak_pass(f, STAGE_UPLOAD, 0, 10, BOTH);
    end_life(f, false);
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
    struct soak_upload u = soak_make(0, 10, BOTH);
    soak_send(f, STAGE_UPLOAD, &u);
    say_done(f);
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
        struct soak_fixture *f = begin("100");
        soak_say(f, NAME, "{\"type\":\"hello\",\"runtime\":\"ddtrace\",\"version\":\"4\",\"pid\":77,\"protocol\":1}");
        soak_say(f, NAME,
                 "{\"type\":\"lock\",\"id\":\"forks/shared\",\"name\":\"shared\",\"pattern\":\"forks\",\"site\":"
                 "\"forks.py:5\",\"rendering\":\"exact\"}");
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
        end_life(f, false);
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
    struct soak_fixture *f = begin("10");
    soak_say(f, NAME, "{\"type\":\"hello\",\"runtime\":\"ddtrace\",\"version\":\"4\",\"pid\":77,\"protocol\":1}");
    soak_count(f, 0.1, 0, 0);
    send_of(f, child, 2, 9, "forks.py:5:shared=5");
    soak_count(f, 9.5, 1000, 50);
    send_of(f, parent, 0, 10, CACHE);
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
    end_life(f, false);
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
        u[i] = soak_make(10 * i, 10 * i + 10, BOTH);
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
    end_life(f, false);
    soak_expect_groups(f, "");
    assert_int_equal(soak_process(f)->uploads.good, 4);
    soak_end(f);
}

/* What was done after the last line of one that died is in its last upload, and nothing is doubled for that. */
static void the_last_line_of_a_killed_process_is_not_all_that_it_did(void **state)
{
    (void)state;
    struct soak_fixture *f = begin("100");
    soak_count(f, 0.1, 0, 0);
    soak_count(f, 9.8, 48, 50);
    soak_pass(f, STAGE_UPLOAD, 0, 10, BOTH);
    end_life(f, true);
    soak_expect_groups(f, "");
    assert_int_equal(soak_process(f)->cut_acquires, 0);
    soak_end(f);
}

static void a_gap_says_when(void **state)
{
    (void)state;
    struct soak_fixture *f = begin("100");
    soak_count(f, 0.1, 0, 0);
    soak_count(f, 9.8, 50, 50);
    soak_pass(f, STAGE_UPLOAD, 0, 10, BOTH);
    soak_count(f, 10.2, 50, 50);
    soak_count(f, 29.8, 150, 150); /* the second of three uploads has not come */
    soak_pass(f, STAGE_UPLOAD, 20, 30, BOTH);
    assert_int_equal(f->record.loss_count, 0);
    soak_count(f, 30.2, 150, 150);
    soak_expect_groups(f, "member/session samples_dropped at upload in 1\nmember/cache samples_dropped at upload in 1");
    assert_string_equal(f->record.losses[0].evidence,
                        "at least 50 acquires of python.1.upload are in no upload, and each is to be sampled: it says "
                        "that it did 150, its uploads have 100 (as of upload 2)");
    char start[INTAKE_TIME_TEXT_SIZE], end[INTAKE_TIME_TEXT_SIZE];
    soak_time_text(f, 10, start);
    soak_time_text(f, 30, end);
    assert_string_equal(f->record.losses[0].start, start);
    assert_string_equal(f->record.losses[0].end, end);
    soak_end(f);
}

static void lines_without_a_time_say_only_how_much(void **state)
{
    (void)state;
    struct soak_fixture *f = begin("100");
    soak_say(f, NAME, "{\"type\":\"progress\",\"phase\":\"member\",\"done\":0.5,\"acquires\":{\"member/session\":7}}");
    soak_pass(f, STAGE_UPLOAD, 0, 10, CACHE);
    soak_judge_life_over(f->judge, NAME, false);
    assert_int_equal(soak_process(f)->acquires, 7);
    assert_int_equal(last_state(f, STATE_ABSENT), 0);
    soak_end(f);
}

static void counts_that_fall_are_a_problem(void **state)
{
    (void)state;
    struct soak_fixture *f = begin("100");
    soak_count(f, 1, 7, 0);
    soak_count(f, 2, 6, 0);
    assert_int_equal(f->record.problem_count, 1);
    assert_string_equal(f->record.problems[0].text, "lock member/session: acquires fell from 7 to 6");
    assert_int_equal(soak_process(f)->acquires, 7);
    soak_end(f);
}

static void a_later_life_declares_the_same_locks(void **state)
{
    (void)state;
    struct soak_fixture *f = begin("100");
    soak_judge_life(f->judge, NAME);
    soak_declare(f, NAME, "session", 12);
    soak_say(f, NAME, "{\"type\":\"site\",\"id\":\"member/session\",\"site\":\"member.py:44\"}");
    assert_int_equal(f->record.problem_count, 0);
    soak_declare(f, NAME, "cache", 15);
    soak_declare(f, NAME, "fresh", 16);
    soak_say(f, NAME, "{\"type\":\"site\",\"id\":\"member/none\",\"site\":\"member.py:44\"}");
    assert_int_equal(f->record.problem_count, 3);
    assert_string_equal(f->record.problems[0].who, NAME);
    assert_string_equal(f->record.problems[0].text,
                        "worker python: lock member/cache is declared twice with another site");
    assert_string_equal(f->record.problems[1].text,
                        "a later life declares the lock member/fresh, which the first one did not");
    assert_string_equal(f->record.problems[2].text, "says a site of member/none, which it has not declared");
    assert_int_equal(f->record.lock_count, 4);
    soak_end(f);
}

static void a_site_that_is_said_later_is_known_from_then_on(void **state)
{
    (void)state;
    struct soak_fixture *f = begin("10");
    soak_pass(f, STAGE_UPLOAD, 0, 10, "member.py:44:session=50");
    assert_int_equal(last_state(f, STATE_EXACT), 0);
    soak_say(f, NAME, "{\"type\":\"site\",\"id\":\"member/session\",\"site\":\"member.py:44\"}");
    soak_pass(f, STAGE_UPLOAD, 10, 20, "member.py:44:session=50");
    assert_int_equal(last_state(f, STATE_EXACT), 1);
    soak_end(f);
}

static void a_silent_command_is_judged_by_the_scenarios_locks(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin("10", STAGE_UPLOAD);
    struct soak_upload u = soak_make(0, 10, "shop.c:3:cart=5");
    u.instance = "silent.1.upload";
    soak_judge_life(f->judge, u.instance);
    soak_send(f, STAGE_UPLOAD, &u);
    soak_settle(f);
    assert_string_equal(f->record.locks[0].id, "cart");
    assert_int_equal(f->record.locks[0].states[STAGE_UPLOAD][STATE_EXACT], 1);
    assert_int_equal(f->record.processes[2].uploads.good, 1);
    buf_fini(&u.bytes);
    soak_end(f);
}

static void a_resumed_soak_goes_on_with_the_records_locks(void **state)
{
    (void)state;
    struct soak_fixture *f = begin("10");
    soak_pass(f, STAGE_UPLOAD, 0, 10, BOTH);
    soak_finish(f, false);
    soak_judge_free(f->judge);
    f->finished = false;
    soak_start_judge(f, STAGE_UPLOAD);
    soak_judge_life(f->judge, NAME);
    soak_declare(f, NAME, "cache", 14);
    soak_declare(f, NAME, "session", 12);
    f->began_ns = soak_wall_ns();
    soak_pass(f, STAGE_UPLOAD, 0, 10, BOTH);
    assert_int_equal(f->record.lock_count, 3);
    assert_int_equal(last_state(f, STATE_EXACT), 2);
    assert_int_equal(f->record.problem_count, 0);
    soak_end(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lock_that_was_not_taken_is_not_absent),
        cmocka_unit_test(a_lock_that_surely_was_is_absent_where_all_is_captured),
        cmocka_unit_test(counts_close_to_an_uploads_end_are_not_yet_in_it),
        cmocka_unit_test(what_was_done_before_an_upload_is_not_missed_in_it),
        cmocka_unit_test(below_all_chance_decides),
        cmocka_unit_test(a_longer_soak_wants_more_evidence),
        cmocka_unit_test(a_lock_that_stops_being_sampled_is_found_over_several_uploads),
        cmocka_unit_test(acquires_between_two_uploads_are_missed),
        cmocka_unit_test(acquires_in_two_uploads_are_doubled),
        cmocka_unit_test(what_a_killed_process_had_not_sent_is_cut),
        cmocka_unit_test(a_last_upload_that_is_still_under_way_belongs_to_its_life),
        cmocka_unit_test(uploads_of_children_are_held_against_the_sum_at_the_end),
        cmocka_unit_test(absence_of_the_parents_own_locks_is_found_beside_children),
        cmocka_unit_test(what_others_children_do_is_not_held_against_anything),
        cmocka_unit_test(accounts_take_uploads_in_their_order),
        cmocka_unit_test(the_last_line_of_a_killed_process_is_not_all_that_it_did),
        cmocka_unit_test(a_gap_says_when),
        cmocka_unit_test(lines_without_a_time_say_only_how_much),
        cmocka_unit_test(counts_that_fall_are_a_problem),
        cmocka_unit_test(a_later_life_declares_the_same_locks),
        cmocka_unit_test(a_site_that_is_said_later_is_known_from_then_on),
        cmocka_unit_test(a_silent_command_is_judged_by_the_scenarios_locks),
        cmocka_unit_test(a_resumed_soak_goes_on_with_the_records_locks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
