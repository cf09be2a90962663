/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/doctor_checks.h"

#include "base/mem.h"
#include "commands/probe.h"
#include "engine/agents.h"
#include "engine/screen.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_TIMEOUT_MS 3000

static void check_external(struct doctor *d, const char *what, const char *url)
{
    static const char unix_scheme[] = "unix://";
    bool unix_socket = strncmp(url, unix_scheme, strlen(unix_scheme)) == 0;
    struct buf answer = {0};
    struct err e;
    if (probe_get(url, unix_socket ? url + strlen(unix_scheme) : NULL, "/info", ANSWER_TIMEOUT_MS, &answer, &e) < 0)
        doctor_say(d, FINDING_MISSING, what, "start it, or correct its `url` in the scenario", "%s: %s", url, e.text);
    else
        doctor_say(d, FINDING_OK, what, NULL, "%s answers", url);
    buf_fini(&answer);
}

static void check_agent(struct doctor *d, const struct scenario_agent *agent, const struct files_home *home)
{
    char *what = mem_printf("agent %s", scenario_agent_name(agent->kind));
    struct err e;
    if (agent->kind == AGENT_EXTERNAL)
        check_external(d, what, agent->url);
    else if (home && agent_check(agent->kind, home->root, home->build, &e) < 0)
        doctor_say(d, FINDING_MISSING, what, "make agents", "%s", e.text);
    else if (home)
        doctor_say(d, FINDING_OK, what, NULL, "is there");
    free(what);
}

static void check_key(struct doctor *d, const char *name)
{
    const char *value = getenv(name);
    if (value && value[0])
        doctor_say(d, FINDING_OK, "backend", NULL, "%s is set", name);
    else
        doctor_say(d, FINDING_MISSING, "backend", "set it to a key of the site, or take another backend",
                   "%s is not set", name);
}

static void check_backend(struct doctor *d, const struct scenario *s)
{
    if (s->backend.kind == BACKEND_DATADOG) {
        check_key(d, "DD_API_KEY");
        check_key(d, "DD_APP_KEY");
    }
    if (s->backend.kind != BACKEND_DIRECTORY)
        return;
    if (access(s->backend.directory, R_OK | X_OK) < 0)
        doctor_say(d, FINDING_WARNING, "backend", "make it before the run ends, or correct backend.directory",
                   "%s is not there or can't be read", s->backend.directory);
    else
        doctor_say(d, FINDING_OK, "backend", NULL, "%s can be read", s->backend.directory);
}

void doctor_pipeline(struct doctor *d, const struct scenario *s, const struct files_home *home)
{
    struct err e;
    for (size_t i = 0; i < s->agent_count; i++)
        if (s->agents[i].kind != AGENT_NONE)
            check_agent(d, &s->agents[i], home);
    check_backend(d, s);
    if (s->ui.kind != UI_PPROF || !home)
        return;
    if (screen_check(s, home->root, home->build, &e) < 0)
        doctor_say(d, FINDING_MISSING, "ui", "make agents, make deps", "%s", e.text);
    else
        doctor_say(d, FINDING_OK, "ui", NULL, "pprof, Chromium and its driver are there");
}
