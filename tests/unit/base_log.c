/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Standard error goes into a temporary file while a test runs. */
struct fixture {
    FILE *file;
    int saved;
    char text[8192];
};

static int set_up(void **state)
{
    static struct fixture f;
    f.file = tmpfile();
    f.saved = dup(STDERR_FILENO);
    dup2(fileno(f.file), STDERR_FILENO);
    log_set_level(LOG_WARN);
    *state = &f;
    return f.file == NULL || f.saved < 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    dup2(f->saved, STDERR_FILENO);
    close(f->saved);
    return fclose(f->file);
}

static const char *written(struct fixture *f)
{
    rewind(f->file);
    f->text[fread(f->text, 1, sizeof f->text - 1, f->file)] = '\0';
    return f->text;
}

static void test_line_has_time_level_actor_text(void **state)
{
    int hour, minute, end = 0;
    double second;
    log_line(LOG_WARN, "intake", "%d parts, expected %d", 2, 3);
    const char *text = written(*state);
    assert_int_equal(sscanf(text, "%2d:%2d:%6lf%n", &hour, &minute, &second, &end), 3);
    assert_int_equal(end, 12);
    assert_string_equal(text + end, " WARN  intake 2 parts, expected 3\n");
}

static void test_lines_above_the_level_are_dropped(void **state)
{
    assert_int_equal(log_get_level(), LOG_WARN);
    log_line(LOG_INFO, "run", "no");
    assert_string_equal(written(*state), "");
    log_set_level(LOG_DEBUG);
    assert_int_equal(log_get_level(), LOG_DEBUG);
    log_line(LOG_DEBUG, "run", "yes");
    assert_string_equal(written(*state) + 12, " DEBUG run yes\n");
}

static void test_control_characters_do_not_break_the_line(void **state)
{
    log_line(LOG_ERROR, "wor\nker", "%s", "a\nb\x1b[31m\x7f \xE2\x82\xAC");
    assert_string_equal(written(*state) + 12, " ERROR wor\\x0aker a\\x0ab\\x1b[31m\\x7f \xE2\x82\xAC\n");
}

static void test_a_long_line_is_cut_with_dots(void **state)
{
    log_line(LOG_ERROR, "run", "%5000s", "x");
    const char *text = written(*state);
    size_t size = strlen(text);
    assert_in_range(size, 2048, 2100);
    assert_string_equal(text + size - 4, "...\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_line_has_time_level_actor_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lines_above_the_level_are_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_control_characters_do_not_break_the_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_long_line_is_cut_with_dots, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
