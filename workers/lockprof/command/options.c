/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/command/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 80
#define HELP_COLUMN 24

static const struct option *find_option(const struct command *c, const char *name, size_t size)
{
    for (size_t i = 0; i < c->option_count; i++)
        if (strlen(c->options[i].name) == size && memcmp(c->options[i].name, name, size) == 0)
            return &c->options[i];
    return NULL;
}

/* Reads argv[0], and argv[1] where it is the argument. Returns how many were taken, or -1. */
static int read_option(struct command_line *line, int argc, char **argv, struct err *e)
{
    const struct command *c = line->command;
    size_t size = strcspn(argv[0], "=");
    const char *value = argv[0][size] == '=' ? argv[0] + size + 1 : NULL;
    const struct option *option = find_option(c, argv[0], size);
    if (!option)
        return err_set(e, ERR_USAGE, "%s: unknown option %.*s (lockprof help %s lists all)", c->name, (int)size,
                       argv[0], c->name);
    if (command_line_has(line, option->name) || line->given_count == OPTIONS_MAX)
        return err_set(e, ERR_USAGE, "%s: %s is given twice, give it once", c->name, option->name);
    if (!option->argument && value)
        return err_set(e, ERR_USAGE, "%s: %s takes no argument, leave \"=%s\" away", c->name, option->name, value);
    int taken = 1;
    if (option->argument && !value) {
        if (argc < 2 || strncmp(argv[1], "--", 2) == 0)
            return err_set(e, ERR_USAGE, "%s: %s needs an argument: %s %s", c->name, option->name, option->name,
                           option->argument);
        value = argv[1];
        taken = 2;
    }
    line->given[line->given_count].option = option;
    line->given[line->given_count++].value = value;
    return taken;
}

static int check_operands(const struct command_line *line, struct err *e)
{
    const struct command *c = line->command;
    if (line->operand_count < c->operands_min)
        return err_set(e, ERR_USAGE, "%s: an operand is missing, expected: lockprof %s %s", c->name, c->name,
                       c->operands);
    if (line->operand_count > c->operands_max)
        return err_set(e, ERR_USAGE, "%s: \"%s\" is one operand too many, see lockprof help %s", c->name,
                       line->operands[c->operands_max], c->name);
    return 0;
}

int command_line_read(const struct command *command, int argc, char **argv, struct command_line *out, struct err *e)
{
    bool options = true;
    *out = (struct command_line){.command = command, .operands = argv};
    for (int i = 0; i < argc;) {
        char *word = argv[i];
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
            options = options && !command->program;
            argv[out->operand_count++] = word;
            i++;
        }
    }
    argv[out->operand_count] = NULL;
    return check_operands(out, e);
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

void add_wrapped(struct buf *out, const char *text, size_t indent)
{
    const char *newline = out->data ? memrchr(out->data, '\n', out->size) : NULL;
    size_t column = newline ? (size_t)(out->data + out->size - newline - 1) : out->size;
    bool first = true;
    while (*text) {
        size_t size = strcspn(text, " ");
        if (!first && column + 1 + size > WIDTH) {
            buf_printf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (!first) {
            buf_add_char(out, ' ');
            column++;
        }
        buf_add(out, text, size);
        column += size;
        text += size + (text[size] == ' ');
        first = false;
    }
    buf_add_char(out, '\n');
}

static void add_option(struct buf *out, const struct option *option)
{
    size_t before = out->size;
    buf_printf(out, "  %s%s%s", option->name, option->argument ? " " : "", option->argument ? option->argument : "");
    if (out->size - before >= HELP_COLUMN)
        buf_printf(out, "\n%*s", HELP_COLUMN, "");
    else
        buf_printf(out, "%*s", (int)(HELP_COLUMN - (out->size - before)), "");
    add_wrapped(out, option->help, HELP_COLUMN);
}

void command_usage(const struct command *c, struct buf *out)
{
    static const struct option help = {"--help", NULL, "Show this text."};
    buf_printf(out, "usage: lockprof %s [OPTION]... %s\n", c->name, c->operands);
    add_wrapped(out, c->summary, 0);
    buf_add_str(out, "\noptions:\n");
    for (size_t i = 0; i < c->option_count; i++)
        add_option(out, &c->options[i]);
    add_option(out, &help);
    if (c->details)
        buf_printf(out, "\n%s", c->details);
}

int parse_duration_ms(const char *what, const char *text, int64_t min, int64_t max, int64_t *out, struct err *e)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    char *end;
    size_t digits = strspn(text, "0123456789.");
    double number = strtod(text, &end);
    for (size_t i = 0; digits > 0 && end == text + digits && i < sizeof units / sizeof *units; i++) {
        double ms = number * units[i].ms;
        if (strcmp(end, units[i].unit) != 0)
            continue;
        if (ms < (double)min || ms > (double)max)
            return err_set(e, ERR_USAGE, "%s: %s is out of range, expected %gs to %gs", what, text, (double)min / 1000,
                           (double)max / 1000);
        *out = (int64_t)ms;
        return 0;
    }
    return err_set(e, ERR_USAGE, "%s: \"%s\" is no duration, expected one like 60s, 500ms or 2m", what, text);
}

int parse_count(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *out, struct err *e)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0')
        return err_set(e, ERR_USAGE, "%s: \"%s\" is no whole number", what, text);
    if (errno || number < min || number > max)
        return err_set(e, ERR_USAGE, "%s: %s is out of range, expected %" PRIu64 " to %" PRIu64, what, text, min, max);
    *out = number;
    return 0;
}
