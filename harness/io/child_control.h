/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to io/child.c: the language of workers/guard/guard.c. Pure. */
#ifndef LOCKTRAIL_IO_CHILD_CONTROL_H
#define LOCKTRAIL_IO_CHILD_CONTROL_H

#include "io/child.h"

enum child_control_kind { CHILD_CONTROL_STARTED, CHILD_CONTROL_FAILED, CHILD_CONTROL_EXITED, CHILD_CONTROL_GONE };

struct child_control {
    enum child_control_kind kind;
    pid_t pid;                     /* started */
    int errnum;                    /* failed */
    const char *step;              /* failed: static text */
    int code, signal_number, core; /* exited */
    long long user_ms, system_ms, rss_kib;
    unsigned leftover, remaining; /* gone */
};

/* Orders to the guard, one byte each. */
#define CHILD_ORDER_TERM 't'
#define CHILD_ORDER_KILL 'k'

/* Reads a line of the guard; -1 where it is none. */
int child_control_read(const char *line, struct child_control *event);

/* Fills in what an `exited` line says. */
void child_control_exit(const struct child_control *event, struct child_exit *exit);

/* The guard's command line and environment. Freed with child_control_free. */
char **child_control_args(const struct child_options *options);
char **child_control_env(const struct child_options *options);
void child_control_free(char **strings);

#endif
