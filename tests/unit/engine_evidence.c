/* SPDX-License-Identifier: Apache-2.0 */
/* Run directories made by hand, as a run (or one that was killed) leaves them, read back and judged. */
#include "run_fixture.h"

static void test_a_good_run_is_a_success(void **state)
{
    struct fixture *f = *state;
    put_good_run(f);
    load(f);
    assert_int_equal(f->evidence->problem_count, 0);
    assert_int_equal(state_at(f, STAGE_COLLECTOR), STATE_EXACT);
    assert_int_equal(state_at(f, STAGE_UPLOAD), STATE_EXACT);
    assert_int_equal(f->evidence->trail.verdict, VERDICT_SUCCESS);
    assert_int_equal(evidence_exit_code(f->evidence), 0);
    assert_string_equal(f->evidence->workers[0].version, "4.16.0");
    assert_int_equal(f->evidence->uploads.stored, 1);
    assert_int_equal(f->evidence->wall_ms, 10300);
    assert_string_equal(f->evidence->copies[1].runtime_id, "r");
}

static void test_a_name_lost_on_the_way_is_partial(void **state)
{
    struct fixture *f = *state;
    put_good_run(f);
    put_copy(f, "upload/python.1.upload.1", "member.py:12", 100);
    load(f);
    assert_int_equal(state_at(f, STAGE_UPLOAD), STATE_GENERIC);
    assert_int_equal(f->evidence->trail.verdict, VERDICT_PARTIAL);
    assert_int_equal(evidence_exit_code(f->evidence), 1);
}

static void test_a_killed_run_is_marked_and_still_read(void **state)
{
    struct fixture *f = *state;
    put_good_run(f);
    put_text(f, "events.jsonl", STARTED "{\"event\":\"worker_en");
    put_text(f, "ledger.jsonl", SAID("python.1.local", HELLO) SAID("python.1.local", LOCK) "{\"instance\":\"pyth");
    load(f);
    assert_false(f->evidence->complete);
    assert_int_equal(f->evidence->trail.verdict, VERDICT_ERROR);
    assert_int_equal(f->evidence->problem_count, 1);
    assert_string_equal(
        f->evidence->problems[0].text,
        "the coordinator ended before the run did (killed, or the machine went down, or the disk was full); "
        "the journal's last line is torn");
    assert_string_equal(f->evidence->workers[0].cause, "was running when the coordinator ended");
    assert_int_equal(state_at(f, STAGE_COLLECTOR), STATE_EXACT);
}

static void test_an_interrupted_run_has_its_own_exit_code(void **state)
{
    struct fixture *f = *state;
    put_good_run(f);
    put_text(f, "events.jsonl",
             STARTED ENDED "{\"event\":\"interrupted\",\"times\":1}\n"
                           "{\"event\":\"run_ended\",\"elapsed_ms\":5000,\"interrupted\":true,\"failed\":\"\"}\n");
    load(f);
    assert_int_equal(evidence_exit_code(f->evidence), 130);
}

static void test_a_phase_that_did_not_run_is_an_error(void **state)
{
    struct fixture *f = *state;
    put_good_run(f);
    put_text(f, "ledger.jsonl",
             SAID("python.1.local", HELLO) SAID("python.1.local", LOCK)
                 SAID("python.1.local", "{\"type\":\"done\",\"acquires\":{\"member/user_session_lock\":0}}"));
    load(f);
    assert_int_equal(f->evidence->trail.verdict, VERDICT_ERROR);
    assert_string_equal(f->evidence->problems[0].text, "phase member did not run");
}

static void test_a_lock_that_nobody_waited_for_is_an_error(void **state)
{
    struct fixture *f = *state;
    put_good_run(f);
    put_text(f, "ledger.jsonl",
             LEDGER SAID("python.1.local", "{\"type\":\"done\",\"acquires\":{\"member/user_session_lock\":100},"
                                           "\"waits\":{\"member/user_session_lock\":5}}"));
    load(f);
    assert_int_equal(f->evidence->problem_count, 0);
    evidence_free(f->evidence);
    f->evidence = NULL;
    put_text(f, "ledger.jsonl",
             SAID("python.1.local", HELLO) SAID("python.1.local", LOCK)
                 SAID("python.1.local", "{\"type\":\"done\",\"acquires\":{\"member/user_session_lock\":100},"
                                        "\"waits\":{\"member/user_session_lock\":0}}"));
    load(f);
    assert_int_equal(f->evidence->trail.verdict, VERDICT_ERROR);
    assert_string_equal(f->evidence->problems[0].text,
                        "nobody ever waited for member/user_session_lock: there was no contention");
}

static void test_a_duration_that_was_not_kept_is_an_error(void **state)
{
    static const struct {
        int took_ms;
        bool good;
    } cases[] = {{9999, false}, {10000, true}, {12999, true}, {13001, false}};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_good_run(f);
        char *ledger = mem_printf(SAID("python.1.local", HELLO)
                                      SAID("python.1.local", LOCK) "{\"instance\":\"python.1.local\",\"line\":{"
                                                                   "\"type\":\"done\",\"acquires\":{\"member/user_"
                                                                   "session_lock\":100},\"waits\":{\"member/"
                                                                   "user_session_lock\":5},\"phases\":[{\"phase\":"
                                                                   "\"member\",\"planned_ms\":10000,\"took_ms\":%d}]"
                                                                   "}}\n" SAID("python.1.upload", LOCK)
                                                                       SAID("python.1.upload", DONE),
                                  cases[i].took_ms);
        put_text(f, "ledger.jsonl", ledger);
        free(ledger);
        load(f);
        if (cases[i].good != (f->evidence->problem_count == 0))
            fail_msg("%d ms: %zu problems", cases[i].took_ms, f->evidence->problem_count);
        evidence_free(f->evidence);
        f->evidence = NULL;
    }
}

static void test_a_failed_control_is_critical_and_its_problems_are_its_own(void **state)
{
    struct fixture *f = *state;
    put_good_run(f);
    put_text(f, "scenario.yaml", SCENARIO("builtin"));
    put_text(f, "events.jsonl",
             STARTED
             "{\"event\":\"problem\",\"who\":\"python.control\",\"text\":\"exit 1\",\"advice\":\"\"}\n"
             "{\"event\":\"control_ended\",\"outcome\":\"failed\",\"why\":\"no reference_lock\"}\n" ENDED CLOSED);
    load(f);
    assert_int_equal(f->evidence->control, CONTROL_FAILED);
    assert_int_equal(f->evidence->trail.verdict, VERDICT_CRITICAL);
    assert_int_equal(evidence_exit_code(f->evidence), 3);
}

static void test_a_copy_that_cannot_be_read_is_kept_with_the_reason(void **state)
{
    struct fixture *f = *state;
    put_good_run(f);
    put_text(f, "copies/upload/python.1.upload.1.pprof", "<html>not a profile</html>");
    load(f);
    assert_null(f->evidence->copies[1].profile);
    assert_non_null(f->evidence->copies[1].unreadable);
    assert_int_equal(f->evidence->trail.verdict, VERDICT_PARTIAL);
}

static void test_a_copy_that_was_changed_is_noticed(void **state)
{
    struct fixture *f = *state;
    put_good_run(f);
    put_text(f, "copies/upload/python.1.upload.1.json", "{\"sha256\":\"00\"}");
    load(f);
    assert_int_equal(f->evidence->problem_count, 1);
    assert_string_equal(f->evidence->problems[0].text,
                        "copies/upload/python.1.upload.1.pprof is not the file that was captured: its hash differs");
}

static void test_a_copy_without_description_and_temporary_files_are_tolerated(void **state)
{
    struct fixture *f = *state;
    put_good_run(f);
    put_text(f, "copies/upload/.python.1.upload.2.pprof.tmp1", "half");
    put_text(f, "copies/upload/python.1.upload.3.json", "{}");
    load(f);
    assert_int_equal(f->evidence->copy_count, 2);
    assert_int_equal(f->evidence->trail.verdict, VERDICT_SUCCESS);
}

static void test_an_expectation_of_a_lock_that_nobody_declared_is_an_error(void **state)
{
    static const struct {
        const char *expect, *text;
    } cases[] = {
        {"member/user_session_lock", NULL},
        {"user_session_lock", NULL},
        {"member/user_sesion_lock", "expect.0: no worker has declared the lock member/user_sesion_lock (did you mean "
                                    "member/user_session_lock?)"},
        {"shop_lock", "expect.0: no worker has declared the lock shop_lock"},
    };
    struct fixture *f = *state;
    put_good_run(f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *scenario = mem_printf(SCENARIO("none") "expect:\n  - {lock: %s, rendering: generic}\n", cases[i].expect);
        put_text(f, "scenario.yaml", scenario);
        free(scenario);
        load(f);
        assert_int_equal(f->evidence->problem_count, cases[i].text ? 1 : 0);
        assert_int_equal(f->evidence->ledger.locks[0].rendering, cases[i].text ? RENDERING_EXACT : RENDERING_GENERIC);
        if (cases[i].text) {
            assert_string_equal(f->evidence->problems[0].text, cases[i].text);
            assert_int_equal(f->evidence->trail.verdict, VERDICT_ERROR);
        }
        unload(f);
    }
    put_text(f, "events.jsonl", STARTED ENDED "{\"event\":\"run_ended\",\"interrupted\":true,\"failed\":\"\"}\n");
    load(f);
    assert_int_equal(f->evidence->problem_count, 0);
}

static void test_an_expectation_of_a_silent_commands_lock_counts(void **state)
{
    struct fixture *f = *state;
    put_text(f, "scenario.yaml",
             "name: made-by-hand\nduration: 10s\ncontrol: none\nworkers:\n  python:\n    runtime: command\n"
             "    command: [shop]\n    locks: [{name: shop_lock, site: 'shop.py:3'}]\n"
             "expect: [{lock: shop_lock, rendering: 'mangled:guard'}]\n");
    put_text(f, "events.jsonl", STARTED ENDED CLOSED);
    put_copy(f, "collector/python.1.local.1", "shop.py:3:guard", 100);
    put_copy(f, "upload/python.1.upload.1", "shop.py:3:guard", 100);
    load(f);
    assert_int_equal(f->evidence->problem_count, 0);
    assert_int_equal(state_at(f, STAGE_COLLECTOR), STATE_MANGLED);
    assert_int_equal(f->evidence->trail.verdict, VERDICT_SUCCESS);
}

static void test_what_is_no_run_directory_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct err e;
    assert_int_equal(evidence_load(f->directory, &f->evidence, &e), -1);
    assert_int_equal(e.code, ERR_MISSING);
    put_good_run(f);
    put_text(f, "events.jsonl", "nonsense\n");
    assert_int_equal(evidence_load(f->directory, &f->evidence, &e), -1);
    assert_int_equal(e.code, ERR_INPUT);
    assert_non_null(strstr(e.text, "events.jsonl:1"));
    put_good_run(f);
    put_text(f, "ledger.jsonl", SAID("ruby.1.local", HELLO));
    assert_int_equal(evidence_load(f->directory, &f->evidence, &e), -1);
    assert_non_null(strstr(e.text, "ledger.jsonl:1: a process that the scenario does not have"));
    put_good_run(f);
    put_text(f, "copies/upload/ruby.1.upload.1.pprof", "x");
    assert_int_equal(evidence_load(f->directory, &f->evidence, &e), -1);
    assert_non_null(strstr(e.text, "ruby.1.upload.1.pprof belongs to no process of the scenario"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_a_good_run_is_a_success),
        test(test_a_name_lost_on_the_way_is_partial),
        test(test_a_killed_run_is_marked_and_still_read),
        test(test_an_interrupted_run_has_its_own_exit_code),
        test(test_a_phase_that_did_not_run_is_an_error),
        test(test_a_lock_that_nobody_waited_for_is_an_error),
        test(test_a_duration_that_was_not_kept_is_an_error),
        test(test_a_failed_control_is_critical_and_its_problems_are_its_own),
        test(test_a_copy_that_cannot_be_read_is_kept_with_the_reason),
        test(test_a_copy_that_was_changed_is_noticed),
        test(test_a_copy_without_description_and_temporary_files_are_tolerated),
        test(test_an_expectation_of_a_lock_that_nobody_declared_is_an_error),
        test(test_an_expectation_of_a_silent_commands_lock_counts),
        test(test_what_is_no_run_directory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
