/* SPDX-License-Identifier: Apache-2.0 */
/* Each NAME.yaml of tests/data/scenario/bad gives exactly the diagnostics of NAME.txt: line, column, text and excerpt.
 */
#include "bad_files.h"

static void read_scenario(const struct buf *text, struct buf *said)
{
    scenario_free(read_with(text->data, text->size, NULL, 0, said));
}

static void test_each_bad_file_gives_its_diagnostics(void **state)
{
    (void)state;
    bad_files_check("tests/data/scenario/bad/", 161, read_scenario);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_bad_file_gives_its_diagnostics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
