/* SPDX-License-Identifier: Apache-2.0 */
/* The processes that the worker leaves behind: as the guard is a subreaper, they become its
 * children. */
#ifndef LOCKTRAIL_GUARD_LEFTOVER_H
#define LOCKTRAIL_GUARD_LEFTOVER_H

#include <stdbool.h>
#include <sys/types.h>

/* So many are counted. A worker that leaves more behind is reported with this number, and they are
 * ended all the same. */
#define LEFTOVER_MAX 1024

struct leftover {
    pid_t told[LEFTOVER_MAX]; /* have had SIGTERM */
    unsigned count;           /* of them */
    unsigned remaining;       /* alive when leftover_end last looked */
};

/* Sends SIGTERM to each living child of the caller that has not had it, and with `now` SIGKILL to
 * all. Members of `group` have been told already (0: nobody has) and are not counted. */
void leftover_end(struct leftover *l, pid_t group, bool now);

#endif
