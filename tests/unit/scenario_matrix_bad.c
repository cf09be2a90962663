/* SPDX-License-Identifier: Apache-2.0 */
/* Each NAME.yaml of tests/data/matrix gives exactly the diagnostics of NAME.txt. */
#include "matrix_text.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define DIRECTORY "tests/data/matrix/"
/* What the folder had when it was written: one that is not found must not pass. */
#define CASES_MIN 30

static int is_case(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);
    return size > 5 && strcmp(entry->d_name + size - 5, ".yaml") == 0;
}

static bool check_case(const char *name)
{
    struct buf path = {0}, text = {0}, expected = {0}, said = {0};
    buf_printf(&path, DIRECTORY "%s", name);
    assert_true(slurp(path.data, &text));
    memcpy(path.data + path.size - 4, "txt", 4);
    assert_true(slurp(path.data, &expected));
    matrix_free(read_matrix(text.data, text.size, matrix_scenario, &said));
    bool same = said.size == expected.size && memcmp(said.data, expected.data, said.size) == 0;
    if (!same) {
        print_error("%s says:\n%sexpected:\n%s", name, said.data ? said.data : "", expected.data);
    }
    buf_fini(&path);
    buf_fini(&text);
    buf_fini(&expected);
    buf_fini(&said);
    return same;
}

static void test_each_bad_file_gives_its_diagnostics(void **state)
{
    (void)state;
    struct dirent **entries;
    int count = scandir(DIRECTORY, &entries, is_case, alphasort), wrong = 0;
    assert_true(count >= CASES_MIN);
    for (int i = 0; i < count; i++) {
        wrong += !check_case(entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    assert_int_equal(wrong, 0);
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
