/* SPDX-License-Identifier: Apache-2.0 */
/* Disturbances by the scenario's schedule: each begins at its time, lasts, ends, and is told in the record with how
 * long it took until each process that it hit had an upload through again, and with what was lost for good.
 *
 * Happy path of one: due → begun (its processes are known) → over → recovered (each of them has an upload through to
 * the last stage whose time began after the end). Failure modes: it hits nothing, and its text says so; an agent is
 * away already (it waits until that is back); the disk can't be filled (a problem); a process never has an upload
 * through again (it is not recovered). All on the loop's thread. */
#ifndef LOCKTRAIL_ENGINE_SOAK_DISTURB_H
#define LOCKTRAIL_ENGINE_SOAK_DISTURB_H

#include "engine/soak_fleet.h"
#include "engine/soak_keep.h"
#include "engine/way.h"

/* What is lost after a disturbance's end is held against it until its process has recovered, and no longer than this:
 * who needs more has a fault of his own. */
#define SOAK_RECOVERY_MAX_MS 60000

struct soak_disturb;

struct soak_disturb_options {
    struct host *host; /* borrowed, like all below; its scenario has the disturbances */
    struct soak_record
        *record; /* its `disturbances` are filled in; those that an earlier locktrail has left are over */
    struct soak_fleet *fleet;
    struct soak_keep *keep;
    uint64_t quota;  /* of the keep */
    struct way *way; /* NULL: without a pipeline, and the scenario has neither an agent nor a tap to be disturbed */
};

struct soak_disturb *soak_disturb_new(const struct soak_disturb_options *options);
/* Begins what is due at `at_ms` of the soak's clock, ends what is over. A resumed soak does not make up for what was
 * due before `at_ms` of its first call. To be called about four times a second, from the workers' start on. */
void soak_disturb_tick(struct soak_disturb *d, int64_t at_ms);
/* As soak_judge_options has them. */
bool soak_disturb_covers(const struct soak_disturb *d, const char *instance, int64_t start_ns, int64_t end_ns);
void soak_disturb_judged(struct soak_disturb *d, const char *instance, bool through, int64_t start_ns, int64_t end_ns);
void soak_disturb_missed(struct soak_disturb *d, const char *instance, uint64_t acquires, int64_t start_ns,
                         int64_t end_ns);
/* Ends all that last (what was stopped goes on, what was filled is free, what is away comes back), before the fleet is
 * finished and the way drained; nothing begins any more. Uploads may be judged still. */
void soak_disturb_finish(struct soak_disturb *d);
void soak_disturb_free(struct soak_disturb *d); /* finished, or never ticked. NULL is allowed */

#endif
