/* SPDX-License-Identifier: Apache-2.0 */
/* What processes say that they did, held against their uploads. */
#include "soak_fixture.h"

static enum lock_state last_state(const struct soak_fixture *f, enum lock_state state)
{
    return f->record.locks[1].states[STAGE_UPLOAD][state];
}

static void a_lock_that_was_not_taken_is_not_absent(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin_two("100");
    soak_count(f, 1.1, 0, 0);
    soak_count(f, 4.9, 0, 50);
    soak_count(f, 11, 400, 50); /* behind the upload's end */
    soak_pass(f, STAGE_UPLOAD, 0, 10, SOAK_CACHE);
    soak_expect_groups(f, "");
    assert_int_equal(last_state(f, STATE_UNDERSAMPLED), 1);
    soak_end(f);
}

static void a_lock_that_surely_was_is_absent_where_all_is_captured(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin_two("100");
    soak_count(f, 1.1, 0, 0);
    soak_count(f, 4.9, 1, 50);
    soak_pass(f, STAGE_UPLOAD, 0, 10, SOAK_CACHE);
    soak_expect_groups(f, "member/session never_sampled at upload in 1");
    assert_int_equal(last_state(f, STATE_ABSENT), 1);
    soak_end(f);
}

static void counts_close_to_an_uploads_end_are_not_yet_in_it(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin_two("100");
    soak_count(f, 1.1, 0, 0);
    soak_count(f, 9.98, 1, 50); /* within ACCOUNT_SLACK_NS */
    soak_pass(f, STAGE_UPLOAD, 0, 10, SOAK_CACHE);
    soak_expect_groups(f, "");
    soak_end(f);
}

static void what_was_done_before_an_upload_is_not_missed_in_it(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin_two("100");
    soak_count(f, 1.1, 100, 50);
    soak_count(f, 4.9, 100, 100);
    soak_pass(f, STAGE_UPLOAD, 0, 10, "member.py:12:session=100 member.py:14:cache=100");
    soak_count(f, 10.5, 100, 100);
    soak_count(f, 14.9, 100, 200);
    soak_pass(f, STAGE_UPLOAD, 10, 20, "member.py:14:cache=100");
    /* An upload is missing here, and what was done in its time is not that of the next. */
    soak_count(f, 25, 300, 300);
    soak_count(f, 31.2, 300, 300);
    soak_count(f, 38.9, 300, 300);
    soak_pass(f, STAGE_UPLOAD, 30, 40, "member.py:14:cache=1");
    assert_int_equal(last_state(f, STATE_ABSENT), 0);
    soak_end(f);
}

/* What the runtime does not count one to one may be several acquires to the program and one to the profiler. */
static void a_lock_that_is_not_counted_one_to_one_wants_ten_times_as_many(void **state)
{
    (void)state;
    for (unsigned done = 9; done <= 10; done++) {
        struct soak_fixture *f = soak_begin("100", STAGE_UPLOAD);
        soak_say(f, NAME,
                 "{\"type\":\"lock\",\"id\":\"member/session\",\"name\":\"session\",\"pattern\":\"member\",\"site\":"
                 "\"member.py:12\",\"rendering\":\"exact\",\"counted\":false}");
        soak_count(f, 1.1, 0, 0);
        soak_count(f, 4.9, done, 0);
        soak_pass(f, STAGE_UPLOAD, 0, 10, SOAK_CACHE);
        assert_int_equal(last_state(f, STATE_ABSENT), done == 10);
        soak_end_life(f, false);
        assert_int_equal(soak_process(f)->gap_acquires, 0);
        soak_end(f);
    }
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
        struct soak_fixture *f = soak_begin_two("10");
        soak_count(f, 1.1, 0, 0);
        soak_count(f, 4.9, cases[i].acquires, 50);
        soak_pass(f, STAGE_UPLOAD, 0, 10, SOAK_CACHE);
        assert_int_equal(last_state(f, cases[i].state), 1);
        soak_end(f);
    }
}

static void a_longer_soak_wants_more_evidence(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin_two("10");
    soak_judge_free(f->judge);
    soak_process(f)->uploads.judged = 99999; /* before a --resume */
    soak_start_judge(f, STAGE_UPLOAD);
    soak_judge_life(f->judge, NAME);
    soak_declare(f, NAME, "session", 12);
    soak_declare(f, NAME, "cache", 14);
    soak_count(f, 1.1, 0, 0);
    soak_count(f, 4.9, 290, 50); /* 0.001 / 10^10 is exp(-29.9) */
    soak_pass(f, STAGE_UPLOAD, 0, 10, SOAK_CACHE);
    assert_int_equal(last_state(f, STATE_UNDERSAMPLED), 1);
    soak_count(f, 14.9, 310, 50);
    soak_pass(f, STAGE_UPLOAD, 10, 20, SOAK_CACHE);
    assert_int_equal(last_state(f, STATE_ABSENT), 1);
    soak_end(f);
}

static void a_lock_that_stops_being_sampled_is_found_over_several_uploads(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin_two("10");
    unsigned told = 0;
    soak_pass(f, STAGE_UPLOAD, 0, 1, SOAK_BOTH);
    for (int i = 1; i < 100; i++) {
        soak_count(f, i + 0.1, 10 * (unsigned)i, 10);
        soak_count(f, i + 0.9, 10 * (unsigned)i + 10, 10);
        soak_pass(f, STAGE_UPLOAD, i, i + 1, SOAK_CACHE);
        told = told == 0 && f->record.loss_count > 0 ? (unsigned)i : told;
    }
    /* About ln(1000 * 19 * 20) = 12.8 samples are to be expected then, but for those of the last 5 seconds. */
    assert_in_range(told, 16, 20);
    soak_expect_groups(f, "member/session never_sampled at upload in 4"); /* and again, as long as it lasts */
    char *end = strstr(f->record.losses[0].evidence, "; nor have the ");
    assert_non_null(end);
    char *expected = mem_printf("; nor have the %u uploads before it", told - 1);
    assert_string_equal(end, expected);
    free(expected);
    soak_end(f);
}

static void lines_without_a_time_say_only_how_much(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin_two("100");
    soak_say(f, NAME, "{\"type\":\"progress\",\"phase\":\"member\",\"done\":0.5,\"acquires\":{\"member/session\":7}}");
    soak_pass(f, STAGE_UPLOAD, 0, 10, SOAK_CACHE);
    soak_judge_life_over(f->judge, NAME, false);
    assert_int_equal(soak_process(f)->acquires, 7);
    assert_int_equal(last_state(f, STATE_ABSENT), 0);
    soak_end(f);
}

static void counts_that_fall_are_a_problem(void **state)
{
    (void)state;
    struct soak_fixture *f = soak_begin_two("100");
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
    struct soak_fixture *f = soak_begin_two("100");
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
    struct soak_fixture *f = soak_begin_two("10");
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
    struct soak_fixture *f = soak_begin_two("10");
    soak_pass(f, STAGE_UPLOAD, 0, 10, SOAK_BOTH);
    soak_finish(f, false);
    soak_judge_free(f->judge);
    f->finished = false;
    soak_start_judge(f, STAGE_UPLOAD);
    soak_judge_life(f->judge, NAME);
    soak_declare(f, NAME, "cache", 14);
    soak_declare(f, NAME, "session", 12);
    f->began_ns = f->wall_ns;
    soak_pass(f, STAGE_UPLOAD, 0, 10, SOAK_BOTH);
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
        cmocka_unit_test(a_lock_that_is_not_counted_one_to_one_wants_ten_times_as_many),
        cmocka_unit_test(below_all_chance_decides),
        cmocka_unit_test(a_longer_soak_wants_more_evidence),
        cmocka_unit_test(a_lock_that_stops_being_sampled_is_found_over_several_uploads),
        cmocka_unit_test(lines_without_a_time_say_only_how_much),
        cmocka_unit_test(counts_that_fall_are_a_problem),
        cmocka_unit_test(a_later_life_declares_the_same_locks),
        cmocka_unit_test(a_site_that_is_said_later_is_known_from_then_on),
        cmocka_unit_test(a_silent_command_is_judged_by_the_scenarios_locks),
        cmocka_unit_test(a_resumed_soak_goes_on_with_the_records_locks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
