/* SPDX-License-Identifier: Apache-2.0 */
/* Each NAME.yaml of tests/data/matrix gives exactly the diagnostics of NAME.txt. */
#include "bad_files.h"
#include "matrix_text.h"

static void read_bad(const struct buf *text, struct buf *said)
{
    matrix_free(read_matrix(text->data, text->size, matrix_scenario, said));
}

static void test_each_bad_file_gives_its_diagnostics(void **state)
{
    (void)state;
    bad_files_check("tests/data/matrix/", 30, read_bad);
}

static void test_a_bad_scenario_is_told_at_its_key(void **state)
{
    (void)state;
    static const char text[] = "name: m\nscenario: base.yaml\naxes: {}\n";
    struct buf said = {0};
    assert_null(read_matrix(text, strlen(text), "name: x\nworkers: {w: {runtime: nativ}}\nphases: [local]\n", &said));
    assert_string_equal(said.data, "2:11: error: scenario: base.yaml:2:24: workers.w.runtime: `nativ` found, expected "
                                   "`native`, `ddtrace` or `command`, did you mean `native`?\n"
                                   "scenario: base.yaml\n"
                                   "          ^\n");
    buf_fini(&said);
}

static void test_a_file_that_is_too_large_is_not_read(void **state)
{
    (void)state;
    struct buf text = {0}, said = {0};
    buf_reserve(&text, SCENARIO_SIZE_MAX + 1);
    memset(text.data, '#', SCENARIO_SIZE_MAX + 1);
    assert_null(read_matrix(text.data, SCENARIO_SIZE_MAX + 1, matrix_scenario, &said));
    assert_non_null(strstr(said.data, "1:1: error: the file has 1048577 bytes, expected a matrix of at most 1MiB\n"));
    buf_fini(&text);
    buf_fini(&said);
}

/* Values that only they have are not even read. */
static void test_too_many_includes_are_told_once(void **state)
{
    (void)state;
    struct buf text = {0}, said = {0};
    buf_add_str(&text, "name: m\nscenario: base.yaml\naxes: {a: [{b: {threads: 1}}]}\ninclude:\n");
    for (int i = 0; i <= 1000; i++)
        buf_printf(&text, "- {a: v%d}\n", i);
    assert_null(read_matrix(text.data, text.size, matrix_scenario, &said));
    assert_string_equal(said.data,
                        "5:1: error: include: a list of 1001 found, expected a list of at most 1000 mappings "
                        "of axes and their values\n- {a: v0}\n^\n");
    buf_fini(&text);
    buf_fini(&said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_bad_file_gives_its_diagnostics),
        cmocka_unit_test(test_a_bad_scenario_is_told_at_its_key),
        cmocka_unit_test(test_a_file_that_is_too_large_is_not_read),
        cmocka_unit_test(test_too_many_includes_are_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
