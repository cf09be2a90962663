/* SPDX-License-Identifier: Apache-2.0 */
/* What a run directory says of its uploads, of what a kill left, and of what somebody changed. */
#include "run_fixture.h"

#define UPLOAD_COPY(sequence)                                                                                          \
    "{\"event\":\"copy\",\"stage\":\"upload\",\"instance\":\"python.1.upload\",\"sequence\":" sequence "}\n"

static void test_names_without_lock_sample_types_are_still_names(void **state)
{
    struct fixture *f = *state;
    struct pprof_build *b = pprof_build_new();
    struct buf bytes = {0};
    put_good_run(f);
    pprof_build_type(b, "lock_acquire", "count");
    for (int i = 0; i < 100; i++) {
        pprof_build_sample(b);
        pprof_build_value(b, "lock_acquire", 1);
        pprof_build_label(b, "lock name", "member.py:12:user_session_lock");
    }
    pprof_build_bytes(b, ENCODING_ZSTD, &bytes);
    put(f, "copies/upload/python.1.upload.1.pprof", bytes.data, bytes.size);
    buf_fini(&bytes);
    pprof_build_free(b);
    load(f);
    assert_int_equal(state_at(f, STAGE_UPLOAD), STATE_EXACT);
    assert_true(has_note(f, "copies/upload/python.1.upload.1.pprof: lock names, but no lock sample types: pprof, no "
                            "lock profile (lock_acquire/count)"));
}

static void test_received_is_not_yet_stored(void **state)
{
    struct fixture *f = *state;
    put_good_run(f);
    put_text(f, "events.jsonl", STARTED "{\"event\":\"upload\",\"rejected\":\"\"}\n" ENDED CLOSED);
    load(f);
    assert_int_equal(f->evidence->uploads.received, 2);
    assert_int_equal(f->evidence->uploads.stored, 1);
}

static void test_rejected_ones_beyond_the_limit_are_counted(void **state)
{
    struct fixture *f = *state;
    put_good_run(f);
    put_text(f, "events.jsonl",
             STARTED "{\"event\":\"upload\",\"rejected\":\"no event\"}\n"
                     "{\"event\":\"upload\",\"rejected\":\"further ones\",\"times\":7}\n" ENDED CLOSED);
    load(f);
    assert_int_equal(f->evidence->uploads.rejected, 8);
    assert_int_equal(f->evidence->problem_count, 1);
}

static void test_a_captured_copy_that_is_gone_is_a_problem(void **state)
{
    struct fixture *f = *state;
    put_good_run(f);
    put_text(f, "events.jsonl", STARTED UPLOAD_COPY("2") ENDED CLOSED);
    load(f);
    assert_int_equal(f->evidence->trail.verdict, VERDICT_ERROR);
    assert_int_equal(f->evidence->problem_count, 1);
    assert_string_equal(f->evidence->problems[0].text,
                        "copies/upload/python.1.upload.2.pprof was captured and is not there any more");
}

static void test_a_copy_of_a_process_that_has_no_part_in_its_stage_is_not_looked_at(void **state)
{
    struct fixture *f = *state;
    put_good_run(f);
    put_text(f, "events.jsonl",
             "{\"event\":\"run_started\",\"run_id\":\"00ff\"}\n"
             "{\"event\":\"worker_started\",\"instance\":\"python.1.upload\",\"pid\":12}\n"
             "{\"event\":\"worker_ended\",\"instance\":\"python.1.upload\",\"good\":true}\n" CLOSED);
    char *move = mem_printf("cd %s/copies/collector && mv python.1.local.1.pprof python.1.upload.1.pprof && "
                            "mv python.1.local.1.json python.1.upload.1.json",
                            f->directory);
    assert_int_equal(system(move), 0);
    free(move);
    load(f);
    assert_false(f->evidence->stage_ran[STAGE_COLLECTOR]);
    assert_true(f->evidence->stage_ran[STAGE_UPLOAD]);
    assert_true(has_note(f, "copies/collector/python.1.upload.1.pprof: not looked at: python.1.upload has no part in "
                            "stage collector"));
}

static void test_gaps_and_overlaps_between_uploads_are_noted(void **state)
{
    static const struct {
        int start, end; /* of the second upload; the first covers 0.5 to 10 */
        const char *note;
    } cases[] = {
        {10, 20, NULL},
        {11, 20,
         "python.1.upload: no upload covers the 1.5 s between copies/upload/python.1.upload.1.pprof and "
         "copies/upload/python.1.upload.2.pprof"},
        {8, 20,
         "python.1.upload: copies/upload/python.1.upload.1.pprof and copies/upload/python.1.upload.2.pprof cover "
         "1.5 s twice"},
        {9, 20, NULL},
        {0, 10, NULL}, /* two profiles of one upload */
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_good_run(f);
        put_timed(f, 1, 0, 10);
        put_timed(f, 2, cases[i].start, cases[i].end);
        load(f);
        size_t chain_notes = 0;
        for (size_t n = 0; n < f->evidence->trail.note_count; n++)
            chain_notes += strstr(f->evidence->trail.notes[n], " s ") != NULL;
        assert_int_equal(chain_notes, cases[i].note ? 1 : 0);
        if (cases[i].note)
            assert_true(has_note(f, cases[i].note));
        unload(f);
    }
}

static void test_what_a_kill_kept_from_being_collected_is_no_loss(void **state)
{
    struct fixture *f = *state;
    put_good_run(f);
    char *path = mem_printf("%s/copies/collector/python.1.local.1.pprof", f->directory);
    assert_int_equal(remove(path), 0);
    free(path);
    put_text(f, "events.jsonl", STARTED);
    put_text(f, "ledger.jsonl",
             LEDGER_BEGINS SAID("python.1.local",
                                "{\"type\":\"progress\",\"phase\":\"member\",\"done\":0.5,\"acquires\":{"
                                "\"member/user_session_lock\":90}}")
                 SAID("python.1.upload", "{\"type\":\"progress\",\"phase\":\"member\",\"done\":0.5,\"acquires\":{"
                                         "\"member/user_session_lock\":90}}"));
    load(f);
    assert_int_equal(state_at(f, STAGE_COLLECTOR), STATE_NOT_RUN);
    assert_int_equal(state_at(f, STAGE_UPLOAD), STATE_EXACT);
    /* 90 acquires were counted some time before the profile with 100 was made. */
    assert_false(f->evidence->trail.locks[0].stages[STAGE_UPLOAD].count_checked);
    assert_false(f->evidence->trail.locks[0].lost);
    assert_int_equal(f->evidence->trail.verdict, VERDICT_ERROR);
    unload(f);

    /* What it had written so far is looked at where it lies, but for the half of a file. */
    put_copy(f, "collector/left", "member.py:12", 100);
    char *move = mem_printf("cd %s && mkdir -p workers/python.1.local && mv copies/collector/left.pprof "
                            "workers/python.1.local/local.pprof.11.1.pprof && rm copies/collector/left.json && "
                            "head -c 9 workers/python.1.local/local.pprof.11.1.pprof > "
                            "workers/python.1.local/local.pprof.11.2.pprof && "
                            "echo {} > workers/python.1.local/local.pprof.11.1.info.json",
                            f->directory);
    assert_int_equal(system(move), 0);
    free(move);
    load(f);
    assert_int_equal(f->evidence->copy_count, 2);
    assert_string_equal(f->evidence->copies[0].path, "workers/python.1.local/local.pprof.11.1.pprof");
    assert_int_equal(state_at(f, STAGE_COLLECTOR), STATE_GENERIC);
}

static void test_a_copy_above_the_limit_is_one_that_cannot_be_read(void **state)
{
    struct fixture *f = *state;
    put_good_run(f);
    char *path = mem_printf("%s/copies/upload/python.1.upload.1.pprof", f->directory);
    assert_int_equal(truncate(path, (off_t)PROFILE_RAW_SIZE_MAX + 1), 0);
    free(path);
    load(f);
    assert_int_equal(f->evidence->trail.verdict, VERDICT_PARTIAL);
    assert_non_null(strstr(f->evidence->copies[1].unreadable, "more than the"));
}

static void test_a_run_that_could_not_be_written_whole_says_so(void **state)
{
    struct fixture *f = *state;
    put_good_run(f);
    put_text(f, "events.jsonl",
             STARTED ENDED
             "{\"event\":\"run_ended\",\"interrupted\":false,\"failed\":\"\",\"unwritten\":\"cannot write "
             "x: No space left on device\"}\n");
    load(f);
    assert_int_equal(f->evidence->trail.verdict, VERDICT_ERROR);
    assert_string_equal(f->evidence->problems[0].text,
                        "not all of the run was written: cannot write x: No space left on device");
}

static void test_the_number_of_problems_is_bounded(void **state)
{
    static const char line[] = "{\"event\":\"problem\",\"who\":\"python.1.local\",\"text\":\"x\",\"advice\":\"\"}\n";
    struct fixture *f = *state;
    struct buf events = {0};
    put_good_run(f);
    buf_add_str(&events, STARTED);
    for (int i = 0; i < EVIDENCE_PROBLEMS_MAX + 3; i++)
        buf_add_str(&events, line);
    buf_add_str(&events, ENDED CLOSED);
    put_text(f, "events.jsonl", events.data);
    buf_fini(&events);
    load(f);
    assert_int_equal(f->evidence->problem_count, EVIDENCE_PROBLEMS_MAX + 1);
    assert_string_equal(f->evidence->problems[EVIDENCE_PROBLEMS_MAX].text, "3 more problems (EVIDENCE_PROBLEMS_MAX)");
}

static void test_a_lock_that_is_counted_and_was_never_declared_is_an_error(void **state)
{
    struct fixture *f = *state;
    put_good_run(f);
    put_text(f, "ledger.jsonl", LEDGER SAID("python.1.local", "{\"type\":\"done\",\"acquires\":{\"member/other\":1}}"));
    load(f);
    assert_int_equal(f->evidence->problem_count, 1);
    assert_string_equal(f->evidence->problems[0].text, "counts acquires of member/other, which it has not declared");
}

static void test_lines_that_no_ledger_has_are_errors(void **state)
{
    static const char *const lines[] = {"{\"instance\":\"python.1.local\",\"line\":\n",
                                        "{\"instance\":\"python.1.local\",\"line\":{]\n", "{\"instance\":\"\n", "\n"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct err e = {0};
        put_good_run(f);
        put_text(f, "ledger.jsonl", lines[i]);
        assert_int_equal(evidence_load(f->directory, &f->evidence, &e), -1);
        assert_non_null(strstr(e.text, "ledger.jsonl:1: not a line of a ledger"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_names_without_lock_sample_types_are_still_names),
        test(test_received_is_not_yet_stored),
        test(test_rejected_ones_beyond_the_limit_are_counted),
        test(test_a_captured_copy_that_is_gone_is_a_problem),
        test(test_a_copy_of_a_process_that_has_no_part_in_its_stage_is_not_looked_at),
        test(test_gaps_and_overlaps_between_uploads_are_noted),
        test(test_what_a_kill_kept_from_being_collected_is_no_loss),
        test(test_a_copy_above_the_limit_is_one_that_cannot_be_read),
        test(test_a_run_that_could_not_be_written_whole_says_so),
        test(test_the_number_of_problems_is_bounded),
        test(test_a_lock_that_is_counted_and_was_never_declared_is_an_error),
        test(test_lines_that_no_ledger_has_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
