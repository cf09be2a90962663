/* SPDX-License-Identifier: Apache-2.0 */
/* Run directories made by hand, as a run (or one that was killed) leaves them, read back and judged. */
#include "engine/evidence.h"

#include "base/buf.h"
#include "base/mem.h"
#include "io/disk.h"
#include "pprof_build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char scenario[] = "name: made-by-hand\n"
                               "duration: 10s\n"
                               "control: none\n"
                               "workers:\n"
                               "  python:\n"
                               "    runtime: ddtrace\n"
                               "phases:\n"
                               "  - pattern: member\n";

/* Lines of the two journals of a run that went well. */
#define STARTED                                                                                                        \
    "{\"event\":\"run_started\",\"time\":\"2026-11-23T12:00:00.000Z\",\"elapsed_ms\":0,\"run_id\":\"00ff\"}\n"         \
    "{\"event\":\"worker_started\",\"elapsed_ms\":10,\"instance\":\"python.1.local\",\"pid\":11}\n"                    \
    "{\"event\":\"worker_started\",\"elapsed_ms\":10,\"instance\":\"python.1.upload\",\"pid\":12}\n"
#define ENDED                                                                                                          \
    "{\"event\":\"upload\",\"elapsed_ms\":9000,\"instance\":\"python.1.upload\",\"rejected\":\"\"}\n"                  \
    "{\"event\":\"worker_ended\",\"elapsed_ms\":10100,\"instance\":\"python.1.local\",\"good\":true,"                  \
    "\"cause\":\"exit 0\",\"wall_ms\":10090}\n"                                                                        \
    "{\"event\":\"worker_ended\",\"elapsed_ms\":10200,\"instance\":\"python.1.upload\",\"good\":true,"                 \
    "\"cause\":\"exit 0\",\"wall_ms\":10190}\n"
#define CLOSED "{\"event\":\"run_ended\",\"elapsed_ms\":10300,\"interrupted\":false,\"failed\":\"\"}\n"
#define HELLO "{\"type\":\"hello\",\"runtime\":\"ddtrace\",\"version\":\"4.16.0\",\"pid\":1,\"protocol\":1}"
#define LOCK                                                                                                           \
    "{\"type\":\"lock\",\"id\":\"member/user_session_lock\",\"name\":\"user_session_lock\",\"pattern\":\"member\","    \
    "\"site\":\"member.py:12\",\"rendering\":\"exact\"}"
#define DONE                                                                                                           \
    "{\"type\":\"done\",\"acquires\":{\"member/user_session_lock\":100},\"waits\":{\"member/user_session_lock\":5},"   \
    "\"phases\":[{\"phase\":\"member\",\"planned_ms\":10000,\"took_ms\":10050}]}"
#define SAID(instance, line) "{\"instance\":\"" instance "\",\"line\":" line "}\n"
#define LEDGER                                                                                                         \
    SAID("python.1.local", HELLO)                                                                                      \
    SAID("python.1.local", LOCK)                                                                                       \
    SAID("python.1.local", DONE) SAID("python.1.upload", HELLO) SAID("python.1.upload", LOCK)                          \
        SAID("python.1.upload", DONE)

struct fixture {
    char directory[32];
    struct evidence *evidence;
};

static void put(const struct fixture *f, const char *name, const void *bytes, size_t size)
{
    struct err e;
    char *path = mem_printf("%s/%s", f->directory, name);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(disk_make_dir(path, &e), 0);
    *slash = '/';
    assert_int_equal(disk_write_now(path, bytes, size, &e), 0);
    free(path);
}

static void put_text(const struct fixture *f, const char *name, const char *text)
{
    put(f, name, text, strlen(text));
}

/* A copy with one name, `acquires` times. */
static void put_copy(const struct fixture *f, const char *name, const char *label, int64_t acquires)
{
    struct pprof_build *b = pprof_build_new();
    struct buf bytes = {0};
    pprof_build_lock_types(b);
    pprof_build_lock(b, label, acquires, 1000, acquires, 2000);
    pprof_build_bytes(b, ENCODING_ZSTD, &bytes);
    char *pprof = mem_printf("copies/%s.pprof", name), *json = mem_printf("copies/%s.json", name);
    put(f, pprof, bytes.data, bytes.size);
    put_text(f, json, "{\"start\":\"2026-11-23T12:00:00Z\",\"end\":\"2026-11-23T12:00:10Z\",\"runtime_id\":\"r\"}");
    free(pprof);
    free(json);
    buf_fini(&bytes);
    pprof_build_free(b);
}

static void put_good_run(const struct fixture *f)
{
    put_text(f, "scenario.yaml", scenario);
    put_text(f, "events.jsonl", STARTED ENDED CLOSED);
    put_text(f, "ledger.jsonl", LEDGER);
    put_copy(f, "collector/python.1.local.1", "member.py:12:user_session_lock", 100);
    put_copy(f, "upload/python.1.upload.1", "member.py:12:user_session_lock", 100);
}

static void load(struct fixture *f)
{
    struct err e = {0};
    if (evidence_load(f->directory, &f->evidence, &e) < 0)
        fail_msg("%s", e.text);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    strcpy(f->directory, "/tmp/locktrail-test-XXXXXX");
    *state = f;
    return mkdtemp(f->directory) ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char *command = mem_printf("rm -rf %s", f->directory);
    int status = system(command);
    free(command);
    evidence_free(f->evidence);
    free(f);
    return status;
}

static enum lock_state state_at(const struct fixture *f, enum stage stage)
{
    assert_int_equal(f->evidence->trail.lock_count, 1);
    return f->evidence->trail.locks[0].stages[stage].state;
}

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
    assert_string_equal(f->evidence->problems[0].text,
                        "the coordinator ended before the run did (killed, or the machine went down); the journal's "
                        "last line is torn");
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

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
        test(test_what_is_no_run_directory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
