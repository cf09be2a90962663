/* SPDX-License-Identifier: Apache-2.0 */
/* From a matrix to a line of values, and along it with a shell script in place of locktrail. */
#include "engine/bisect.h"

#include "bisect_matrix.h"
#include "child_fixture.h"
#include "io/disk.h"

static struct bisect_choice along(const char *axis, const char *const *labels, size_t count, unsigned repeat)
{
    return (struct bisect_choice){.axis = axis, .labels = labels, .label_count = count, .repeat = repeat};
}

static void check_choice(const struct bisect_choice choice, const char *expected)
{
    struct bisect_line line;
    struct err e = {0};
    assert_int_equal(bisect_line_init(&line, read_bisect_matrix(BISECT_STEPS), &choice, &e), -1);
    assert_string_equal(e.text, expected);
    assert_int_equal(e.code, ERR_USAGE);
    bisect_line_fini(&line);
}

static void check_refusal(const char *axis, const char *const *labels, size_t count, unsigned repeat,
                          const char *expected)
{
    check_choice(along(axis, labels, count, repeat), expected);
}

/* Other axes have one value in all tries. */
static void test_axes_that_are_fixed(void **state)
{
    static const struct {
        const char *only[2];
        size_t count;
        const char *expected;
    } cases[] = {
        {{"capture_pct"}, 1, "--only capture_pct is not of the form AXIS=VALUE, as in lock=rlock"},
        {{"capture=50"}, 1, "m.yaml has no axis capture, did you mean capture_pct?"},
        {{"step=a"}, 1, "--only step=a: the search is along step, choose its values with --values"},
        {{"capture_pct=25"}, 1, "--only capture_pct=25 matches 0 values of capture_pct, expected one, such as 50"},
        {{"capture_pct=*"}, 1, "--only capture_pct=* matches 2 values of capture_pct, expected one, such as 50"},
        {{"capture_pct=50", "capture_pct=100"},
         2,
         "--only capture_pct=100: capture_pct has one value in a search, and was given one already"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bisect_choice choice = along("step", NULL, 0, 1);
        choice.only = cases[i].only;
        choice.only_count = cases[i].count;
        check_choice(choice, cases[i].expected);
    }
    static const char *const half[] = {"capture_pct=5*"};
    struct bisect_choice choice = along("step", NULL, 0, 1);
    struct bisect_line line;
    struct err e = {0};
    size_t count;
    choice.only = half;
    choice.only_count = 1;
    assert_int_equal(bisect_line_init(&line, read_bisect_matrix(BISECT_STEPS), &choice, &e), 0);
    for (size_t i = 0; i < line.matrix->cell_count; i++) {
        struct scenario_override *overrides = matrix_cell_overrides(line.matrix, &line.matrix->cells[i], &count);
        assert_int_equal(count, 2);
        assert_string_equal(overrides[1].path, "workers.native.capture_pct");
        assert_string_equal(overrides[1].value, "50");
        free(overrides);
    }
    bisect_line_fini(&line);
}

static void test_what_is_no_line(void **state)
{
    static const char *const one[] = {"b"}, *const wrong[] = {"b", "x"};
    (void)state;
    check_refusal("steps", NULL, 0, 1, "m.yaml has no axis steps, did you mean step?");
    check_refusal("version", NULL, 0, 1, "m.yaml has no axis version");
    check_refusal("step", one, 1, 1, "step has 1 value, and a boundary lies between two");
    check_refusal("step", wrong, 2, 1, "step has no value x, expected one of its own, such as a");
    check_refusal("step", NULL, 0, 30000, "4 values, each tried 30000 times, are more than 100000");
}

static void test_the_cells_of_a_line(void **state)
{
    static const char *const labels[] = {"d", "b"};
    const struct bisect_choice choice = along("step", labels, 2, 3);
    struct bisect_line line;
    struct err e = {0};
    size_t count;
    (void)state;
    assert_int_equal(bisect_line_init(&line, read_bisect_matrix(BISECT_STEPS), &choice, &e), 0);
    assert_int_equal(line.count, 2);
    assert_string_equal(bisect_line_label(&line, 0), "b");
    assert_int_equal(line.matrix->cell_count, 6);
    assert_int_equal(line.matrix->retries, 0);
    const struct matrix_cell *c = &line.matrix->cells[4];
    assert_string_equal(c->key, "step=d seed=8");
    struct scenario_override *overrides = matrix_cell_overrides(line.matrix, c, &count);
    assert_int_equal(count, 1); /* the other axis stays as the scenario has it */
    assert_string_equal(overrides[0].path, "threads");
    assert_string_equal(overrides[0].value, "5");
    free(overrides);
    bisect_line_fini(&line);
}

/* --- along it ----------------------------------------------------------------------------------------------------- */

struct search_fixture {
    char directory[64];
    struct bisect_line line;
    struct bisect_log log;
    struct bisect_result result;
    struct buf probes;
    struct err error;
};

static void on_probe(const struct bisect_log *log, void *data)
{
    static const char letters[] = {[BISECT_NAMED] = 'n', [BISECT_LOST] = 'l', [BISECT_UNKNOWN] = 'u'};
    struct search_fixture *f = data;
    const struct bisect_probe *p = &log->probes[log->count - 1];
    buf_printf(&f->probes, "%s%s:%c", f->probes.size ? " " : "", bisect_line_label(&f->line, p->value),
               letters[p->outcome]);
}

static int set_up(void **state)
{
    struct search_fixture *f = mem_calloc(1, sizeof *f);
    alarm(TEST_DEADLINE_S);
    strcpy(f->directory, "/tmp/locktrail-bisect-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct search_fixture *f = *state;
    char *command = mem_printf("rm -rf %s", f->directory);
    assert_int_equal(system(command), 0);
    free(command);
    bisect_log_fini(&f->log);
    bisect_line_fini(&f->line);
    buf_fini(&f->probes);
    free(f);
    alarm(0);
    return 0;
}

static void put(const struct search_fixture *f, const char *name, const char *text, unsigned mode)
{
    struct err e = {0};
    char *path = mem_printf("%s/%s", f->directory, name);
    assert_int_equal(disk_write_now(path, text, strlen(text), &e), 0);
    assert_int_equal(chmod(path, mode), 0);
    free(path);
}

/* `loss` in the shell: what stands at "loss" for $threads (2 to 5: a to d) and $seed. */
static int search(struct search_fixture *f, unsigned repeat, const char *loss)
{
    char *script =
        mem_printf("#!/bin/sh\nwhile [ $# -gt 0 ]; do case $1 in --out) out=$2;; --seed) seed=$2;;\n"
                   "--set) threads=${2#threads=};; esac; shift; done\nmkdir -p $out\nloss=null; verdict=success\n"
                   "L='{\"stage\":\"agent\",\"mechanism\":\"aliased\"}'\n%s\n"
                   "echo '{\"verdict\":\"'$verdict'\",\"conclusion\":\"oh\",\"locks\":[{\"id\":\"global/x\","
                   "\"name\":\"x\",\"loss\":'\"$loss\"'}]}' > $out/report.json\n"
                   "[ $verdict = success ] || exit 70\n",
                   loss);
    char *program = mem_printf("%s/locktrail", f->directory), *build = mem_strdup(find_guard());
    *strrchr(build, '/') = '\0';
    put(f, "locktrail", script, 0755);
    put(f, "scenario.yaml", BISECT_SCENARIO, 0644);
    struct err e = {0};
    const struct bisect_choice choice = along("step", NULL, 0, repeat);
    assert_int_equal(bisect_line_init(&f->line, read_bisect_matrix(BISECT_STEPS), &choice, &e), 0);
    const struct bisect_options options = {.line = &f->line,
                                           .lock = "x",
                                           .directory = f->directory,
                                           .root = "/nowhere",
                                           .build = build,
                                           .program = program,
                                           .on_probe = on_probe,
                                           .data = f};
    int result = bisect_run(&options, &f->log, &f->result, &f->error);
    free(script);
    free(program);
    free(build);
    return result;
}

static void test_a_boundary(void **state)
{
    struct search_fixture *f = *state;
    assert_int_equal(search(f, 1, "[ $threads -lt 4 ] || loss=$L"), 0);
    assert_string_equal(f->probes.data, "a:n d:l b:n c:l");
    assert_int_equal(f->result.end, BISECT_BOUNDARY);
    assert_int_equal(f->result.before, 1);
    assert_true(f->result.loses);
    assert_int_equal(f->log.probes[1].stage, STAGE_AGENT);
    assert_int_equal(f->log.probes[1].mechanism, MECHANISM_ALIASED);
}

/* Seeds 7, 8, 9: the name is lost with one of them. */
static void test_a_flaky_boundary(void **state)
{
    struct search_fixture *f = *state;
    assert_int_equal(search(f, 3, "[ $threads -lt 5 ] || [ $seed != 8 ] || loss=$L"), 0);
    assert_string_equal(f->probes.data, "a:n d:n a:n a:n d:l d:n b:n b:n b:n c:n c:n c:n");
    assert_int_equal(f->result.after, 3);
    assert_true(f->result.flaky);
}

static void test_values_that_can_not_be_judged(void **state)
{
    struct search_fixture *f = *state;
    assert_int_equal(search(f, 1,
                            "[ $threads = 2 ] && exit 69; [ $threads = 4 ] && verdict=error; [ $threads = 3 ] || "
                            "loss=$L"),
                     0);
    assert_string_equal(f->probes.data, "a:u b:n d:l c:u");
    assert_string_equal(f->log.probes[0].why, "the run failed (exit 69) without a word");
    assert_string_equal(f->log.probes[3].why, "oh");
    assert_int_equal(f->result.before, 1);
    assert_int_equal(f->result.after, 3);
}

static void test_a_lock_that_nobody_has(void **state)
{
    struct search_fixture *f = *state;
    assert_int_equal(search(f, 1,
                            "echo '{\"verdict\":\"success\",\"locks\":[{\"id\":\"g/y\",\"name\":\"y\"}]}' > "
                            "$out/report.json; exit 0"),
                     -1);
    assert_string_equal(f->error.text, "no worker declares a lock x; there are y");
    assert_int_equal(f->error.code, ERR_INPUT);
    assert_int_equal(f->log.count, 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_axes_that_are_fixed),
        cmocka_unit_test(test_what_is_no_line),
        cmocka_unit_test(test_the_cells_of_a_line),
        test(test_a_boundary),
        test(test_a_flaky_boundary),
        test(test_values_that_can_not_be_judged),
        test(test_a_lock_that_nobody_has),
    };
    return cmocka_run_group_tests(tests, warm_up, NULL);
}
