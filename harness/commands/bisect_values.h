/* SPDX-License-Identifier: Apache-2.0 */
/* The values along which `locktrail bisect` searches. */
#ifndef LOCKTRAIL_COMMANDS_BISECT_VALUES_H
#define LOCKTRAIL_COMMANDS_BISECT_VALUES_H

#include "commands/files.h"
#include "scenario/scenario.h"

struct value_list {
    char **items;
    size_t count, capacity;
};
void value_list_fini(struct value_list *list);

/* "A,B,C", as it was given: ERR_USAGE where one is empty. */
int value_list_read(const char *text, struct value_list *out, struct err *e);

/* Whether it is "A..B": releases between these two, both included. Either may be missing. */
bool value_list_is_range(const char *text);

/* The final releases of ddtrace that the package index has for the interpreter of the scenario's first ddtrace worker,
 * ascending; those of a range only. Takes half a minute. ERR_USAGE (no such worker, nothing in the range), ERR_MISSING
 * (no index). */
int value_list_ask_index(const struct scenario *s, const struct files_home *home, const char *range,
                         struct value_list *out, struct err *e);

#endif
