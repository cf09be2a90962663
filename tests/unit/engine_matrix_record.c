/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a matrix: what is written is read back, also what a kill has left. */
#include "engine/matrix_record.h"

#include "matrix_directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

static char directory[64], here[80];

static int setup(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/locktrail-record-XXXXXX");
    if (!mkdtemp(directory)) {
        return -1;
    }
    snprintf(here, sizeof here, "%s/m", directory);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return directory_remove(directory);
}

__attribute__((format(printf, 4, 5))) static void assert_refused(int result, const struct err *e, enum err_code code,
                                                                 const char *fmt, ...)
{
    va_list args;
    char *expected = NULL;
    va_start(args, fmt);
    assert_true(vasprintf(&expected, fmt, args) > 0);
    va_end(args);
    assert_int_equal(result, -1);
    assert_string_equal(e->text, expected);
    assert_int_equal(e->code, code);
    free(expected);
}

static void assert_same_cells(const struct matrix_record *a, const struct matrix_record *b)
{
    assert_string_equal(a->matrix->hash, b->matrix->hash);
    assert_int_equal(a->matrix->cell_count, b->matrix->cell_count);
    for (size_t i = 0; i < a->matrix->cell_count; i++) {
        struct buf x = {0}, y = {0};
        assert_int_equal(a->cells[i].attempt_count, b->cells[i].attempt_count);
        assert_int_equal(a->cells[i].cell, i);
        assert_int_equal(a->mine[i], b->mine[i]);
        for (size_t j = 0; j < a->cells[i].attempt_count; j++) {
            matrix_attempt_write(&a->matrix->cells[i], &a->cells[i].attempts[j], &x);
            matrix_attempt_write(&b->matrix->cells[i], &b->cells[i].attempts[j], &y);
        }
        assert_string_equal(x.data ? x.data : "", y.data ? y.data : "");
        buf_fini(&x);
        buf_fini(&y);
    }
}

static struct matrix_record *load(const char *path)
{
    struct matrix_record *r = NULL;
    struct err e;
    if (matrix_record_load(path, &r, &e) < 0) {
        fail_msg("%s", e.text);
    }
    return r;
}

static void test_what_is_written_is_read_back(void **state)
{
    (void)state;
    directory_make(here, matrix_base, 1, 1, NULL, -1);
    struct matrix_record *r = load(here);
    assert_string_equal(r->matrix->path, "given/matrix.yaml");
    assert_int_equal(r->shard, 1);
    assert_int_equal(r->shards, 1);
    assert_string_equal(r->plan, "");
    assert_int_equal(r->matrix->cell_count, 12);
    for (size_t i = 0; i < 12; i++) {
        const struct matrix_cell_record *c = &r->cells[i];
        bool loses = strstr(r->matrix->cells[i].key, "build=g1") != NULL;
        assert_true(r->mine[i]);
        assert_int_equal(c->attempt_count, loses || i == 6 ? 3 : 1);
        assert_int_equal(matrix_cell_verdict(c), loses || i == 6 ? VERDICT_FAILURE : VERDICT_SUCCESS);
        assert_int_equal(matrix_cell_flaky(c), i == 6 && !loses);
    }
    assert_int_equal(r->cells[4].attempts[0].loss_count, 1);
    assert_string_equal(r->cells[4].attempts[0].losses[0].lock, "member/user_session_lock");
    assert_int_equal(r->cells[4].attempts[0].losses[0].mechanism, MECHANISM_NEVER_NAMED);
    matrix_record_free(r);
}

static void test_a_torn_last_line_is_left_out_and_cut_off(void **state)
{
    (void)state;
    struct matrix_record *r = NULL;
    struct err e;
    struct stat before, after;
    char *path = mem_printf("%s/cells.jsonl", here);
    directory_make(here, matrix_base, 1, 1, NULL, 1);
    assert_int_equal(stat(path, &before), 0);
    directory_append(here, "{\"id\":\"0123", 11);
    struct matrix_record *whole = load(here);
    assert_int_equal(whole->cells[11].attempt_count, 1);
    /* Whoever goes on cuts it off. */
    assert_int_equal(matrix_record_resume(here, &r, &e), 0);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(after.st_size, before.st_size);
    assert_same_cells(r, whole);
    matrix_record_free(r);
    matrix_record_free(whole);
    free(path);
}

/* The last attempt of cell 0, a good one, is followed by one that says that something is missing. */
static void test_what_could_not_be_run_is_made_anew(void **state)
{
    (void)state;
    struct matrix_record *r = NULL, *again = NULL;
    struct err e;
    struct buf line = {0};
    directory_make(here, matrix_base, 1, 1, NULL, -1);
    struct matrix_record *whole = load(here);
    struct matrix_attempt refused = {.number = (unsigned)whole->cells[0].attempt_count + 1,
                                     .verdict = VERDICT_ERROR,
                                     .exit_code = ERR_MISSING,
                                     .conclusion = mem_strdup("there is no agent")};
    matrix_attempt_write(&whole->matrix->cells[0], &refused, &line);
    buf_add_str(&line, "\n{\"torn");
    directory_append(here, line.data, line.size);
    assert_int_equal(matrix_record_resume(here, &r, &e), 0);
    assert_same_cells(r, whole);
    again = load(here);
    assert_same_cells(again, whole);
    matrix_record_free(again);
    matrix_record_free(r);
    matrix_record_free(whole);
    matrix_attempt_fini(&refused);
    buf_fini(&line);
}

static void test_nothing_has_ended_yet(void **state)
{
    (void)state;
    struct matrix_record *r = NULL;
    struct err e;
    char *path = mem_printf("%s/cells.jsonl", here);
    directory_make(here, matrix_base, 1, 1, NULL, 1);
    unlink(path);
    assert_int_equal(matrix_record_resume(here, &r, &e), 0);
    assert_int_equal(r->cells[0].attempt_count, 0);
    assert_int_equal(matrix_cell_verdict(&r->cells[0]), VERDICT_ERROR);
    assert_false(matrix_cell_flaky(&r->cells[0]));
    matrix_record_free(r);
    free(path);
}

static void test_only_and_shards_say_which_cells_are_mine(void **state)
{
    (void)state;
    static const char *const only[] = {"build=g1", "seed=2"};
    struct matrix_record *r, *back;
    struct err e;
    size_t mine = 0, chosen = 0;
    directory_make(here, matrix_base, 1, 1, NULL, 1);
    assert_int_equal(matrix_record_new(directory_matrix(matrix_base), only, 2, 2, 2, NULL, &r, &e), 0);
    r->interrupted = true;
    assert_int_equal(matrix_record_write_head(r, here, &e), 0);
    directory_file(here, "cells.jsonl", "");
    back = load(here);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(back->chosen[i], strstr(r->matrix->cells[i].key, "build=g1") && r->matrix->cells[i].seed == 2);
        assert_int_equal(back->mine[i], r->mine[i]);
        mine += back->mine[i];
        chosen += back->chosen[i];
    }
    assert_int_equal(chosen, 2);
    assert_int_equal(mine, 1);
    assert_true(back->interrupted);
    assert_string_equal(back->plan, r->plan);
    assert_int_equal(strlen(back->plan), 64);
    assert_int_equal(back->only_count, 2);
    matrix_record_free(r);
    matrix_record_free(back);
}

static void test_filters_that_leave_nothing_are_refused(void **state)
{
    (void)state;
    static const char *const only[] = {"build=g1", "build=O2g", "seed=2", "threads=8"};
    struct matrix_record *r;
    struct err e;
    int result = matrix_record_new(directory_matrix(matrix_base), only, 4, 1, 1, NULL, &r, &e);
    assert_refused(result, &e, ERR_USAGE, "no cell of given/matrix.yaml has threads=8");
    static const char two[] = "name: m\nscenario: base.yaml\naxes: {build: [O2g, g1], threads: [2, 4]}\n"
                              "exclude: [{build: g1, threads: 4}]\n";
    static const char *const both[] = {"build=g1", "threads=4"};
    result = matrix_record_new(directory_matrix(two), both, 2, 1, 1, NULL, &r, &e);
    assert_refused(result, &e, ERR_USAGE, "no cell of given/matrix.yaml has all that --only asks for");
}

static void test_a_shard_may_be_empty(void **state)
{
    (void)state;
    struct matrix_record *r;
    struct err e;
    size_t mine = 0;
    assert_int_equal(matrix_record_new(directory_matrix(matrix_base), NULL, 0, 13, 13, NULL, &r, &e), 0);
    for (size_t i = 0; i < 12; i++) {
        mine += r->mine[i];
    }
    assert_int_equal(mine, 0);
    matrix_record_free(r);
}

/* --- broken directories ----------------------------------------------------------------------------------------- */

static void test_files_that_were_changed_are_refused(void **state)
{
    (void)state;
    struct matrix_record *r;
    struct err e;
    directory_make(here, matrix_base, 1, 1, NULL, 1);
    directory_file(here, "matrix.yaml", "name: m\nscenario: base.yaml\naxes: {threads: [2, 4]}\n");
    assert_refused(matrix_record_load(here, &r, &e), &e, ERR_INPUT,
                   "%s/matrix.yaml and scenario.yaml are not what was run there: they were changed, or another version "
                   "of locktrail reads them",
                   here);
    directory_file(here, "matrix.yaml", "name: m\nscenario: base.yaml\naxes: {thread: [2, 4]}\n");
    assert_refused(matrix_record_load(here, &r, &e), &e, ERR_INPUT,
                   "%s/matrix.yaml:3:8: axes: unknown axis `thread`, did you mean `threads`?", here);
    char *path = mem_printf("%s/matrix.yaml", here);
    unlink(path);
    assert_refused(matrix_record_load(here, &r, &e), &e, ERR_MISSING, "cannot read %s: No such file or directory",
                   path);
    free(path);
    assert_refused(matrix_record_load(directory, &r, &e), &e, ERR_MISSING,
                   "cannot read %s/matrix.json: No such file or directory", directory);
}

#define HEAD_OF(members) "{\"schema\":\"locktrail/matrix/1\"," members "}"
#define REST "\"path\":\"p\",\"hash\":\"h\",\"plan\":\"\",\"interrupted\":false"

static void test_heads_of_another_form_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text;
    } cases[] = {
        {"{", "offset 1: expected a key in quotes or '}', found the end"},
        {"{}", "\"schema\" is not locktrail/matrix/1: made by another version of locktrail"},
        {HEAD_OF("\"path\":\"p\""), "\"hash\" is missing"},
        {HEAD_OF(REST ",\"shard\":3,\"shards\":2"), "\"shard\" and \"shards\" are no part of a whole"},
        {HEAD_OF(REST ",\"shard\":1,\"shards\":2"), "\"missing\" is no list of shards"},
        {HEAD_OF(REST ",\"shard\":0,\"shards\":2,\"missing\":[3]"), "\"missing\" is no list of shards"},
        {HEAD_OF(REST ",\"shard\":1,\"shards\":2,\"missing\":[]"), "\"only\" is no list of at most 1000"},
        {HEAD_OF(REST ",\"shard\":1,\"shards\":2,\"missing\":[],\"only\":[1]"),
         "\"only\" has something that is no text"},
        {HEAD_OF(REST ",\"shard\":1,\"shards\":2,\"missing\":[],\"only\":[]"),
         "\"cells\" is no list of at most 100000"},
    };
    directory_make(here, matrix_base, 1, 1, NULL, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct matrix_record *r;
        struct err e;
        directory_file(here, "matrix.json", cases[i].json);
        assert_refused(matrix_record_load(here, &r, &e), &e, ERR_INPUT, "%s/matrix.json: %s", here, cases[i].text);
    }
}

#define LINE(members) "{\"id\":\"%s\"" members "}\n"
#define GOOD ",\"number\":1,\"verdict\":\"success\",\"exit_code\":0,\"duration_ms\":1,\"conclusion\":\"\",\"losses\":"

static void test_lines_of_another_form_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *line, *text;
    } cases[] = {
        {"{\"id\":\"%.4s\"}\n", "\"id\" is no cell's id"},
        {LINE(""), "\"conclusion\" is missing"},
        {LINE(",\"conclusion\":\"\",\"verdict\":\"fine\""), "\"verdict\" is missing"},
        {LINE(",\"conclusion\":\"\",\"verdict\":\"success\""),
         "\"number\" is no whole number of the range that it has"},
        {LINE(",\"conclusion\":\"\",\"verdict\":\"success\",\"number\":1,\"exit_code\":256"),
         "\"exit_code\" is no whole number of the range that it has"},
        {LINE(",\"conclusion\":\"\",\"verdict\":\"success\",\"number\":1,\"exit_code\":0,"
              "\"duration_ms\":100000000001"),
         "\"duration_ms\" is no whole number of the range that it has"},
        {LINE(GOOD "3"), "\"losses\" is no list of at most 1000"},
        {LINE(GOOD "[{\"worker\":\"c\",\"lock\":\"l\",\"stage\":\"moon\",\"mechanism\":\"never_named\"}]"),
         "a loss is not of the form worker, lock, stage, mechanism"},
        {"{\"id\":\"000000000000\"" GOOD "[]}\n", "000000000000 is no cell of the matrix"},
        {LINE(GOOD "[]") LINE(GOOD "[]"), NULL},
    };
    directory_make(here, matrix_base, 1, 1, NULL, 1);
    struct matrix_record *whole = load(here), *r;
    const char *id = whole->matrix->cells[3].id;
    struct err e;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf text = {0};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        buf_printf(&text, cases[i].line, id, id);
#pragma GCC diagnostic pop
        directory_file(here, "cells.jsonl", text.data);
        int result = matrix_record_load(here, &r, &e);
        if (cases[i].text) {
            assert_refused(result, &e, ERR_INPUT, "%s/cells.jsonl:1: %s", here, cases[i].text);
        } else {
            assert_refused(result, &e, ERR_INPUT, "%s/cells.jsonl:2: %s has its attempts out of order", here, id);
        }
        buf_fini(&text);
    }
    matrix_record_free(whole);
}

/* --- durations -------------------------------------------------------------------------------------------------- */

static void test_durations_are_kept_by_id(void **state)
{
    (void)state;
    struct err e;
    int64_t ms[12] = {0}, known[12] = {0};
    directory_make(here, matrix_base, 1, 2, NULL, 1);
    struct matrix_record *r = load(here);
    for (size_t i = 0; i < 12; i++) {
        known[i] = i == 0 ? 0 : 77;
    }
    assert_int_equal(matrix_durations_write(r, known, here, &e), 0);
    assert_int_equal(matrix_durations_read(here, r->matrix, ms, &e), 0);
    for (size_t i = 0; i < 12; i++) {
        int64_t took = (int64_t)r->cells[i].attempt_count * (1000 + (int64_t)i);
        assert_int_equal(ms[i], r->mine[i] ? took : known[i]);
    }
    /* Those of another matrix are of no use, and no error. */
    struct matrix *other = directory_matrix("name: o\nscenario: base.yaml\naxes: {capture_pct: [1, 10]}\n");
    int64_t none[2] = {0};
    assert_int_equal(matrix_durations_read(here, other, none, &e), 0);
    assert_int_equal(none[0] + none[1], 0);
    matrix_free(other);
    directory_file(here, "durations.json", "{\"schema\":\"locktrail/durations/1\",\"cells\":{\"a\":-1}}");
    assert_refused(matrix_durations_read(here, r->matrix, ms, &e), &e, ERR_INPUT,
                   "%s/durations.json: \"a\" has no duration in milliseconds", here);
    directory_file(here, "durations.json", "{\"cells\":{}}");
    assert_refused(matrix_durations_read(here, r->matrix, ms, &e), &e, ERR_INPUT,
                   "%s/durations.json: is no durations.json of a matrix (schema locktrail/durations/1)", here);
    matrix_record_free(r);
}

static void test_the_worst_verdict_counts(void **state)
{
    (void)state;
    static const enum verdict order[] = {VERDICT_ERROR,   VERDICT_CRITICAL,     VERDICT_FAILURE,
                                         VERDICT_PARTIAL, VERDICT_INCONCLUSIVE, VERDICT_SUCCESS};
    for (int i = 0; i < VERDICT_COUNT; i++) {
        for (int j = 0; j < VERDICT_COUNT; j++) {
            struct matrix_attempt attempts[2] = {{.verdict = order[i]}, {.verdict = order[j]}};
            struct matrix_cell_record c = {.attempts = attempts, .attempt_count = 2};
            assert_int_equal(verdict_compare(order[i], order[j]) < 0, i < j);
            assert_int_equal(matrix_cell_verdict(&c), order[i < j ? i : j]);
            assert_int_equal(matrix_cell_flaky(&c), i != j);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_written_is_read_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_torn_last_line_is_left_out_and_cut_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_could_not_be_run_is_made_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_has_ended_yet, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_and_shards_say_which_cells_are_mine, setup, teardown),
        cmocka_unit_test(test_filters_that_leave_nothing_are_refused),
        cmocka_unit_test(test_a_shard_may_be_empty),
        cmocka_unit_test_setup_teardown(test_files_that_were_changed_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_heads_of_another_form_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lines_of_another_form_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_durations_are_kept_by_id, setup, teardown),
        cmocka_unit_test(test_the_worst_verdict_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
