/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "engine/agents.h"
#include "engine/soak_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int soak_check(const struct scenario *s, struct err *e)
{
    if (s->agent_count > 1)
        return err_set(e, ERR_INPUT, "a soak follows uploads through one agent: leave one of `agents`");
    if (s->agent_count == 1 && s->agents[0].kind == AGENT_TEST_AGENT)
        return err_set(e, ERR_INPUT,
                       "test-agent keeps the last uploads in its memory and passes nothing on: soak with trace-agent, "
                       "serverless-compat or external");
    if (s->backend.kind == BACKEND_DIRECTORY)
        return err_set(e, ERR_INPUT,
                       "a directory can't be read back while a soak goes on: soak with `backend: store` "
                       "or `datadog`");
    if (s->ui.kind != UI_NONE)
        return err_set(e, ERR_INPUT, "a soak looks at no page: leave `ui` out (--set ui=none)");
    if (s->forward.kind == FORWARD_AGENT || s->forward.kind == FORWARD_AGENTLESS)
        return err_set(e, ERR_INPUT,
                       "a soak forwards nothing outside: name an agent and a backend instead of `forward`");
    return 0;
}

int soak_check_resumed(const struct scenario *s, const struct soak_record *r, struct err *e)
{
    bool stages[STAGE_COUNT] = {false};
    soak_begin_stages(s, stages);
    for (int i = STAGE_UPLOAD; i < STAGE_COUNT; i++)
        if (stages[i] != r->stage_ran[i])
            return err_set(e, ERR_INPUT,
                           "its uploads %s the stage `%s`, and so far they %s: the agent or the backend was changed, "
                           "start a new soak",
                           stages[i] ? "come to" : "do not come to", stage_name((enum stage)i),
                           stages[i] ? "did not" : "did");
    return 0;
}

enum stage soak_begin_stages(const struct scenario *s, bool stages[STAGE_COUNT])
{
    bool has_agent = s->agent_count > 0 && s->agents[0].kind != AGENT_NONE;
    bool forwards = has_agent && agent_forwards(s->agents[0].kind);
    bool external = has_agent && !forwards;
    stages[STAGE_UPLOAD] = true;
    stages[STAGE_AGENT] = forwards;
    stages[STAGE_BACKEND] = s->backend.kind == BACKEND_DATADOG ||
                            (scenario_has_pipeline(s) && !external && s->backend.kind != BACKEND_NONE);
    return stages[STAGE_BACKEND] ? STAGE_BACKEND : forwards ? STAGE_AGENT : STAGE_UPLOAD;
}

void soak_begin_record(struct soak_record *r, struct host *host, const struct soak_options *options)
{
    char now[JOURNAL_TIME_SIZE];
    if (options->resume) {
        r->resumed++;
        snprintf(host->run_id, RUN_ID_SIZE, "%s", r->run_id);
        /* What was under way is gone with the locktrail that waited for it. */
        r->uploads.cut += r->uploads.pending;
        r->uploads.pending = 0;
        for (size_t i = 0; i < r->process_count; i++) {
            r->processes[i].uploads.cut += r->processes[i].uploads.pending;
            r->processes[i].uploads.pending = 0;
            r->processes[i].pid = 0;
        }
    } else {
        journal_time(now);
        r->scenario = mem_strdup(options->scenario->name);
        r->run_id = mem_strdup(host->run_id);
        r->started_at = mem_strdup(now);
    }
    r->for_ms = options->for_ms;
    r->every_ms = options->every_ms;
    r->max_disk = options->max_disk;
    r->max_rss = options->max_rss;
    r->until_loss = options->until_loss;
    r->ended = r->interrupted = false;
    free(r->why_ended);
    r->why_ended = mem_strdup("");
    r->stage_ran[STAGE_DECLARED] = true;
    soak_begin_stages(options->scenario, r->stage_ran);
}

static void add_process(struct soak_record *r, const char *name, const char *worker)
{
    struct soak_process *p = &r->processes[r->process_count++];
    p->name = mem_strdup(name);
    p->worker = mem_strdup(worker);
    p->runtime = mem_strdup("");
    p->version = mem_strdup("");
    for (size_t i = 0; i < WATCH_COUNT; i++)
        p->watches[i].found_at_ms = -1;
}

int soak_begin_processes(struct soak_record *r, const struct instance_plan *plan, struct err *e)
{
    if (r->process_count == 0) {
        r->processes = mem_calloc(plan->count + 1, sizeof *r->processes);
        add_process(r, "locktrail", "");
        for (size_t i = 0; i < plan->count; i++)
            add_process(r, plan->items[i].name, plan->items[i].def->name);
    }
    bool same = r->process_count == plan->count + 1;
    for (size_t i = 0; same && i < plan->count; i++)
        same = strcmp(r->processes[i + 1].name, plan->items[i].name) == 0;
    if (!same)
        return err_set(e, ERR_INPUT,
                       "the scenario has other processes than the soak that is to be resumed: start a new one");
    r->processes[0].pid = getpid();
    r->processes[0].lives++;
    return 0;
}
