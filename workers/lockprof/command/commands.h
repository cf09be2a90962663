/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LOCKPROF_COMMAND_COMMANDS_H
#define LOCKPROF_COMMAND_COMMANDS_H

#include "lockprof/command/options.h"

extern const struct command command_run, command_export, command_top, command_help, command_version;

/* The whole program; returns its exit status. */
int commands_main(int argc, char **argv);

/* "lockprof: TEXT" on standard error; returns the exit status that belongs to it. */
int output_error(const struct err *e);

/* To standard output: 0, or 73 where that fails. Nobody reading on (EPIPE) is no failure. */
int output_text(const struct buf *text);

#endif
