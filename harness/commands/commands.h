/* SPDX-License-Identifier: Apache-2.0 */
/* The table of sub-commands. Each is one file; only this folder prints errors and decides exit codes. */
#ifndef LOCKTRAIL_COMMANDS_COMMANDS_H
#define LOCKTRAIL_COMMANDS_COMMANDS_H

#include "commands/options.h"

extern const struct command command_run;      /* run.c */
extern const struct command command_matrix;   /* matrix.c */
extern const struct command command_validate; /* validate.c */
extern const struct command command_report;   /* report.c */
extern const struct command command_merge;    /* merge.c */
extern const struct command command_bisect;   /* bisect.c */
extern const struct command command_attest;   /* attest.c */
extern const struct command command_inspect;  /* inspect.c */
extern const struct command command_top;      /* top.c */
extern const struct command command_tap;      /* tap.c */
extern const struct command command_soak;     /* soak.c */
extern const struct command command_doctor;   /* doctor.c */
extern const struct command command_help;     /* help.c */
extern const struct command command_version;  /* version.c */

/* All of them in the order of the help. */
extern const struct command *const commands[];
extern const size_t command_count;

/* NULL where there is none. */
const struct command *command_find(const char *name);

/* The text of `locktrail --help`. */
void commands_help(struct buf *out);

/* The whole program: argv as main has it; returns the exit code. */
int commands_main(int argc, char **argv);

#endif
