/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/matrix_plan.h"

#include "base/mem.h"
#include "io/disk.h"
#include "scenario/tree.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* On top of all that a run waits for by itself: starting, judging and writing on a machine that is busy. */
#define TIMEOUT_MARGIN_MS 30000

bool matrix_plan_says_control(const struct buf *text)
{
    struct diagnostics diagnostics = {0};
    struct complaints complaints = {.bytes = text->data ? text->data : "", .size = text->size, .list = &diagnostics};
    struct node *root = tree_read(&complaints, NULL);
    bool has = root && node_get(root, "control", NULL);
    node_free(root);
    diagnostics_fini(&diagnostics);
    return has;
}

int matrix_plan_init(struct matrix_plan *plan, const struct matrix *matrix, const char *directory, struct err *e)
{
    *plan = (struct matrix_plan){.matrix = matrix, .path = mem_printf("%s/scenario.yaml", directory)};
    if (disk_read_now(plan->path, SCENARIO_SIZE_MAX, &plan->scenario, e) < 0)
        return -1;
    buf_add(&plan->scenario, "", 0);
    plan->has_control = matrix_plan_says_control(&plan->scenario);
    return 0;
}

void matrix_plan_fini(struct matrix_plan *plan)
{
    free(plan->path);
    buf_fini(&plan->scenario);
}

int matrix_plan_scenario(const struct matrix_plan *plan, const struct matrix_cell *cell, struct scenario **out,
                         struct err *e)
{
    size_t count;
    struct diagnostics diagnostics = {0};
    struct scenario_override *overrides = matrix_cell_overrides(plan->matrix, cell, &count);
    int result =
        scenario_read(plan->path, plan->scenario.data, plan->scenario.size, overrides, count, out, &diagnostics);
    if (result < 0)
        err_set(e, ERR_INPUT, "the scenario of this cell is not valid: %s", diagnostics.items[0].text);
    diagnostics_fini(&diagnostics);
    free(overrides);
    return result;
}

static bool sets_control(const struct scenario_override *overrides, size_t count)
{
    static const char key[] = "control";
    for (size_t i = 0; i < count; i++) {
        const char *rest = overrides[i].path + sizeof key - 1;
        if (strncmp(overrides[i].path, key, sizeof key - 1) == 0 && (*rest == '\0' || *rest == '.'))
            return true;
    }
    return false;
}

char **matrix_plan_args(const struct matrix_plan *plan, const struct matrix_cell *cell, const char *program,
                        const char *out)
{
    static const char *const last[] = {"--quiet", "--yes"};
    size_t count, n = 0;
    struct scenario_override *overrides = matrix_cell_overrides(plan->matrix, cell, &count);
    char **args = mem_calloc(2 * count + 12, sizeof *args);
    args[n++] = mem_strdup(program);
    args[n++] = mem_strdup("run");
    args[n++] = mem_strdup(plan->path);
    for (size_t i = 0; i < count; i++) {
        args[n++] = mem_strdup("--set");
        args[n++] = mem_printf("%s=%s", overrides[i].path, overrides[i].value);
    }
    args[n++] = mem_strdup("--seed");
    args[n++] = mem_printf("%" PRIu64, cell->seed);
    args[n++] = mem_strdup("--out");
    args[n++] = mem_strdup(out);
    for (size_t i = 0; i < sizeof last / sizeof *last; i++)
        args[n++] = mem_strdup(last[i]);
    if (!plan->has_control && !sets_control(overrides, count))
        args[n++] = mem_strdup("--no-control");
    free(overrides);
    return args;
}

void matrix_plan_free_args(char **args)
{
    for (size_t i = 0; args[i]; i++)
        free(args[i]);
    free(args);
}

int64_t matrix_plan_timeout_ms(const struct matrix_plan *plan, const struct scenario *s)
{
    if (plan->matrix->timeout_ms > 0)
        return plan->matrix->timeout_ms;
    int64_t around = 0, agents = 0;
    for (size_t i = 0; i < s->worker_count; i++) {
        int64_t one = s->workers[i].start_timeout_ms + s->workers[i].stop_timeout_ms;
        around = one > around ? one : around;
    }
    for (size_t i = 0; i < s->agent_count; i++)
        agents += s->agents[i].start_timeout_ms + s->agents[i].stop_timeout_ms;
    int64_t total = s->duration_ms + (int64_t)((double)s->duration_ms * s->evidence.duration_tolerance) + around +
                    agents + TIMEOUT_MARGIN_MS;
    if (s->control.kind != CONTROL_NONE)
        total += s->control.timeout_ms;
    if (s->backend.kind != BACKEND_NONE)
        total += s->backend.deadline_ms;
    if (s->ui.kind != UI_NONE)
        total += s->ui.timeout_ms;
    return total;
}
