/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/soak_silence.h"

#include "soak_build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define EVERY_MS 10000
#define LIMIT_MS (SOAK_SILENCE_UPLOADS * EVERY_MS)

static char name[] = "native";

struct fixture {
    struct scenario_worker worker;
    struct scenario scenario;
    struct soak_record record;
    struct soak_silence *silence;
    int64_t asked_ms; /* of how long ago a disturbance was asked for */
    bool disturbed;
};

static bool is_disturbed(const char *process, int64_t ms, void *data)
{
    struct fixture *f = data;
    assert_string_equal(process, "native.1.upload");
    f->asked_ms = ms;
    return f->disturbed;
}

static void look(struct fixture *f, int64_t at_ms)
{
    soak_silence_look(f->silence, at_ms, is_disturbed, f);
}

static void begin(struct fixture *f, int64_t every_ms)
{
    *f = (struct fixture){.worker = {.name = name, .upload_interval_ms = every_ms}};
    f->scenario = (struct scenario){.workers = &f->worker, .worker_count = 1};
    soak_good(&f->record);
    f->record.elapsed_ms = 0;
    f->record.processes[1].pid = 4711;
    f->record.processes[2].pid = 0; /* does not run */
    f->silence = soak_silence_new(&f->scenario, &f->record);
    look(f, 0);
}

static void end(struct fixture *f)
{
    soak_silence_free(f->silence);
    soak_record_fini(&f->record);
}

static void test_one_that_sends_no_more_is_told_once(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, EVERY_MS);
    f.record.processes[1].uploads.arrived[STAGE_UPLOAD]++;
    look(&f, EVERY_MS);
    look(&f, EVERY_MS + LIMIT_MS - 1);
    assert_int_equal(f.record.problem_count, 0);
    look(&f, EVERY_MS + LIMIT_MS);
    look(&f, EVERY_MS + 2 * LIMIT_MS);
    assert_int_equal(f.record.problem_count, 1);
    assert_int_equal(f.record.problems[0].times, 1);
    assert_string_equal(f.record.problems[0].who, "native.1.upload");
    assert_string_equal(f.record.problems[0].text, "runs and has sent no upload for 100 s");
    /* It sends again, and is silent again. */
    f.record.processes[1].uploads.arrived[STAGE_UPLOAD]++;
    look(&f, 3 * LIMIT_MS);
    look(&f, 4 * LIMIT_MS);
    assert_int_equal(f.record.problems[0].times, 2);
    end(&f);
}

static void test_one_that_never_sends_is_told(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, 100);
    f.record.processes[1].uploads.arrived[STAGE_UPLOAD] = 0;
    look(&f, 1);
    look(&f, SOAK_SILENCE_MS);
    assert_int_equal(f.record.problem_count, 0);
    look(&f, SOAK_SILENCE_MS + 1);
    assert_string_equal(f.record.problems[0].text, "runs and has sent no upload since its start, 30 s");
    end(&f);
}

static void test_what_makes_no_silence(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, EVERY_MS);
    f.disturbed = true;
    look(&f, LIMIT_MS);
    assert_int_equal(f.asked_ms, LIMIT_MS);
    f.disturbed = false;
    f.record.processes[1].lives++;
    look(&f, LIMIT_MS + 1);
    look(&f, 2 * LIMIT_MS);
    f.record.processes[1].pid = 0;
    look(&f, 9 * LIMIT_MS);
    assert_int_equal(f.record.problem_count, 0);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_that_sends_no_more_is_told_once),
        cmocka_unit_test(test_one_that_never_sends_is_told),
        cmocka_unit_test(test_what_makes_no_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
