/* SPDX-License-Identifier: Apache-2.0 */
/* Cells side by side, with a shell script in place of locktrail. */
#include "engine/matrix_run.h"

#include "child_fixture.h"
#include "io/disk.h"

#define CELLS 7
#define SCENARIO "name: s\nduration: 1s\nworkers: {native: {runtime: native}}\nphases: [{pattern: global}]\n"

/* What stands before each behaviour. `report VERDICT CODE` is what a run leaves, `until CONDITION` waits for it. */
static const char prologue[] =
    "#!/bin/sh\n"
    "echo \"$*\" >> '%s/calls'\n"
    "while [ $# -gt 0 ]; do case $1 in --out) out=$2;; --seed) seed=$2;; esac; shift; done\n"
    "n=${out##*/}\n"
    "cd '%s'\n"
    "[ ! -e \"$out\" ] || echo \"$out is there\" >> surprises\n"
    "mkdir -p \"$out\"\n"
    "echo $seed.$n >> begun\n"
    "report() { echo '{\"verdict\":\"'$1'\",\"conclusion\":\"it is '$1'\",\"locks\":['\"$3\"']}' > "
    "\"$out/report.json\"; "
    "exit $2; }\n"
    "until_true() { i=0; until eval \"$1\"; do i=$((i+1)); [ $i -lt 3000 ] || exit 9; sleep 0.01; done; }\n";

struct matrix_fixture {
    char directory[64];
    int descriptors;
    struct matrix matrix;
    struct matrix_axis axis;
    struct matrix_value values[CELLS];
    struct scenario_override overrides[CELLS];
    struct matrix_record record;
    bool mine[CELLS];
    int64_t durations[CELLS];
    struct matrix_run_options options;
    struct err error;
    bool interrupted;
    struct buf events; /* "+1 -1:success", a cell by its seed */
    struct buf prepared;
    size_t raise_at; /* a signal when so many have started */
    size_t started;
};

static void write_file(const struct matrix_fixture *f, const char *name, const char *text, unsigned mode)
{
    struct err e = {0};
    char *path = mem_printf("%s/%s", f->directory, name);
    assert_int_equal(disk_write_now(path, text, strlen(text), &e), 0);
    assert_int_equal(chmod(path, mode), 0);
    free(path);
}

static char *text_of(const struct matrix_fixture *f, const char *name)
{
    char *path = mem_printf("%s/%s", f->directory, name);
    struct buf text = {0};
    if (access(path, F_OK) == 0)
        text = read_file(path);
    free(path);
    return buf_steal(&text);
}

static void assert_file(const struct matrix_fixture *f, const char *name, const char *expected)
{
    char *text = text_of(f, name);
    assert_string_equal(text, expected);
    free(text);
}

static void on_cell(const struct matrix_record *record, size_t cell, const struct matrix_attempt *ended, size_t running,
                    size_t left, void *data)
{
    struct matrix_fixture *f = data;
    assert_ptr_equal(record, &f->record);
    assert_true(running <= CELLS && left <= CELLS);
    buf_printf(&f->events, "%s%c%d", f->events.size ? " " : "", ended ? '-' : '+', (int)cell + 1);
    if (ended)
        buf_printf(&f->events, ":%s", verdict_name(ended->verdict));
    else if (++f->started == f->raise_at)
        raise(SIGINT);
}

static void on_preparing(const char *text, void *data)
{
    struct matrix_fixture *f = data;
    buf_printf(&f->prepared, "%s\n", text);
}

/* Cell i has seed i + 1; their values of the one axis set `description`, unless a test sets something else. */
static void make_matrix(struct matrix_fixture *f)
{
    f->axis = (struct matrix_axis){.name = mem_strdup("axis"), .values = f->values, .value_count = CELLS};
    f->matrix = (struct matrix){.axes = &f->axis, .axis_count = 1, .repeat = 1, .cpus = 1, .cell_count = CELLS};
    f->matrix.cells = mem_calloc(CELLS, sizeof *f->matrix.cells);
    for (int i = 0; i < CELLS; i++) {
        f->overrides[i] = (struct scenario_override){.path = "description", .value = "one"};
        f->values[i] = (struct matrix_value){.label = mem_printf("v%d", i + 1), .override_count = 1};
        f->values[i].overrides = &f->overrides[i];
        struct matrix_cell *c = &f->matrix.cells[i];
        *c = (struct matrix_cell){.id = mem_printf("cell%d", i + 1), .seed = (uint64_t)i + 1, .repeat = 1};
        c->key = mem_printf("axis=v%d seed=%d", i + 1, i + 1);
        c->values = mem_calloc(1, sizeof *c->values);
        c->values[0] = i;
    }
}

static int set_up(void **state)
{
    struct matrix_fixture *f = mem_calloc(1, sizeof *f);
    alarm(TEST_DEADLINE_S);
    strcpy(f->directory, "/tmp/locktrail-matrix-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    f->descriptors = count_descriptors();
    make_matrix(f);
    f->record = (struct matrix_record){.matrix = &f->matrix, .shard = 1, .shards = 1};
    f->record.cells = mem_calloc(CELLS, sizeof *f->record.cells);
    char *build = mem_strdup(find_guard());
    *strrchr(build, '/') = '\0';
    f->options = (struct matrix_run_options){.record = &f->record,
                                             .mine = f->mine,
                                             .directory = f->directory,
                                             .root = "/nowhere",
                                             .build = build,
                                             .program = mem_printf("%s/locktrail", f->directory),
                                             .jobs = 1,
                                             .cpus = CELLS,
                                             .durations_ms = f->durations,
                                             .on_preparing = on_preparing,
                                             .on_event = on_cell,
                                             .data = f};
    write_file(f, "scenario.yaml", SCENARIO, 0644);
    *state = f;
    return 0;
}

static void free_matrix(struct matrix_fixture *f)
{
    for (int i = 0; i < CELLS; i++) {
        struct matrix_cell_record *r = &f->record.cells[i];
        for (size_t a = 0; a < r->attempt_count; a++) {
            for (size_t l = 0; l < r->attempts[a].loss_count; l++) {
                free(r->attempts[a].losses[l].worker);
                free(r->attempts[a].losses[l].lock);
            }
            free(r->attempts[a].losses);
            free(r->attempts[a].conclusion);
        }
        free(r->attempts);
        free(f->values[i].label);
        free(f->matrix.cells[i].id);
        free(f->matrix.cells[i].key);
        free(f->matrix.cells[i].values);
    }
    free(f->record.cells);
    free(f->matrix.cells);
    free(f->axis.name);
}

static int tear_down(void **state)
{
    struct matrix_fixture *f = *state;
    char *command = mem_printf("rm -rf %s", f->directory);
    assert_file(f, "surprises", "");
    assert_int_equal(count_descriptors(), f->descriptors);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(system(command), 0);
    signal(SIGINT, SIG_DFL);
    free_matrix(f);
    buf_fini(&f->events);
    buf_fini(&f->prepared);
    free(command);
    free((char *)f->options.build);
    free((char *)f->options.program);
    free(f);
    alarm(0);
    return 0;
}

/* Runs the first `count` cells. */
static int run(struct matrix_fixture *f, size_t count, const char *behaviour)
{
    char *before = mem_printf(prologue, f->directory, f->directory);
    char *script = mem_printf("%s%s\n", before, behaviour);
    write_file(f, "locktrail", script, 0755);
    for (size_t i = 0; i < CELLS; i++)
        f->mine[i] = i < count;
    int result = matrix_run_execute(&f->options, &f->interrupted, &f->error);
    free(script);
    free(before);
    return result;
}

static void run_well(struct matrix_fixture *f, size_t count, const char *behaviour)
{
    int result = run(f, count, behaviour);
    assert_string_equal(f->error.text, "");
    assert_int_equal(result, 0);
}

static void assert_events(const struct matrix_fixture *f, const char *expected)
{
    assert_string_equal(f->events.data ? f->events.data : "", expected);
}

static void assert_conclusion(const struct matrix_fixture *f, size_t cell, size_t attempt, const char *expected)
{
    assert_true(attempt <= f->record.cells[cell - 1].attempt_count);
    assert_string_equal(f->record.cells[cell - 1].attempts[attempt - 1].conclusion, expected);
}

/* --- what goes well --------------------------------------------------------------------------------------------- */

static void test_each_cell_runs_once(void **state)
{
    struct matrix_fixture *f = *state;
    run_well(f, 3, "report success 0");
    assert_events(f, "+1 -1:success +2 -2:success +3 -3:success");
    assert_false(f->interrupted);
    const struct matrix_attempt *a = &f->record.cells[2].attempts[0];
    assert_int_equal(a->number, 1);
    assert_int_equal(a->exit_code, 0);
    assert_conclusion(f, 3, 1, "it is success");
}

static void test_the_command_line_is_the_cells(void **state)
{
    struct matrix_fixture *f = *state;
    f->overrides[0] = (struct scenario_override){.path = "workers.native.capture_pct", .value = "10"};
    run_well(f, 1, "report success 0");
    char *expected =
        mem_printf("run %s/scenario.yaml --set workers.native.capture_pct=10 --seed 1 --out %s/cells/cell1/1 "
                   "--quiet --yes --no-control\n",
                   f->directory, f->directory);
    assert_file(f, "calls", expected);
    free(expected);
}

static void check_control(struct matrix_fixture *f, bool left_out)
{
    run_well(f, 1, "report success 0");
    char *calls = text_of(f, "calls");
    assert_int_equal(strstr(calls, "--no-control") != NULL, left_out);
    free(calls);
}

static void test_a_control_in_the_file_stays(void **state)
{
    struct matrix_fixture *f = *state;
    write_file(f, "scenario.yaml", "control: builtin\n" SCENARIO, 0644);
    check_control(f, false);
}

static void test_a_control_on_an_axis_stays(void **state)
{
    struct matrix_fixture *f = *state;
    f->overrides[0] = (struct scenario_override){.path = "control", .value = "builtin"};
    check_control(f, false);
}

static void test_another_key_is_no_control(void **state)
{
    struct matrix_fixture *f = *state;
    f->overrides[0] = (struct scenario_override){.path = "workers.native.environment.control", .value = "1"};
    check_control(f, true);
}

static void test_the_longest_begin_and_unknown_ones_are_as_long_as_the_mean(void **state)
{
    static const int64_t durations[CELLS] = {1000, 0, 9000, 5000, 4000, 0, 500};
    struct matrix_fixture *f = *state;
    memcpy(f->durations, durations, sizeof durations);
    run_well(f, CELLS, "report success 0");
    assert_file(f, "begun", "3.1\n4.1\n5.1\n2.1\n6.1\n1.1\n7.1\n");
}

/* All three have to be there at once, and a fourth only when one has gone. */
static void test_as_many_as_asked_for_run_at_once(void **state)
{
    struct matrix_fixture *f = *state;
    f->options.jobs = 3;
    run_well(
        f, CELLS,
        "mkdir now.$seed; until_true '[ $(wc -l < begun) -ge 3 ]'; ls -d now.* | wc -l >> counts; rmdir now.$seed; "
        "report success 0");
    char *counts = text_of(f, "counts");
    for (const char *c = counts; *c; c++)
        assert_true(*c == '\n' || (*c >= '1' && *c <= '3'));
    assert_int_equal(strlen(counts), 2 * CELLS);
    free(counts);
}

static void test_the_budget_bounds_the_jobs(void **state)
{
    struct matrix_fixture *f = *state;
    f->options.jobs = 5;
    f->options.cpus = 3;
    f->matrix.cpus = 1.5;
    run_well(f, CELLS, "mkdir now.$seed; ls -d now.* | wc -l >> counts; rmdir now.$seed; report success 0");
    char *counts = text_of(f, "counts");
    for (const char *c = counts; *c; c++)
        assert_true(*c == '\n' || *c == '1' || *c == '2');
    free(counts);
}

static void test_only_mine_are_run(void **state)
{
    struct matrix_fixture *f = *state;
    run_well(f, 0, "report success 0");
    assert_events(f, "");
    assert_file(f, "cells.jsonl", "");
}

static void test_losses_are_recorded_in_order(void **state)
{
    struct matrix_fixture *f = *state;
    run_well(
        f, 1,
        "L() { echo '{\"id\":\"'$1'\",\"worker\":\"'$2'\",\"loss\":'$3'}'; }\n"
        "report partial 1 \"$(L a/x python '{\"stage\":\"upload\",\"mechanism\":\"aliased\"}'),$(L a/y native null),"
        "$(L a/y native '{\"stage\":\"agent\",\"mechanism\":\"label_dropped\"}')\"");
    const struct matrix_attempt *a = &f->record.cells[0].attempts[0];
    assert_int_equal(a->loss_count, 2);
    assert_string_equal(a->losses[0].worker, "native");
    assert_string_equal(a->losses[0].lock, "a/y");
    assert_int_equal(a->losses[0].stage, STAGE_AGENT);
    assert_int_equal(a->losses[0].mechanism, MECHANISM_LABEL_DROPPED);
    assert_string_equal(a->losses[1].worker, "python");
    assert_int_equal(a->losses[1].mechanism, MECHANISM_ALIASED);
}

static void test_each_attempt_is_a_line(void **state)
{
    struct matrix_fixture *f = *state;
    struct buf expected = {0};
    f->matrix.retries = 1;
    run_well(f, 2, "[ $seed = 2 ] && report success 0; report failure 2");
    for (size_t cell = 0; cell < 2; cell++) {
        for (size_t a = 0; a < f->record.cells[cell].attempt_count; a++) {
            matrix_attempt_write(&f->matrix.cells[cell], &f->record.cells[cell].attempts[a], &expected);
            buf_add_char(&expected, '\n');
        }
    }
    assert_file(f, "cells.jsonl", expected.data);
    buf_fini(&expected);
}

/* --- attempts --------------------------------------------------------------------------------------------------- */

static void test_what_is_no_success_runs_again(void **state)
{
    struct matrix_fixture *f = *state;
    f->matrix.retries = 2;
    run_well(f, 3,
             "[ $seed = 1 ] && report success 0; [ $seed.$n = 2.1 ] && report partial 1; [ $seed = 2 ] && report "
             "success 0; report inconclusive 4");
    assert_events(f, "+1 -1:success +2 -2:partial +2 -2:success +2 -2:success +3 -3:inconclusive +3 -3:inconclusive +3 "
                     "-3:inconclusive");
    assert_file(f, "begun", "1.1\n2.1\n2.2\n2.3\n3.1\n3.2\n3.3\n");
    assert_int_equal(f->record.cells[1].attempts[2].number, 3);
}

static void test_what_can_not_be_run_is_not_tried_again(void **state)
{
    struct matrix_fixture *f = *state;
    f->matrix.retries = 2;
    run_well(f, 4, "[ $seed = 1 ] && exit 64; [ $seed = 2 ] && exit 65; [ $seed = 3 ] && exit 69; exit 73");
    assert_events(f, "+1 -1:error +2 -2:error +3 -3:error +4 -4:error +4 -4:error +4 -4:error");
    for (size_t cell = 0; cell < 4; cell++)
        assert_true(matrix_run_has_enough(&f->matrix, &f->record.cells[cell]));
}

static void test_the_order_of_processes_makes_no_cell_flaky(void **state)
{
    struct matrix_fixture *f = *state;
    f->matrix.retries = 1;
    run_well(f, 1,
             "A='{\"id\":\"x\",\"worker\":\"w\",\"loss\":{\"stage\":\"collector\",\"mechanism\":\"aliased\"}}'\n"
             "B='{\"id\":\"x\",\"worker\":\"w\",\"loss\":{\"stage\":\"agent\",\"mechanism\":\"label_dropped\"}}'\n"
             "[ $n = 1 ] && report failure 2 \"$A,$B\"; report failure 2 \"$B,$A\"");
    assert_int_equal(f->record.cells[0].attempt_count, 2);
    assert_false(matrix_cell_flaky(&f->record.cells[0]));
}

static void test_enough_attempts_are_not_run_again(void **state)
{
    struct matrix_fixture *f = *state;
    f->matrix.retries = 2;
    run_well(f, 3, "[ $seed = 1 ] && report success 0; report failure 2");
    f->record.cells[2].attempt_count = 2; /* as if the last one had not been recorded */
    f->events.size = 0;
    free(f->record.cells[2].attempts[2].conclusion);
    write_file(f, "begun", "", 0644);
    run_well(f, 4, "report failure 2");
    assert_file(f, "begun", "3.3\n4.1\n4.2\n4.3\n");
}

static void test_fail_fast_starts_nothing_more(void **state)
{
    struct matrix_fixture *f = *state;
    f->matrix.retries = 2;
    f->options.fail_fast = true;
    run_well(f, CELLS, "[ $seed = 2 ] && report partial 1; report success 0");
    assert_events(f, "+1 -1:success +2 -2:partial");
    assert_false(f->interrupted);
}

/* --- what fails ------------------------------------------------------------------------------------------------- */

static void test_runs_that_fail_are_errors_that_say_why(void **state)
{
    static const struct {
        const char *behaviour, *conclusion;
        int exit_code;
    } cases[] = {
        {"echo; echo 'locktrail: no space left' >&2; exit 73", "the run failed (exit 73): no space left", 73},
        {"exit 3", "the run failed (exit 3) without a word", 3},
        {"report success 70", "the run failed (exit 70) without a word", 70},
        {"kill -9 $$", "the run failed (ended by signal 9) without a word", -1},
        {"echo '{' > $out/report.json; echo tail >&2; exit 0", "the run failed (exit 0): tail", 0},
        {"report great 0", "the run failed (exit 0) without a word", 0},
        {"report failure 2 '{\"id\":\"a\",\"loss\":{\"stage\":\"moon\",\"mechanism\":\"aliased\"}}'",
         "the run failed (exit 2) without a word", 2},
    };
    struct matrix_fixture *f = *state;
    struct buf behaviour = {0};
    size_t count = sizeof cases / sizeof *cases;
    for (size_t i = 0; i < count; i++)
        buf_printf(&behaviour, "[ $seed != %d ] || { %s; }\n", (int)i + 1, cases[i].behaviour);
    run_well(f, CELLS, behaviour.data);
    for (size_t i = 0; i < count; i++) {
        assert_conclusion(f, i + 1, 1, cases[i].conclusion);
        assert_int_equal(f->record.cells[i].attempts[0].verdict, VERDICT_ERROR);
        assert_int_equal(f->record.cells[i].attempts[0].exit_code, cases[i].exit_code);
        assert_int_equal(f->record.cells[i].attempts[0].loss_count, 0);
        assert_true(f->record.cells[i].attempts[0].duration_ms > 0);
    }
    buf_fini(&behaviour);
}

static void test_a_program_that_is_not_there(void **state)
{
    struct matrix_fixture *f = *state;
    free((char *)f->options.program);
    f->options.program = mem_strdup("/nowhere/locktrail");
    run_well(f, 1, "");
    assert_conclusion(f, 1, 1, "can't start the run: No such file or directory");
    assert_int_equal(f->record.cells[0].attempts[0].exit_code, -1);
}

static void test_a_cell_that_hangs_is_ended(void **state)
{
    struct matrix_fixture *f = *state;
    f->matrix.timeout_ms = 300;
    run_well(f, 2, "[ $seed = 2 ] && report success 0; sleep 1000");
    assert_conclusion(f, 1, 1, "the run did not end within 0.3 s");
    assert_int_equal(f->record.cells[0].attempts[0].exit_code, -1);
    assert_int_equal(f->record.cells[1].attempts[0].verdict, VERDICT_SUCCESS);
}

static void test_a_cell_whose_scenario_is_wrong(void **state)
{
    struct matrix_fixture *f = *state;
    f->overrides[0] = (struct scenario_override){.path = "threads", .value = "none", .shown = "axis=v1"};
    run_well(f, 2, "report success 0");
    char *text = f->record.cells[0].attempts[0].conclusion;
    assert_int_equal(strncmp(text, "the scenario of this cell is not valid: axis=v1: threads", 56), 0);
    assert_int_equal(f->record.cells[0].attempts[0].exit_code, ERR_INPUT);
    assert_events(f, "-1:error +2 -2:success");
}

static void test_no_scenario(void **state)
{
    struct matrix_fixture *f = *state;
    char *path = mem_printf("%s/scenario.yaml", f->directory);
    char *expected = mem_printf("cannot read %s: No such file or directory", path);
    unlink(path);
    assert_int_equal(run(f, 1, ""), -1);
    assert_string_equal(f->error.text, expected);
    assert_int_equal(f->error.code, ERR_MISSING);
    free(expected);
    free(path);
}

static void test_a_record_that_can_not_be_written_ends_it(void **state)
{
    struct matrix_fixture *f = *state;
    char *path = mem_printf("%s/cells.jsonl", f->directory);
    char *expected = mem_printf("cannot write %s: Is a directory", path);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(run(f, CELLS, "[ $seed = 1 ] && report success 0; sleep 1000"), -1);
    assert_string_equal(f->error.text, expected);
    assert_int_equal(f->error.code, ERR_WRITE);
    free(expected);
    free(path);
}

static void test_an_interruption_leaves_nothing_half_done(void **state)
{
    struct matrix_fixture *f = *state;
    f->options.jobs = 2;
    f->raise_at = 2;
    run_well(f, CELLS, "[ $seed = 9 ] && exit; sleep 1000 & wait");
    assert_true(f->interrupted);
    assert_events(f, "+1 +2");
    assert_file(f, "cells.jsonl", "");
    assert_int_equal(f->record.cells[0].attempt_count, 0);
    f->interrupted = false;
    run_well(f, 2, "report success 0");
    assert_false(f->interrupted);
    assert_int_equal(f->record.cells[0].attempt_count, 1);
}

/* --- environments ----------------------------------------------------------------------------------------------- */

static void use_python(struct matrix_fixture *f, char *workers[2], const char *first, const char *second)
{
    const char *versions[] = {first, second};
    for (int i = 0; i < 2; i++) {
        workers[i] =
            mem_printf("{python: {runtime: ddtrace, version: %s, interpreter: %s/python}}", versions[i], f->directory);
        f->overrides[2 * i] = f->overrides[2 * i + 1] =
            (struct scenario_override){.path = "workers", .value = workers[i]};
    }
    f->options.root = f->directory;
}

static void test_each_environment_is_made_once_before(void **state)
{
    struct matrix_fixture *f = *state;
    char *workers[2];
    write_file(f, "python",
               "#!/bin/sh\ncd \"${0%/*}\"; echo $7 >> made; echo \"installing $7\" >&2; sleep 0.6\n"
               "echo '{\"python\":\"p\",\"ddtrace_run\":\"d\",\"version\":\"v\"}'\n",
               0755);
    use_python(f, workers, "4.16.0", "3.17.3");
    run_well(f, 4, "[ $(wc -l < made) = 2 ] && report success 0; exit 9");
    assert_events(f, "+1 -1:success +2 -2:success +3 -3:success +4 -4:success");
    assert_file(f, "made", "4.16.0\n3.17.3\n");
    assert_string_equal(f->prepared.data, "virtual environment 1 of 2, with ddtrace 4.16.0\ninstalling 4.16.0\n"
                                          "virtual environment 2 of 2, with ddtrace 3.17.3\ninstalling 3.17.3\n");
    free(workers[0]);
    free(workers[1]);
}

static void test_cells_without_their_environment_are_errors(void **state)
{
    struct matrix_fixture *f = *state;
    char *workers[2];
    f->matrix.retries = 2;
    write_file(f, "python",
               "#!/bin/sh\n[ $7 = 4.16.0 ] || { echo \"there is no $7\" >&2; exit 69; }\n"
               "echo '{\"python\":\"p\",\"ddtrace_run\":\"d\",\"version\":\"v\"}'\n",
               0755);
    use_python(f, workers, "4.16.0", "9.9.9");
    run_well(f, 4, "report success 0");
    assert_events(f, "+1 -1:success +2 -2:success -3:error -4:error");
    assert_conclusion(f, 4, 1, "worker python: no environment with ddtrace 9.9.9: there is no 9.9.9");
    assert_int_equal(f->record.cells[3].attempt_count, 1);
    assert_int_equal(f->record.cells[3].attempts[0].exit_code, ERR_MISSING);
    free(workers[0]);
    free(workers[1]);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_each_cell_runs_once),
        test(test_the_command_line_is_the_cells),
        test(test_a_control_in_the_file_stays),
        test(test_a_control_on_an_axis_stays),
        test(test_another_key_is_no_control),
        test(test_the_longest_begin_and_unknown_ones_are_as_long_as_the_mean),
        test(test_as_many_as_asked_for_run_at_once),
        test(test_the_budget_bounds_the_jobs),
        test(test_only_mine_are_run),
        test(test_losses_are_recorded_in_order),
        test(test_each_attempt_is_a_line),
        test(test_what_is_no_success_runs_again),
        test(test_what_can_not_be_run_is_not_tried_again),
        test(test_the_order_of_processes_makes_no_cell_flaky),
        test(test_enough_attempts_are_not_run_again),
        test(test_fail_fast_starts_nothing_more),
        test(test_runs_that_fail_are_errors_that_say_why),
        test(test_a_program_that_is_not_there),
        test(test_a_cell_that_hangs_is_ended),
        test(test_a_cell_whose_scenario_is_wrong),
        test(test_no_scenario),
        test(test_a_record_that_can_not_be_written_ends_it),
        test(test_an_interruption_leaves_nothing_half_done),
        test(test_each_environment_is_made_once_before),
        test(test_cells_without_their_environment_are_errors),
    };
    return cmocka_run_group_tests(tests, warm_up, NULL);
}
