/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of one sub-command, read by a table that also makes its --help. */
#ifndef LOCKTRAIL_COMMANDS_OPTIONS_H
#define LOCKTRAIL_COMMANDS_OPTIONS_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct option {
    const char *name;     /* "--out" */
    const char *argument; /* how its argument is called in the help: "DIR"; NULL: it takes none */
    bool many;            /* may be given again */
    const char *help;     /* one sentence */
};

struct command_line;

struct command {
    const char *name;     /* "run" */
    const char *operands; /* as in the usage line: "FILE [DURATION_S [THREADS]]" */
    size_t operands_min, operands_max;
    const char *summary; /* one line */
    const char *details; /* further paragraphs of the help; may be NULL */
    const struct option *options;
    size_t option_count;
    int (*run)(const struct command_line *line); /* returns the exit code */
};

struct given_option {
    const struct option *option;
    const char *value; /* NULL where the option takes none */
};

/* Everything in it but the two arrays is borrowed from argv and the table. */
struct command_line {
    const struct command *command;
    bool help; /* --help or -h: then nothing else is checked */
    const char **operands;
    size_t operand_count;
    struct given_option *given; /* in the order of the command line */
    size_t given_count;
};

/* Reads argv[0..argc), which does not contain the program's and the command's name. `--name VALUE`, `--name=VALUE`;
 * `--` ends the options; `-` is an operand. Errors (ERR_USAGE) name the nearest option. Free with command_line_fini,
 * also after a failure. */
int command_line_read(const struct command *command, int argc, char **argv, struct command_line *out, struct err *e);
void command_line_fini(struct command_line *line);

bool command_line_has(const struct command_line *line, const char *name);

/* The value of an option that may be given once; NULL where it was not given. */
const char *command_line_value(const struct command_line *line, const char *name);

/* The --help text. */
void command_usage(const struct command *command, struct buf *out);

#endif
