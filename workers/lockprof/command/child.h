/* SPDX-License-Identifier: Apache-2.0 */
/* The profiled program as a child process: started as a shell would, its signals passed on. */
#ifndef LOCKPROF_COMMAND_CHILD_H
#define LOCKPROF_COMMAND_CHILD_H

#include "base/err.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Exit statuses of a shell for what can't be started. */
#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND 127

struct child {
    pid_t pid;
    bool ended;
    int status; /* its exit status, or 128 + the signal */
};

struct child_environment {
    const char *library;   /* for LD_PRELOAD, in front of what is there */
    const char *directory; /* LOCKPROF_DIR */
    uint64_t rate;         /* LOCKPROF_RATE */
    bool hold;             /* LOCKPROF_HOLD */
};

/* Blocks the signals that are passed on, in this thread and those started later, and starts the program with the mask
 * and the descriptors that we were started with. On failure `*status` is what a shell would end with. Before any
 * thread is started. */
int child_start(struct child *child, char **argv, const struct child_environment *environment, int *status,
                struct err *e);

/* Waits until the child has ended, or for so long; passes SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 on.
 * Returns whether one of these that ask for the end came. */
bool child_wait(struct child *child, int timeout_ms);

#endif
