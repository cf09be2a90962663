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
    *out = (struct instance_plan){0};
    for (size_t w = 0; w < s->worker_count; w++) {
        bool both = scenario_worker_arms(s, &s->workers[w]) == ARMS_TEE;
        const enum arm *arms = both ? tee : paired;
        for (unsigned i = 1; i <= s->workers[w].count; i++)
            for (size_t a = 0; a < (both ? 1 : 2); a++)
                add(out, mem_printf("%s.%u.%s", s->workers[w].name, i, arm_name(arms[a])), &s->workers[w], arms[a]);
    }
}

static void add_uploading(struct instance_plan *plan, const struct scenario_worker *w, unsigned from, unsigned count)
{
    for (unsigned i = from; i < from + count; i++)
        add(plan, mem_printf("%s.%u.%s", w->name, i, arm_name(ARM_UPLOAD)), w, ARM_UPLOAD);
}

void instances_plan_soak(const struct scenario *s, struct instance_plan *out)
{
    *out = (struct instance_plan){0};
    for (size_t w = 0; w < s->worker_count; w++)
        add_uploading(out, &s->workers[w], 1, s->workers[w].count);
    for (size_t w = 0; w < s->worker_count; w++)
        add_uploading(out, &s->workers[w], s->workers[w].count + 1,
                      (unsigned)scenario_load_processes(s, &s->workers[w]));
}

/* Releases of ddtrace differ from worker to worker; lockprof is one, and its control runs in one build. */
static bool has_control(const struct scenario *s, size_t worker)
{
    if (s->workers[worker].runtime != RUNTIME_NATIVE)
        return s->workers[worker].runtime == RUNTIME_DDTRACE;
    for (size_t i = 0; i < worker; i++)
        if (s->workers[i].runtime == RUNTIME_NATIVE)
            return false;
    return true;
}

void instances_plan_control(const struct scenario *s, struct instance_plan *out)
{
    *out = (struct instance_plan){0};
    for (size_t w = 0; s->control.kind == CONTROL_BUILTIN && w < s->worker_count; w++)
        if (has_control(s, w))
            add(out, mem_printf("%s.control", s->workers[w].name), &s->workers[w], ARM_CONTROL);
}

void instances_leave_out(struct instance_plan *plan, const struct scenario_worker *worker)
{
    size_t to = 0;
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->items[i].def == worker)
            free(plan->items[i].name);
        else
            plan->items[to++] = plan->items[i];
    }
    plan->count = to;
}

void instance_plan_fini(struct instance_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        free(plan->items[i].name);
    free(plan->items);
    *plan = (struct instance_plan){0};
}
