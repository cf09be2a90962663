/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of `locktrail tap` as orders. Internal to it. */
#ifndef LOCKTRAIL_COMMANDS_TAP_OPTIONS_H
#define LOCKTRAIL_COMMANDS_TAP_OPTIONS_H

#include "commands/options.h"
#include "engine/tapping.h"

#define TAP_OPTION_COUNT 10
extern const struct option tap_option_table[TAP_OPTION_COUNT];

/* Fills all but the functions. `*url` is owned by the caller, the rest borrowed from the line. Code ERR_USAGE. */
int tap_options_read(const struct command_line *line, struct tapping_options *out, char **url, struct err *e);

#endif
