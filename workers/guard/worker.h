/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's side of the guard's fork: from fork to exec. */
#ifndef LOCKTRAIL_GUARD_WORKER_H
#define LOCKTRAIL_GUARD_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { WORKER_CONTROL = 0, WORKER_CHANNEL = 3 }; /* the guard's descriptors */

/* Limits are bytes or counts; 0 leaves what is there. */
struct worker_orders {
    bool channel; /* fd 3 is open and meant for the worker */
    uint64_t memory, files_soft, files_hard, disk;
    const char *directory; /* "" stays where the guard is */
    char **args;
};

enum worker_step { WORKER_STDIN, WORKER_DIRECTORY, WORKER_LIMITS, WORKER_PROGRAM };

/* What it writes to `status` when it has to end without having executed its program. */
struct worker_failure {
    enum worker_step step;
    int errnum;
};

/* Called after fork in a process with one thread. `status` closes on exec. `guard` is the parent:
 * if that is gone already, the worker ends at once. */
_Noreturn void worker_become(const struct worker_orders *orders, pid_t guard, int status);

#endif
