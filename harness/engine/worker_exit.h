/* SPDX-License-Identifier: Apache-2.0 */
/* What the end of a worker's process says. Pure. */
#ifndef LOCKTRAIL_ENGINE_WORKER_EXIT_H
#define LOCKTRAIL_ENGINE_WORKER_EXIT_H

#include "io/child.h"

#include <stdbool.h>

/* Everything is borrowed. */
struct worker_exit {
    const struct child_exit *child;
    const char *start_error; /* why no process could be made; NULL: there was one */
    const char *program;     /* args[0] */
    const char *directory;   /* of the scenario, or NULL */
    bool interrupted;        /* the user wanted an end */
    bool killed_at_once;     /* and asked twice */
    bool disturbed;          /* a soak wanted it killed */
    bool stopped;            /* locktrail has sent SIGTERM for its own reasons */
};

/* "exit 1", "signal 11 (Segmentation fault)", "could not be started (program x): ..."; for the caller to free. */
char *worker_exit_describe(const struct worker_exit *exit);

/* The worker's own program never ran. */
bool worker_exit_before_start(const struct worker_exit *exit);

/* Exit status 0; or it was stopped and followed. An interrupted one may end as it likes, but one that had to be killed
 * has lost what it had not written yet. */
bool worker_exit_is_good(const struct worker_exit *exit);

/* What to do about one that is not good. Static. */
const char *worker_exit_advice(const struct worker_exit *exit);

#endif
