/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/instances.h"

#include "base/mem.h"

#include <stdlib.h>

static void add(struct instance_plan *plan, char *name, const struct scenario_worker *def, enum arm arm)
{
    plan->items = mem_grow(plan->items, plan->count, &plan->capacity, sizeof *plan->items);
    plan->items[plan->count++] = (struct planned_instance){.name = name, .def = def, .arm = arm};
}

void instances_plan(const struct scenario *s, struct instance_plan *out)
{
    static const enum arm paired[] = {ARM_LOCAL, ARM_UPLOAD}, tee[] = {ARM_TEE};
    const enum arm *arms = s->arms == ARMS_TEE ? tee : paired;
    size_t arm_count = s->arms == ARMS_TEE ? 1 : 2;
    *out = (struct instance_plan){0};
    for (size_t w = 0; w < s->worker_count; w++)
        for (unsigned i = 1; i <= s->workers[w].count; i++)
            for (size_t a = 0; a < arm_count; a++)
                add(out, mem_printf("%s.%u.%s", s->workers[w].name, i, arm_name(arms[a])), &s->workers[w], arms[a]);
}

void instances_plan_control(const struct scenario *s, struct instance_plan *out)
{
    *out = (struct instance_plan){0};
    for (size_t w = 0; s->control.kind == CONTROL_BUILTIN && w < s->worker_count; w++)
        if (s->workers[w].runtime == RUNTIME_DDTRACE)
            add(out, mem_printf("%s.control", s->workers[w].name), &s->workers[w], ARM_CONTROL);
}

void instance_plan_fini(struct instance_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        free(plan->items[i].name);
    free(plan->items);
    *plan = (struct instance_plan){0};
}
