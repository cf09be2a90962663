/* SPDX-License-Identifier: Apache-2.0 */
/* Which processes a scenario asks for: every worker, as often as it says, once for each arm. */
#ifndef LOCKTRAIL_ENGINE_INSTANCES_H
#define LOCKTRAIL_ENGINE_INSTANCES_H

#include "scenario/scenario.h"

#include <stddef.h>

struct planned_instance {
    char *name;                        /* "python.1.local"; "python.control" */
    const struct scenario_worker *def; /* borrowed from the scenario */
    enum arm arm;
};

struct instance_plan {
    struct planned_instance *items;
    size_t count, capacity;
};

/* The workers' processes, in the scenario's order. The caller's: instance_plan_fini. */
void instances_plan(const struct scenario *s, struct instance_plan *out);

/* Those of a soak: each worker's that upload, and behind them those that its load jumps start. */
void instances_plan_soak(const struct scenario *s, struct instance_plan *out);

/* The processes of the builtin control: one for each ddtrace worker, and one for the first native worker; none where
 * the control is another. */
void instances_plan_control(const struct scenario *s, struct instance_plan *out);

/* Takes the processes of one worker away. */
void instances_leave_out(struct instance_plan *plan, const struct scenario_worker *worker);

void instance_plan_fini(struct instance_plan *plan);

#endif
