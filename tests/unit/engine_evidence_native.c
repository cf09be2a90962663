/* SPDX-License-Identifier: Apache-2.0 */
/* Run directories of native workers: both copies from one process, the control's build, workers that were left out. */
#include "run_fixture.h"

#include "engine/evidence_internal.h"

#define WORKERS                                                                                                        \
    "name: made-by-hand\n"                                                                                             \
    "duration: 10s\n"                                                                                                  \
    "workers:\n"                                                                                                       \
    "  c: {runtime: native, build: stripped, capture_pct: 50}\n"                                                       \
    "  python: {runtime: ddtrace, optional: true}\n"                                                                   \
    "phases: [member]\n"
#define RUN_STARTED "{\"event\":\"run_started\",\"elapsed_ms\":0,\"run_id\":\"00ff\"}\n"
#define LEFT_OUT "{\"event\":\"left_out\",\"worker\":\"python\",\"why\":\"no package index\"}\n"
#define WORKED                                                                                                         \
    "{\"event\":\"worker_started\",\"instance\":\"c.control\",\"pid\":10}\n"                                           \
    "{\"event\":\"worker_ended\",\"instance\":\"c.control\",\"good\":true,\"cause\":\"exit 0\"}\n"                     \
    "{\"event\":\"control_ended\",\"outcome\":\"passed\"}\n"                                                           \
    "{\"event\":\"worker_started\",\"instance\":\"c.1.tee\",\"pid\":11}\n"                                             \
    "{\"event\":\"worker_ended\",\"instance\":\"c.1.tee\",\"good\":true,\"cause\":\"exit 0\"}\n"
#define NATIVE_LOCK(rendering)                                                                                         \
    "{\"type\":\"lock\",\"id\":\"member/cache_lock\",\"name\":\"cache_lock\",\"pattern\":\"member\","                  \
    "\"site\":\"member.c:12\",\"rendering\":\"" rendering "\",\"qualified\":true,\"sites\":[\"member.c:40\"]}"
#define NATIVE_SITE "{\"type\":\"site\",\"id\":\"member/cache_lock\",\"site\":\"native-stripped+0x10\"}"
#define NATIVE_DONE "{\"type\":\"done\",\"acquires\":{\"member/cache_lock\":200},\"waits\":{\"member/cache_lock\":5}}"
#define NATIVE_HELLO "{\"type\":\"hello\",\"runtime\":\"native\",\"version\":\"stripped\",\"protocol\":1}"
#define CONTROL_SAID                                                                                                   \
    SAID("c.control", NATIVE_HELLO)                                                                                    \
    SAID("c.control", NATIVE_LOCK("exact"))                                                                            \
    SAID("c.control", "{\"type\":\"site\",\"id\":\"reference/reference_lock\",\"site\":\"native-O2g+0x1\"}")           \
    SAID("c.control", "{\"type\":\"done\",\"acquires\":{\"member/cache_lock\":20,\"reference/reference_lock\":20}}")
#define WORKER_SAID                                                                                                    \
    SAID("c.1.tee", NATIVE_HELLO)                                                                                      \
    SAID("c.1.tee", NATIVE_LOCK("generic")) SAID("c.1.tee", NATIVE_SITE) SAID("c.1.tee", NATIVE_DONE)

static void put_native_run(const struct fixture *f)
{
    put_text(f, "scenario.yaml", WORKERS);
    put_text(f, "events.jsonl", RUN_STARTED LEFT_OUT WORKED CLOSED);
    put_text(f, "ledger.jsonl", CONTROL_SAID WORKER_SAID);
    put_copy(f, "control/c.control.1", "member.c:12:s->cache_lock", 20);
    put_copy(f, "collector/c.1.tee.1", "native-stripped+0x10", 100);
    put_copy(f, "upload/c.1.tee.1", "native-stripped+0x10", 100);
}

static void test_each_build_is_held_to_its_own_rendering(void **state)
{
    struct fixture *f = *state;
    put_native_run(f);
    load(f);
    assert_int_equal(f->evidence->problem_count, 0);
    assert_int_equal(f->evidence->ledger.lock_count, 1);
    assert_int_equal(f->evidence->ledger.locks[0].rendering, RENDERING_GENERIC);
    assert_int_equal(f->evidence->ledger.locks[0].site_count, 2);
    assert_int_equal(state_at(f, STAGE_CONTROL), STATE_EXACT);
    assert_int_equal(state_at(f, STAGE_COLLECTOR), STATE_GENERIC);
    assert_int_equal(state_at(f, STAGE_UPLOAD), STATE_GENERIC);
    assert_false(f->evidence->trail.locks[0].lost);
    assert_true(f->evidence->trail.locks[0].known_limit);
    assert_true(f->evidence->ledger.instances[0].capture_rate == 0.5);
}

static void test_two_processes_of_one_worker_must_agree(void **state)
{
    struct fixture *f = *state;
    put_native_run(f);
    put_text(f, "ledger.jsonl", CONTROL_SAID WORKER_SAID SAID("c.1.tee", NATIVE_LOCK("exact")));
    load(f);
    assert_int_equal(f->evidence->problem_count, 1);
    assert_string_equal(f->evidence->problems[0].text,
                        "worker c: lock member/cache_lock is declared twice with another rendering");
}

static void test_a_site_of_no_lock_is_a_problem(void **state)
{
    struct fixture *f = *state;
    put_native_run(f);
    put_text(f, "ledger.jsonl", WORKER_SAID SAID("c.1.tee", "{\"type\":\"site\",\"id\":\"x\",\"site\":\"a.c:1\"}"));
    load(f);
    assert_string_equal(f->evidence->problems[0].text, "says a site of x, which it has not declared");
}

static void test_an_upload_with_other_bytes_is_told(void **state)
{
    static const char note[] = "copies/upload/c.1.tee.2.pprof has other bytes than each local copy of c.1.tee";
    struct fixture *f = *state;
    put_native_run(f);
    load(f);
    assert_int_equal(f->evidence->trail.note_count, 0);
    unload(f);
    put_copy(f, "collector/c.1.tee.2", "native-stripped+0x10", 31);
    put_copy(f, "upload/c.1.tee.2", "native-stripped+0x10", 30);
    load(f);
    assert_true(has_note(f, note));
    assert_true(f->evidence->trail.locks[0].lost);
    assert_int_equal(f->evidence->trail.locks[0].loss.stage, STAGE_UPLOAD);
    unload(f);
    put_text(f, "ledger.jsonl", CONTROL_SAID SAID("c.1.tee", NATIVE_HELLO));
    load(f);
    assert_false(has_note(f, note));
}

static void test_who_was_left_out_is_known_and_lacks_nothing(void **state)
{
    struct fixture *f = *state;
    put_native_run(f);
    load(f);
    assert_int_equal(f->evidence->left_out_count, 1);
    assert_string_equal(f->evidence->left_out[0].worker, "python");
    assert_string_equal(f->evidence->left_out[0].why, "no package index");
    assert_true(evidence_is_left_out(f->evidence, "python"));
    assert_false(evidence_is_left_out(f->evidence, "c"));
    for (size_t i = 0; i < f->evidence->ledger.instance_count; i++)
        assert_int_equal(f->evidence->ledger.instances[i].left_out,
                         strcmp(f->evidence->ledger.instances[i].worker, "python") == 0);
}

static void test_expectations_of_who_was_left_out_are_not_missed(void **state)
{
    static const struct {
        const char *expect;
        size_t problems;
    } cases[] = {{"{lock: own_lock, rendering: generic, worker: python}", 0},
                 {"{lock: own_lock, rendering: generic}", 0},
                 {"{lock: own_lock, rendering: generic, worker: c}", 1}};
    struct fixture *f = *state;
    put_native_run(f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *scenario = mem_printf(WORKERS "expect:\n  - %s\n", cases[i].expect);
        put_text(f, "scenario.yaml", scenario);
        free(scenario);
        load(f);
        assert_int_equal(f->evidence->problem_count, cases[i].problems);
        unload(f);
    }
}

/* What a build lacks is the first thing to be told when its names are lost. */
static void test_the_build_is_suspected(void **state)
{
    struct fixture *f = *state;
    put_native_run(f);
    put_text(f, "ledger.jsonl",
             SAID("c.1.tee", NATIVE_LOCK("exact")) SAID("c.1.tee", NATIVE_SITE) SAID("c.1.tee", NATIVE_DONE));
    load(f);
    assert_int_equal(f->evidence->trail.locks[0].loss.mechanism, MECHANISM_NEVER_NAMED);
    assert_string_equal(f->evidence->trail.next_steps[0],
                        "build: stripped is set for c: nothing in the program says a name: keep its debug information "
                        "beside it (debuglink, build-id directory)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_each_build_is_held_to_its_own_rendering),
        test(test_two_processes_of_one_worker_must_agree),
        test(test_a_site_of_no_lock_is_a_problem),
        test(test_an_upload_with_other_bytes_is_told),
        test(test_who_was_left_out_is_known_and_lacks_nothing),
        test(test_expectations_of_who_was_left_out_are_not_missed),
        test(test_the_build_is_suspected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
