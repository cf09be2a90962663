/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/matrix_baseline.h"

#include "matrix_directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static char directory[64];

static int setup(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/locktrail-baseline-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return directory_remove(directory);
}

static struct matrix_baseline *load(void)
{
    struct matrix_baseline *b = NULL;
    struct err e;
    if (matrix_baseline_load(directory, &b, &e) < 0)
        fail_msg("%s", e.text);
    assert_string_equal(b->directory, directory);
    return b;
}

static void test_of_a_matrix(void **state)
{
    (void)state;
    directory_make(directory, matrix_base, 1, 1, NULL, 1);
    directory_file(directory, "report.json", "{}"); /* the matrix's own, which is not read */
    struct matrix_baseline *b = load();
    assert_int_equal(b->record->matrix->cell_count, 12);
    assert_int_equal(b->run.loss_count, 0);
    matrix_baseline_free(b);
}

static void test_of_a_run(void **state)
{
    (void)state;
    directory_file(directory, "report.json",
                   "{\"verdict\": \"partial\", \"conclusion\": \"c\", \"locks\": [{\"worker\": \"py\", \"id\": "
                   "\"member/a\", \"loss\": {\"stage\": \"agent\", \"mechanism\": \"label_dropped\"}}]}");
    struct matrix_baseline *b = load();
    assert_null(b->record);
    assert_int_equal(b->run.verdict, VERDICT_PARTIAL);
    assert_int_equal(b->run.loss_count, 1);
    assert_string_equal(b->run.losses[0].lock, "member/a");
    assert_int_equal(b->run.losses[0].stage, STAGE_AGENT);
    matrix_baseline_free(b);
}

static void test_of_something_else(void **state)
{
    static const struct {
        const char *name, *text, *said; /* behind the directory; NULL: the record's own error */
    } cases[] = {
        {"other.json", "{}", ": neither matrix.json nor a run's report.json is there"},
        {"report.json", "{}", "/report.json is not a report of this locktrail"},
        {"matrix.json", "{}", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct matrix_baseline *b = NULL;
        struct err e;
        directory_file(directory, cases[i].name, cases[i].text);
        assert_int_equal(matrix_baseline_load(directory, &b, &e), -1);
        assert_int_equal(e.code, ERR_INPUT);
        assert_null(b);
        if (cases[i].said) {
            char *said = mem_printf("baseline: %s%s", directory, cases[i].said);
            assert_string_equal(e.text, said);
            free(said);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_of_a_matrix, setup, teardown),
        cmocka_unit_test_setup_teardown(test_of_a_run, setup, teardown),
        cmocka_unit_test_setup_teardown(test_of_something_else, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
