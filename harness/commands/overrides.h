/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line and the environment put in place of a scenario's keys. */
#ifndef LOCKTRAIL_COMMANDS_OVERRIDES_H
#define LOCKTRAIL_COMMANDS_OVERRIDES_H

#include "commands/options.h"
#include "scenario/scenario.h"

struct overrides {
    struct scenario_override *items; /* in their order: the last one of a path counts */
    size_t count, capacity;
    char **texts; /* that the items point to */
    size_t text_count, text_capacity;
};

/* DD_SERVICE, DD_ENV and DD_VERSION of the environment, then each --set in its order; of the command line's other
 * options the command adds its own. ERR_USAGE. overrides_fini also where it failed. */
int overrides_read(const struct command_line *line, struct overrides *out, struct err *e);
void overrides_fini(struct overrides *o);

/* `path`, `value` and `shown` (how the user wrote it) are borrowed; overrides_keep takes a text of the heap for that
 * long.
 */
void overrides_add(struct overrides *o, const char *path, const char *value, const char *shown);
const char *overrides_keep(struct overrides *o, char *text);

#endif
