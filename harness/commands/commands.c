/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "commands/output.h"
#include "report/text.h"
#include "scenario/nearest.h"

#include <string.h>

const struct command *const commands[] = {&command_run,    &command_soak,    &command_top,      &command_matrix,
                                          &command_merge,  &command_bisect,  &command_validate, &command_report,
                                          &command_attest, &command_inspect, &command_tap,      &command_doctor,
                                          &command_help,   &command_version};
const size_t command_count = sizeof commands / sizeof *commands;

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

void commands_help(struct buf *out)
{
    buf_add_str(out, "usage: locktrail COMMAND [OPTION]... [OPERAND]...\n");
    text_add_wrapped(out,
                     "Follows the names of locks from the code that declares them to the profile that a backend gives "
                     "back, and says which name was lost, where, and how.",
                     0);
    buf_add_str(out, "\ncommands:\n");
    for (size_t i = 0; i < command_count; i++) {
        buf_printf(out, "  %-10s ", commands[i]->name);
        text_add_wrapped(out, commands[i]->summary, 13);
    }
    buf_add_char(out, '\n');
    text_add_wrapped(out,
                     "locktrail help COMMAND shows a command's options, locktrail help scenario the keys of a scenario "
                     "file.",
                     0);
    buf_add_str(out, "\nexit codes:\n"
                     "  0  success: each declared name at every stage\n"
                     "  1  partial: named locally, lost on the way\n"
                     "  2  failure: not named even locally\n"
                     "  3  critical: the control fails\n"
                     "  4  inconclusive: not enough evidence\n"
                     " 64  wrong command line          65  bad input file\n"
                     " 69  a component is missing      70  internal error, or the run went wrong\n"
                     " 73  can't write                130  interrupted (the report is still written)\n");
}

static int unknown_command(const char *name)
{
    struct nearest near = {0};
    struct err e;
    for (size_t i = 0; i < command_count; i++)
        nearest_offer(&near, name, commands[i]->name);
    if (near.word)
        err_set(&e, ERR_USAGE, "unknown command \"%s\", did you mean %s? (locktrail help lists all)", name, near.word);
    else
        err_set(&e, ERR_USAGE, "unknown command \"%s\" (locktrail help lists all)", name);
    return output_error(&e);
}

static int run_command(const struct command *command, int argc, char **argv)
{
    struct command_line line;
    struct err e;
    int code;
    if (command_line_read(command, argc, argv, &line, &e) < 0) {
        code = output_error(&e);
    } else if (line.help) {
        struct buf text = {0};
        command_usage(command, &text);
        code = output_text(&text);
        buf_fini(&text);
    } else {
        code = command->run(&line);
    }
    command_line_fini(&line);
    return code;
}

int commands_main(int argc, char **argv)
{
    if (argc < 2) {
        struct err e;
        err_set(&e, ERR_USAGE, "a command is missing, begin with: locktrail help");
        return output_error(&e);
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0)
        name = "version";
    const struct command *command = command_find(name);
    if (!command)
        return unknown_command(argv[1]);
    return run_command(command, argc - 2, argv + 2);
}
