/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct option options[] = {
    {"--set", "PATH=VALUE", true, "May be given again."},
    {"--out", "DIR", false, "Where to."},
    {"--yes", NULL, false, "Do not ask."},
};
static const struct command command = {.name = "demo",
                                       .operands = "FILE [N]",
                                       .operands_min = 1,
                                       .operands_max = 2,
                                       .summary = "Shows something.",
                                       .details = "More of it.",
                                       .options = options,
                                       .option_count = 3};

#define ARGS_MAX 8

static int read_line(const char *const *args, struct command_line *line, struct err *e)
{
    int count = 0;
    while (args[count])
        count++;
    return command_line_read(&command, count, (char **)args, line, e);
}

static void test_options_and_operands_in_any_order(void **state)
{
    const char *args[] = {"--set", "a=1", "file", "--yes", "--set=b=2", "7", "--out=", NULL};
    struct command_line line;
    struct err e;
    (void)state;
    assert_int_equal(read_line(args, &line, &e), 0);
    assert_int_equal(line.operand_count, 2);
    assert_string_equal(line.operands[0], "file");
    assert_string_equal(line.operands[1], "7");
    assert_int_equal(line.given_count, 4);
    assert_string_equal(line.given[0].value, "a=1");
    assert_string_equal(line.given[2].value, "b=2");
    assert_true(command_line_has(&line, "--yes"));
    assert_string_equal(command_line_value(&line, "--out"), "");
    assert_null(command_line_value(&line, "--yes"));
    command_line_fini(&line);
}

static void test_dashes(void **state)
{
    const char *args[] = {"-", "--", "--yes", NULL};
    struct command_line line;
    struct err e;
    (void)state;
    assert_int_equal(read_line(args, &line, &e), 0);
    assert_false(command_line_has(&line, "--yes"));
    assert_string_equal(line.operands[0], "-");
    assert_string_equal(line.operands[1], "--yes");
    command_line_fini(&line);
}

/* Somebody who asks for help is not told what is wrong with the rest. */
static void test_help_goes_before_errors(void **state)
{
    static const char *const cases[][ARGS_MAX] = {{"--help", "--nonsense"}, {"-h"}, {"a", "b", "c", "d", "--help"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct command_line line;
        struct err e;
        assert_int_equal(read_line(cases[i], &line, &e), 0);
        assert_true(line.help);
        command_line_fini(&line);
    }
}

static void test_errors(void **state)
{
    static const struct {
        const char *args[ARGS_MAX];
        const char *text;
    } cases[] = {
        {{NULL}, "demo: an operand is missing, expected: locktrail demo FILE [N]"},
        {{"a", "b", "c"}, "demo: \"c\" is one operand too many, expected: locktrail demo FILE [N]"},
        {{"--ot", "x", "a"}, "demo: unknown option --ot, did you mean --out? (locktrail help demo lists all)"},
        {{"--ot=x", "a"}, "demo: unknown option --ot, did you mean --out? (locktrail help demo lists all)"},
        {{"-q", "a"}, "demo: unknown option -q (locktrail help demo lists all)"},
        {{"a", "--out"}, "demo: --out needs an argument: --out DIR"},
        {{"--out", "--yes", "a"}, "demo: --out needs an argument: --out DIR"},
        {{"--yes=no", "a"}, "demo: --yes takes no argument, leave \"=no\" away"},
        {{"--out", "a", "--out", "b", "c"}, "demo: --out is given twice, give it once"},
        {{"--yes", "--yes", "c"}, "demo: --yes is given twice, give it once"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct command_line line;
        struct err e;
        assert_int_equal(read_line(cases[i].args, &line, &e), -1);
        assert_string_equal(e.text, cases[i].text);
        assert_int_equal(e.code, ERR_USAGE);
        command_line_fini(&line);
    }
}

static void test_help_text(void **state)
{
    struct buf b = {0};
    (void)state;
    command_usage(&command, &b);
    assert_string_equal(b.data, "usage: locktrail demo [OPTION]... FILE [N]\n"
                                "Shows something.\n"
                                "\n"
                                "options:\n"
                                "  --set PATH=VALUE      May be given again.\n"
                                "  --out DIR             Where to.\n"
                                "  --yes                 Do not ask.\n"
                                "  --help                Show this text.\n"
                                "\n"
                                "More of it.\n");
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_and_operands_in_any_order),
        cmocka_unit_test(test_dashes),
        cmocka_unit_test(test_help_goes_before_errors),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_help_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
