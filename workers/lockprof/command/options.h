/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of one sub-command, read by a table that also makes its help. */
#ifndef LOCKPROF_COMMAND_OPTIONS_H
#define LOCKPROF_COMMAND_OPTIONS_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct option {
    const char *name;     /* "--output", "-n" */
    const char *argument; /* how its argument is called in the help; NULL: it takes none */
    const char *help;
};

struct command_line;

struct command {
    const char *name;
    const char *operands; /* as in the usage line */
    size_t operands_min, operands_max;
    bool program; /* the first operand ends the options: what follows is a program's own */
    const char *summary;
    const char *details; /* further paragraphs of the help, as they are; may be NULL */
    const struct option *options;
    size_t option_count;
    int (*run)(const struct command_line *line); /* returns the exit status */
};

/* Most options of a command, each given once. */
#define OPTIONS_MAX 24

struct command_line {
    const struct command *command;
    bool help;
    char **operands; /* borrowed, the end of argv or a list of its own */
    size_t operand_count;
    struct {
        const struct option *option;
        const char *value;
    } given[OPTIONS_MAX];
    size_t given_count;
};

/* argv without the program's and the command's name; operands are moved to its front, a NULL behind them. ERR_USAGE. */
int command_line_read(const struct command *command, int argc, char **argv, struct command_line *out, struct err *e);
bool command_line_has(const struct command_line *line, const char *name);
const char *command_line_value(const struct command_line *line, const char *name); /* NULL: not given */

void command_usage(const struct command *command, struct buf *out);

/* Lines of at most 80 columns; what stands behind the last newline of *out begins the first, the others are indented.
 */
void add_wrapped(struct buf *out, const char *text, size_t indent);

/* "60s", "500ms", "2m", "1h", "60". ERR_USAGE names `what`. */
int parse_duration_ms(const char *what, const char *text, int64_t min, int64_t max, int64_t *out, struct err *e);
int parse_count(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *out, struct err *e);

#endif
