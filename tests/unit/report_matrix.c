/* SPDX-License-Identifier: Apache-2.0 */
/* Whole reports are compared with tests/data/matrix-report/NAME.EXTENSION (LOCKTRAIL_REWRITE=1 writes them anew);
 * tests/cli/test_matrix_report.py reads those with parsers of JSON and XML. */
#include "report/matrix_parts.h"

#include "base/utf8.h"
#include "matrix_runs.h"

static void expect_file(const char *name, const char *extension, const struct buf *got)
{
    char *path = mem_printf("tests/data/matrix-report/%s.%s", name, extension);
    struct buf expected = {0};
    struct err e;
    if (getenv("LOCKTRAIL_REWRITE") && disk_write_now(path, got->data ? got->data : "", got->size, &e) < 0)
        fail_msg("%s", e.text);
    if (disk_read_now(path, (size_t)1 << 20, &expected, &e) < 0)
        fail_msg("%s", e.text);
    if (expected.size != got->size || (got->size > 0 && memcmp(expected.data, got->data, got->size) != 0))
        fail_msg("%s differs, got:\n%s", path, got->data ? got->data : "");
    buf_fini(&expected);
    free(path);
}

static const struct form {
    const char *extension;
    void (*write)(const struct matrix_report *r, struct buf *out);
} forms[] = {
    {"json", matrix_report_json},
    {"xml", matrix_report_junit},
    {"md", matrix_report_markdown},
    {"github", matrix_report_annotations},
};

static void terminal(const struct matrix_report *r, struct buf *out)
{
    matrix_report_terminal(r, false, out);
}

static void expect_forms(const char *name, const struct matrix_report *r)
{
    struct buf out = {0};
    terminal(r, &out);
    expect_file(name, "txt", &out);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        buf_clear(&out);
        forms[i].write(r, &out);
        assert_int_equal(utf8_valid(out.data ? out.data : "", out.size), out.size);
        expect_file(name, forms[i].extension, &out);
    }
    buf_fini(&out);
}

static void expect_report(const char *name, const char *text, script_fn script, int exit_code)
{
    struct matrix_record *record = record_of(text, script);
    struct matrix_known known = {.today = MATRIX_TODAY};
    struct matrix_report *r = matrix_report_new(record, &known);
    expect_forms(name, r);
    assert_int_equal(matrix_report_exit_code(r), exit_code);
    matrix_report_free(r);
    matrix_record_free(record);
}

static void test_whole_reports(void **state)
{
    (void)state;
    expect_report("versions", text_versions, script_versions, 2);
    expect_report("mixed", text_mixed, script_mixed, 70);
    expect_report("success", text_versions, script_success, 0);
    expect_report("hostile", text_hostile, script_hostile, 1);
}

/* The record of a real run of scenarios/matrix/versions.yaml. */
static void test_where_rlocks_appear(void **state)
{
    struct matrix_record *record;
    struct buf out = {0};
    struct err e;
    (void)state;
    if (matrix_record_load("tests/data/matrix-versions", &record, &e) < 0)
        fail_msg("%s", e.text);
    struct matrix_known known = {.today = MATRIX_TODAY};
    struct matrix_report *r = matrix_report_new(record, &known);
    terminal(r, &out);
    assert_non_null(strstr(out.data, "    lost iff ddtrace < 3.19.9 and lock = rlock"));
    assert_non_null(strstr(out.data, "    ddtrace 3.17.3 is the last with the loss, 3.19.9 the first without; what\n"));
    /* What lies between them, with the other axis as the loss has it. */
    assert_non_null(strstr(out.data, "      locktrail bisect scenarios/matrix/releases.yaml --axis ddtrace --lock "
                                     "global/global_database_lock --values 3.17.3..3.19.9 --set "
                                     "workers.python.lock=rlock\n"));
    matrix_report_free(r);
    matrix_record_free(record);
    buf_fini(&out);
}

/* Errors with the same cause differ in numbers, in the process that was first, and in how many followed. */
static void script_reasons(const struct matrix_cell *cell, unsigned attempt, struct told *out)
{
    (void)attempt;
    if (cell_has(cell, "threads=1"))
        return;
    out->verdict = VERDICT_ERROR;
    out->conclusion = cell_has(cell, "threads=2") && cell_has(cell, "build=g1")
                          ? "w.1.upload: ended by exit 3, 0.1 s after its start. There are 3 more problems."
                      : cell_has(cell, "threads=2") ? "w.2.local: ended by exit 3, 12 s after its start."
                                                    : "the run did not end within 6.0 s";
}

static void test_reasons_of_errors(void **state)
{
    (void)state;
    struct matrix_record *record = record_of(
        "name: r\nscenario: ../smoke.yaml\naxes: {threads: [1, 2, 4, 8], build: [g1, O2g]}\n", script_reasons);
    struct matrix_known known = {.today = MATRIX_TODAY};
    struct matrix_report *r = matrix_report_new(record, &known);
    struct buf out = {0};
    terminal(r, &out);
    assert_non_null(strstr(out.data, " 1. error in 6 of 8 cells\n"));
    assert_non_null(strstr(out.data,
                           "    in 2 cells, so iff threads = 2: w.1.upload: ended by exit 3, 0.1 s after its\n"
                           "      start. There are 3 more problems.\n"
                           "    in 4 cells, so iff threads >= 4: the run did not end within 6.0 s\n"));
    buf_fini(&out);
    matrix_report_free(r);
    matrix_record_free(record);
}

static void script_lost(const struct matrix_cell *cell, unsigned attempt, struct told *out)
{
    (void)attempt;
    if (cell_has(cell, "threads=1"))
        tell_loss(out, "x_lock", STAGE_UPLOAD, MECHANISM_LABEL_DROPPED);
    else
        *out = (struct told){.verdict = VERDICT_ERROR, .conclusion = "no memory"};
}

/* "Every" is not said of cells that tell nothing. */
static void test_every_cell_that_could_be_judged(void **state)
{
    (void)state;
    struct matrix_record *record = record_of("name: r\nscenario: x.yaml\naxes: {threads: [1, 2]}\n", script_lost);
    struct matrix_known known = {.today = MATRIX_TODAY};
    struct matrix_report *r = matrix_report_new(record, &known);
    struct buf out = {0};
    terminal(r, &out);
    assert_non_null(strstr(out.data, "    lost in every cell that could be judged\n"));
    assert_non_null(strstr(out.data, "    nothing is known of 1 cell\n"));
    buf_fini(&out);
    matrix_report_free(r);
    matrix_record_free(record);
}

/* --- known losses ----------------------------------------------------------------------------------------------- */

static void script_less(const struct matrix_cell *cell, unsigned attempt, struct told *out)
{
    script_mixed(cell, attempt, out);
    if (out->verdict == VERDICT_ERROR || out->verdict == VERDICT_INCONCLUSIVE || out->loss_count == 0)
        return;
    if (cell_has(cell, "inspect_dir=false") && cell_has(cell, "threads=1"))
        *out = (struct told){.conclusion = "every name is there"};
}

static void test_expected_and_baseline(void **state)
{
    (void)state;
    struct matrix_record *record = record_of(text_mixed, script_less);
    struct matrix_baseline baseline = {.directory = (char *)(uintptr_t) "before",
                                       .record = record_of(text_mixed, script_mixed)};
    struct expectations *x = expectations_of(expected_mixed);
    struct matrix_known known = {&baseline, x, MATRIX_TODAY};
    struct matrix_report *r = matrix_report_new(record, &known);
    expect_forms("known", r);
    assert_int_equal(matrix_report_exit_code(r), 70);
    matrix_report_free(r);
    expectations_free(x);
    matrix_record_free(baseline.record);
    matrix_record_free(record);
}

/* The exit code when what the script of versions loses is known in several ways. */
static void test_what_counts(void **state)
{
    static const struct {
        const char *what, *expected, *today;
        int code;
    } cases[] = {
        {"nothing is expected", "[]", MATRIX_TODAY, 2},
        {"all of it", "- {reason: x, until: 2026-12-31}", MATRIX_TODAY, 0},
        {"on the last day", "- {reason: x, until: 2026-12-31}", "2026-12-31", 0},
        {"a day later", "- {reason: x, until: 2026-12-31}", "2027-01-01", 2},
        {"expired, and another entry that is not", "[{reason: x, until: 2026-01-01}, {reason: y, until: 2026-12-31}]",
         MATRIX_TODAY, 0},
        {"in one release", "- {cell: {ddtrace: '3.*'}, reason: x, until: 2026-12-31}", MATRIX_TODAY, 0},
        {"in another one", "- {cell: {ddtrace: '4.*'}, reason: x, until: 2026-12-31}", MATRIX_TODAY, 2},
        {"one of its locks", "- {lock: 'reentrant/*', reason: x, until: 2026-12-31}", MATRIX_TODAY, 2},
        {"at another stage", "- {stage: agent, reason: x, until: 2026-12-31}", MATRIX_TODAY, 2},
    };
    (void)state;
    struct matrix_record *record = record_of(text_versions, script_versions);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct expectations *x = expectations_of(cases[i].expected);
        struct matrix_known known = {NULL, x, cases[i].today};
        struct matrix_report *r = matrix_report_new(record, &known);
        if (matrix_report_exit_code(r) != cases[i].code)
            fail_msg("%s: exit code %d", cases[i].what, matrix_report_exit_code(r));
        matrix_report_free(r);
        expectations_free(x);
    }
    matrix_record_free(record);
}

static int code_with(const struct matrix_record *record, const struct matrix_baseline *b)
{
    struct matrix_known known = {b, NULL, MATRIX_TODAY};
    struct matrix_report *r = matrix_report_new(record, &known);
    int code = matrix_report_exit_code(r);
    matrix_report_free(r);
    return code;
}

/* A baseline of other axes is held against the axes that both have; a run's counts for every cell. */
static void test_baselines(void **state)
{
    static const char fewer[] = "name: b\nscenario: x.yaml\naxes: {ddtrace: [3.17.3, 4.16.0], build: [g1]}\n";
    static const char others[] = "name: b\nscenario: x.yaml\naxes: {ddtrace: [4.8.13, 4.16.0]}\n";
    (void)state;
    struct matrix_record *record = record_of(text_versions, script_versions);
    struct matrix_baseline same = {.record = record}, none = {.record = record_of(text_versions, script_success)};
    struct matrix_baseline partly = {.record = record_of(fewer, script_versions)};
    struct matrix_baseline other = {.record = record_of(others, script_versions)};
    struct matrix_baseline run = {.run = {.verdict = VERDICT_FAILURE}};
    struct told t = {.loss_count = 0};
    tell_loss(&t, "reentrant/recursive_lock", STAGE_COLLECTOR, MECHANISM_NEVER_SAMPLED);
    assert_int_equal(code_with(record, &same), 0);
    assert_int_equal(code_with(record, &none), 2);
    assert_int_equal(code_with(record, &partly), 2); /* two locks are lost with lock=rlock only */
    assert_int_equal(code_with(record, &other), 2);
    run.run.losses = t.losses;
    run.run.loss_count = 1;
    assert_int_equal(code_with(record, &run), 2);
    tell_loss(&t, "member/user_session_lock", STAGE_COLLECTOR, MECHANISM_NEVER_SAMPLED);
    tell_loss(&t, "global/module_lock", STAGE_COLLECTOR, MECHANISM_NEVER_SAMPLED);
    run.run.loss_count = 3;
    assert_int_equal(code_with(record, &run), 0);
    t.losses[1].stage = STAGE_UPLOAD; /* what is lost elsewhere is another loss */
    assert_int_equal(code_with(record, &run), 2);
    matrix_record_free(none.record);
    matrix_record_free(partly.record);
    matrix_record_free(other.record);
    matrix_record_free(record);
}

/* Errors are never known; an inconclusive cell is where it was inconclusive before. */
static void script_verdict(const struct matrix_cell *cell, unsigned attempt, struct told *out, enum verdict verdict)
{
    (void)attempt;
    if (cell_has(cell, "ddtrace=3.17.3")) {
        out->verdict = verdict;
        out->conclusion = "so it is";
    }
}

static void script_error(const struct matrix_cell *cell, unsigned attempt, struct told *out)
{
    script_verdict(cell, attempt, out, VERDICT_ERROR);
}

static void script_inconclusive(const struct matrix_cell *cell, unsigned attempt, struct told *out)
{
    script_verdict(cell, attempt, out, VERDICT_INCONCLUSIVE);
}

static void test_verdicts_without_losses(void **state)
{
    (void)state;
    struct matrix_record *error = record_of(text_versions, script_error);
    struct matrix_record *open = record_of(text_versions, script_inconclusive);
    assert_int_equal(code_with(error, NULL), 70);
    assert_int_equal(code_with(error, &(struct matrix_baseline){.record = error}), 70);
    assert_int_equal(code_with(open, NULL), 4);
    assert_int_equal(code_with(open, &(struct matrix_baseline){.record = open}), 0);
    assert_int_equal(code_with(open, &(struct matrix_baseline){.record = error}), 4);
    matrix_record_free(error);
    matrix_record_free(open);
}

static void test_what_did_not_run(void **state)
{
    (void)state;
    struct matrix_record *record = record_of(text_versions, script_success);
    assert_int_equal(code_with(record, NULL), 0);
    for (size_t i = 0; i < record->cells[3].attempt_count; i++)
        matrix_attempt_fini(&record->cells[3].attempts[i]);
    record->cells[3].attempt_count = 0;
    assert_int_equal(code_with(record, NULL), 4);
    record->mine[3] = false;
    assert_int_equal(code_with(record, NULL), 0);
    record->interrupted = true;
    assert_int_equal(code_with(record, NULL), 130);
    matrix_record_free(record);
}

static void assert_concluded(const struct matrix_record *record, const char *text)
{
    struct matrix_known known = {.today = MATRIX_TODAY};
    struct matrix_report *r = matrix_report_new(record, &known);
    char *said = matrix_conclusion_text(r);
    assert_string_equal(said, text);
    free(said);
    matrix_report_free(r);
}

static void test_few_cells_are_not_all(void **state)
{
    (void)state;
    struct matrix_record *record = record_of("name: two\nscenario: x.yaml\naxes: {threads: [1, 2]}\n", script_success);
    for (size_t i = 0; i < 2; i++) {
        matrix_attempt_fini(&record->cells[i].attempts[0]);
        record->cells[i].attempt_count = 0;
        assert_concluded(record, i == 0 ? "the only cell that ran is a success, 1 cell did not run"
                                        : "no cell ran, 2 cells did not run");
    }
    record->mine[0] = record->mine[1] = false; /* a shard of a farm that is larger than the matrix */
    assert_concluded(record, "there was no cell to run");
    matrix_record_free(record);
}

/* --- merges ----------------------------------------------------------------------------------------------------- */

static char directory[64];

static int make_directory(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/locktrail-report-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    char *command = mem_printf("rm -rf %s", directory);
    int result = system(command);
    free(command);
    return result;
}

static void all_forms(const struct matrix_record *record, struct buf *out)
{
    struct matrix_known known = {.today = MATRIX_TODAY};
    struct matrix_report *r = matrix_report_new(record, &known);
    terminal(r, out);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        forms[i].write(r, out);
    matrix_report_free(r);
}

/* Merged, and written and read back, the report has the bytes of a matrix that was not cut. */
static void test_merged_shards_have_the_same_bytes(void **state)
{
    enum { SHARDS = 5 };
    char *names[SHARDS], *whole = mem_printf("%s/whole", directory), *merged = mem_printf("%s/merged", directory);
    struct matrix_record *records[3];
    struct buf texts[3] = {{0}, {0}, {0}};
    struct err e;
    (void)state;
    directory_make(whole, matrix_base, 1, 1, NULL, 1);
    for (unsigned i = 0; i < SHARDS; i++) {
        names[i] = mem_printf("%s/%u", directory, i);
        directory_make(names[i], matrix_base, i + 1, SHARDS, NULL, i % 2 ? -1 : 1);
    }
    if (matrix_record_load(whole, &records[0], &e) < 0 ||
        matrix_record_merge((const char *const *)names, SHARDS, &records[1], &e) < 0 ||
        matrix_record_write(records[1], names[0], merged, &e) < 0 || matrix_record_load(merged, &records[2], &e) < 0)
        fail_msg("%s", e.text);
    for (size_t i = 0; i < 3; i++) {
        all_forms(records[i], &texts[i]);
        matrix_record_free(records[i]);
        assert_string_equal(texts[i].data, texts[0].data);
    }
    assert_non_null(strstr(texts[0].data, "lost iff build = g1"));
    for (size_t i = 0; i < SHARDS; i++)
        free(names[i]);
    for (size_t i = 0; i < 3; i++)
        buf_fini(&texts[i]);
    free(whole);
    free(merged);
}

static void test_missing_shards_are_named(void **state)
{
    struct matrix_record *record;
    struct buf out = {0};
    struct err e;
    (void)state;
    char *names[] = {mem_printf("%s/1", directory), mem_printf("%s/4", directory)};
    directory_make(names[0], matrix_base, 1, 4, NULL, 1);
    directory_make(names[1], matrix_base, 4, 4, NULL, 1);
    if (matrix_record_merge((const char *const *)names, 2, &record, &e) < 0)
        fail_msg("%s", e.text);
    all_forms(record, &out);
    assert_non_null(strstr(out.data, "MISSING    of 4 shards: 2, 3; 6 cells\n"));
    assert_non_null(strstr(out.data, "Missing shards: 2, 3\n"));
    assert_non_null(strstr(out.data, "::error title=Shards are missing::2 of 4 shards are missing\n"));
    matrix_record_free(record);
    buf_fini(&out);
    free(names[0]);
    free(names[1]);
}

/* --- bounds ----------------------------------------------------------------------------------------------------- */

/* Twelve locks, each lost in a release of its own, and each in some of its attempts only. */
static void script_many(const struct matrix_cell *cell, unsigned attempt, struct told *out)
{
    static const char *const locks[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};
    if (attempt == 1)
        tell_loss(out, locks[cell->values[0]], STAGE_COLLECTOR, MECHANISM_ALIASED);
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, word)); at++)
        count++;
    return count;
}

static void test_annotations_are_as_many_as_are_shown(void **state)
{
    (void)state;
    struct matrix_record *record =
        record_of("name: many\nscenario: x.yaml\naxes: {threads: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]}\n"
                  "retries: 1\n",
                  script_many);
    struct matrix_known known = {.today = MATRIX_TODAY};
    struct matrix_report *r = matrix_report_new(record, &known);
    struct buf out = {0};
    matrix_report_annotations(r, &out);
    assert_int_equal(count_of(out.data, "::error title="), 10);
    assert_int_equal(count_of(out.data, "::warning title="), 10);
    assert_int_equal(count_of(out.data, "(and 2 more like this in the report)\n"), 2);
    matrix_report_free(r);
    matrix_record_free(record);
    buf_fini(&out);
}

/* Every line but those of commands and the directory fits a terminal. */
static void test_width(void **state)
{
    static const struct {
        const char *text;
        script_fn script;
    } cases[] = {{text_versions, script_versions}, {text_mixed, script_mixed}, {text_hostile, script_hostile}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct matrix_record *record = record_of(cases[i].text, cases[i].script);
        struct matrix_known known = {.today = MATRIX_TODAY};
        struct matrix_report *r = matrix_report_new(record, &known);
        struct buf out = {0};
        terminal(r, &out);
        for (char *line = strtok(out.data, "\n"); line; line = strtok(NULL, "\n"))
            if (strlen(line) > 80 && strncmp(line, "      locktrail ", 16) != 0)
                fail_msg("%zu columns: %s", strlen(line), line);
        matrix_report_free(r);
        matrix_record_free(record);
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_reports),
        cmocka_unit_test(test_where_rlocks_appear),
        cmocka_unit_test(test_reasons_of_errors),
        cmocka_unit_test(test_every_cell_that_could_be_judged),
        cmocka_unit_test(test_expected_and_baseline),
        cmocka_unit_test(test_what_counts),
        cmocka_unit_test(test_baselines),
        cmocka_unit_test(test_verdicts_without_losses),
        cmocka_unit_test(test_what_did_not_run),
        cmocka_unit_test(test_few_cells_are_not_all),
        cmocka_unit_test_setup_teardown(test_merged_shards_have_the_same_bytes, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(test_missing_shards_are_named, make_directory, remove_directory),
        cmocka_unit_test(test_annotations_are_as_many_as_are_shown),
        cmocka_unit_test(test_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
