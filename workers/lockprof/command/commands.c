/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/command/commands.h"

#include "base/write.h"
#include "lockprof/export/say.h"
#include "lockprof/export/version.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const struct command *const commands[] = {&command_run, &command_export, &command_top, &command_help,
                                                 &command_version};
#define COMMAND_COUNT (sizeof commands / sizeof *commands)

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

int output_error(const struct err *e)
{
    say_error(e->text);
    return (int)e->code;
}

int output_text(const struct buf *text)
{
    struct err e;
    if (write_all(STDOUT_FILENO, text->data, text->size) == 0 || errno == EPIPE)
        return 0;
    err_sys(&e, ERR_WRITE, errno, "can't write to standard output");
    return output_error(&e);
}

/* --- help and version --------------------------------------------------------------------------------------------- */

static void add_overview(struct buf *out)
{
    buf_add_str(out, "usage: lockprof COMMAND [OPTION]... [OPERAND]...\n");
    add_wrapped(out,
                "Says which locks of a C or C++ program are waited for, under the names that they have in its source. "
                "The program runs unchanged; names come from its debug information (build it with -g).",
                0);
    buf_add_str(out, "\ncommands:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        buf_printf(out, "  %-9s", commands[i]->name);
        add_wrapped(out, commands[i]->summary, 11);
    }
    buf_add_str(out, "\nexample:\n"
                     "  lockprof run --output /tmp/shop -- ./shop --port 8080\n"
                     "  lockprof top /tmp/shop.*.pprof\n"
                     "\nlockprof help COMMAND shows a command's options; the man page is lockprof(1).\n"
                     "\nexit status:\n"
                     "  run ends as the program does (128+N where signal N ended it), 126 or 127 where\n"
                     "  it can't be started. Else 0, or\n"
                     " 64  wrong command line          65  bad input file\n"
                     " 69  something is not there      70  internal error\n"
                     " 73  can't write\n");
}

static int run_help(const struct command_line *line)
{
    struct buf text = {0};
    struct err e;
    const struct command *command = line->operand_count > 0 ? find_command(line->operands[0]) : NULL;
    if (line->operand_count > 0 && !command) {
        err_set(&e, ERR_USAGE, "help: there is no command \"%s\" (lockprof help lists all)", line->operands[0]);
        return output_error(&e);
    }
    if (command)
        command_usage(command, &text);
    else
        add_overview(&text);
    int code = output_text(&text);
    buf_fini(&text);
    return code;
}

static int run_version(const struct command_line *line)
{
    struct buf text = {0};
    (void)line;
    buf_add_str(&text, "lockprof " LOCKPROF_VERSION "\n");
    int code = output_text(&text);
    buf_fini(&text);
    return code;
}

const struct command command_help = {
    .name = "help",
    .operands = "[COMMAND]",
    .operands_max = 1,
    .summary = "Shows the commands, or the options of one.",
    .run = run_help,
};

const struct command command_version = {
    .name = "version",
    .operands = "",
    .summary = "Prints lockprof's version.",
    .run = run_version,
};

/* --- the program -------------------------------------------------------------------------------------------------- */

static int run_command(const struct command *command, int argc, char **argv)
{
    struct command_line line;
    struct err e;
    if (command_line_read(command, argc, argv, &line, &e) != 0)
        return output_error(&e);
    if (!line.help)
        return command->run(&line);
    struct buf text = {0};
    command_usage(command, &text);
    int code = output_text(&text);
    buf_fini(&text);
    return code;
}

int commands_main(int argc, char **argv)
{
    struct err e;
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0)
        name = "version";
    const struct command *command = find_command(name);
    if (!command) {
        err_set(&e, ERR_USAGE,
                "there is no command \"%s\" (lockprof help lists all; to profile it: lockprof run -- %s)", name, name);
        return output_error(&e);
    }
    return run_command(command, argc > 1 ? argc - 2 : 0, argv + (argc > 1 ? 2 : argc));
}
