/* SPDX-License-Identifier: Apache-2.0 */
/* Each NAME.yaml of tests/data/scenario/bad gives exactly the diagnostics of NAME.txt: line, column, text and excerpt.
 */
#include "scenario_text.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define DIRECTORY "tests/data/scenario/bad/"
/* What the table had when it was written: a folder that is not found must not pass. */
#define CASES_MIN 161

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
    scenario_free(read_with(text.data, text.size, NULL, 0, &said));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_bad_file_gives_its_diagnostics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
