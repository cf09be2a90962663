/* SPDX-License-Identifier: Apache-2.0 */
/* Disturbances by the scenario's schedule: each begins at its time, lasts, ends, and is told in the record with how
 * long it took until each process that it hit had an upload through again, and with what was lost for good. */
#ifndef LOCKTRAIL_ENGINE_SOAK_DISTURB_H
#define LOCKTRAIL_ENGINE_SOAK_DISTURB_H

#include "engine/soak_fleet.h"
#include "engine/soak_keep.h"
#include "engine/way.h"

struct soak_disturb;

struct soak_disturb_options {
    struct host *host; /* borrowed, like all below */
    struct soak_record *record;
    struct soak_fleet *fleet;
    struct soak_keep *keep;
    struct way *way; /* NULL: without a pipeline; then no agent and no tap can be disturbed (soak_disturb_check) */
};

/* Whether the scenario's disturbances are possible with its workers, agents and taps. ERR_INPUT. */
int soak_disturb_check(const struct scenario *s, struct err *e);

struct soak_disturb *soak_disturb_new(const struct soak_disturb_options *options);
/* Begins what is due at `at_ms` of the soak's clock, ends what is over. A resumed soak does not make up for what was
 * due before `at_ms` of its first call. */
void soak_disturb_tick(struct soak_disturb *d, int64_t at_ms);
/* As soak_judge_options has them. */
bool soak_disturb_covers(const struct soak_disturb *d, const char *instance, int64_t start_ns, int64_t end_ns);
void soak_disturb_judged(struct soak_disturb *d, const char *instance, bool through, bool good, int64_t start_ns,
                         int64_t end_ns);
/* Ends all that last (what was stopped goes on, what was filled is free). */
void soak_disturb_finish(struct soak_disturb *d);
void soak_disturb_free(struct soak_disturb *d);

#endif
