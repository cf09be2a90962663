/* SPDX-License-Identifier: Apache-2.0 */
/* Which part of a matrix this machine runs, as a farm says it. */
#ifndef LOCKTRAIL_COMMANDS_SHARD_H
#define LOCKTRAIL_COMMANDS_SHARD_H

#include "base/err.h"

struct shard {
    unsigned number, count; /* 1 of 1: everything */
};

/* `text`: "K/N", or "auto": from the environment, in this order
 *   LOCKTRAIL_SHARD=K/N                                for any recipe
 *   SLURM_ARRAY_TASK_ID, _COUNT, _MIN, _STEP           sbatch(1): an array of consecutive steps
 *   JOB_COMPLETION_INDEX (from 0), LOCKTRAIL_SHARDS=N  Kubernetes' Indexed Job, which does not say how many there are
 *   CI_NODE_INDEX (from 1), CI_NODE_TOTAL              GitLab's `parallel`
 * `variable` is getenv. ERR_USAGE. */
int shard_read(const char *text, char *(*variable)(const char *name), struct shard *out, struct err *e);

#endif
