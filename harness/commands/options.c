/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/options.h"

#include "base/mem.h"
#include "report/text.h"
#include "scenario/nearest.h"

#include <stdlib.h>
#include <string.h>

/* Column at which the help of an option begins. */
#define HELP_COLUMN 24

static const struct option help_option = {"--help", NULL, true, "Show this text."};

static const struct option *find_option(const struct command *c, const char *name, size_t size)
{
    for (size_t i = 0; i < c->option_count; i++)
        if (strlen(c->options[i].name) == size && memcmp(c->options[i].name, name, size) == 0)
            return &c->options[i];
    return NULL;
}

static int unknown_option(const struct command *c, const char *name, size_t size, struct err *e)
{
    char *given = mem_strndup(name, size);
    struct nearest near = {0};
    for (size_t i = 0; i < c->option_count; i++)
        nearest_offer(&near, given, c->options[i].name);
    nearest_offer(&near, given, help_option.name);
    if (near.word)
        err_set(e, ERR_USAGE, "%s: unknown option %s, did you mean %s? (locktrail help %s lists all)", c->name, given,
                near.word, c->name);
    else
        err_set(e, ERR_USAGE, "%s: unknown option %s (locktrail help %s lists all)", c->name, given, c->name);
    free(given);
    return -1;
}

static int add_given(struct command_line *line, const struct option *option, const char *value, struct err *e)
{
    if (!option->many && command_line_has(line, option->name))
        return err_set(e, ERR_USAGE, "%s: %s is given twice, give it once", line->command->name, option->name);
    line->given[line->given_count++] = (struct given_option){option, value};
    return 0;
}

/* Reads argv[0], and argv[1] where it is the argument. Returns how many were taken, or -1. */
static int read_option(struct command_line *line, int argc, char **argv, struct err *e)
{
    const struct command *c = line->command;
    size_t size = strcspn(argv[0], "=");
    const char *attached = argv[0][size] == '=' ? argv[0] + size + 1 : NULL;
    const struct option *option = find_option(c, argv[0], size);
    if (!option)
        return unknown_option(c, argv[0], size, e);
    if (!option->argument) {
        if (attached)
            return err_set(e, ERR_USAGE, "%s: %s takes no argument, leave \"=%s\" away", c->name, option->name,
                           attached);
        return add_given(line, option, NULL, e) < 0 ? -1 : 1;
    }
    if (attached)
        return add_given(line, option, attached, e) < 0 ? -1 : 1;
    /* "--out --yes" is a forgotten directory rather than one with that name, which --out=--yes still gives. */
    if (argc < 2 || strncmp(argv[1], "--", 2) == 0)
        return err_set(e, ERR_USAGE, "%s: %s needs an argument: %s %s", c->name, option->name, option->name,
                       option->argument);
    return add_given(line, option, argv[1], e) < 0 ? -1 : 2;
}

static int check_operands(const struct command_line *line, struct err *e)
{
    const struct command *c = line->command;
    if (line->operand_count < c->operands_min)
        return err_set(e, ERR_USAGE, "%s: an operand is missing, expected: locktrail %s %s", c->name, c->name,
                       c->operands);
    if (line->operand_count > c->operands_max && c->operands_max == 0)
        return err_set(e, ERR_USAGE, "%s: takes no operand, but \"%s\" is given", c->name, line->operands[0]);
    if (line->operand_count > c->operands_max)
        return err_set(e, ERR_USAGE, "%s: \"%s\" is one operand too many, expected: locktrail %s %s", c->name,
                       line->operands[c->operands_max], c->name, c->operands);
    return 0;
}

int command_line_read(const struct command *command, int argc, char **argv, struct command_line *out, struct err *e)
{
    size_t room = argc > 0 ? (size_t)argc : 1;
    *out = (struct command_line){.command = command,
                                 .operands = mem_calloc(room, sizeof *out->operands),
                                 .given = mem_calloc(room, sizeof *out->given)};
    bool options = true;
    for (int i = 0; i < argc;) {
        const char *word = argv[i];
        if (options && strcmp(word, "--") == 0) {
            options = false;
            i++;
        } else if (options && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            out->help = true;
            return 0;
        } else if (options && word[0] == '-' && word[1] != '\0') {
            int taken = read_option(out, argc - i, argv + i, e);
            if (taken < 0)
                return -1;
            i += taken;
        } else {
            out->operands[out->operand_count++] = word;
            i++;
        }
    }
    return check_operands(out, e);
}

void command_line_fini(struct command_line *line)
{
    free(line->operands);
    free(line->given);
    *line = (struct command_line){0};
}

bool command_line_has(const struct command_line *line, const char *name)
{
    for (size_t i = 0; i < line->given_count; i++)
        if (strcmp(line->given[i].option->name, name) == 0)
            return true;
    return false;
}

const char *command_line_value(const struct command_line *line, const char *name)
{
    for (size_t i = 0; i < line->given_count; i++)
        if (strcmp(line->given[i].option->name, name) == 0)
            return line->given[i].value;
    return NULL;
}

static void add_option(const struct option *option, struct buf *out)
{
    struct buf left = {0};
    buf_printf(&left, "  %s%s%s", option->name, option->argument ? " " : "", option->argument ? option->argument : "");
    if (left.size >= HELP_COLUMN)
        buf_printf(out, "%s\n%*s", left.data, HELP_COLUMN, "");
    else
        buf_printf(out, "%-*s", HELP_COLUMN, left.data);
    text_add_wrapped(out, option->help, HELP_COLUMN);
    buf_fini(&left);
}

void command_usage(const struct command *c, struct buf *out)
{
    struct buf usage = {0};
    buf_printf(&usage, "usage: locktrail %s%s%s%s", c->name, c->option_count > 0 ? " [OPTION]..." : "",
               c->operands[0] ? " " : "", c->operands);
    text_add_wrapped(out, usage.data, 4);
    text_add_wrapped(out, c->summary, 0);
    buf_add_str(out, "\noptions:\n");
    for (size_t i = 0; i < c->option_count; i++)
        add_option(&c->options[i], out);
    add_option(&help_option, out);
    if (c->details) {
        buf_add_char(out, '\n');
        text_add_wrapped(out, c->details, 0);
    }
    buf_fini(&usage);
}
