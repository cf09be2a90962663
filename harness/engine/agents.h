/* SPDX-License-Identifier: Apache-2.0 */
/* How each kind of agent is started, and what is missing where it can't be. */
#ifndef LOCKTRAIL_ENGINE_AGENTS_H
#define LOCKTRAIL_ENGINE_AGENTS_H

#include "base/err.h"
#include "scenario/scenario.h"

#include <stdbool.h>

/* What an agent is told. All borrowed. */
struct agent_orders {
    const struct scenario_agent *agent;
    const char *root, *build; /* as in struct run_options */
    unsigned port;            /* of 127.0.0.1, on which it is to listen; free when it was chosen */
    const char *intake_url;   /* whole: where it sends profiles ("http://127.0.0.1:40124/api/v2/profile") */
    const char *api_key;      /* that it sends with; NULL: a made-up one, since agents want one */
    const char *directory;    /* its own, in the run directory */
};

/* A command line and what to ask; the caller's: agent_command_fini. An external agent has a `url` alone. The
 * environment has of the shell's only what a program needs to run: variables of a
 * cloud, of a proxy or DD_ ones would make another agent of it. The key is in `env` alone. */
struct agent_command {
    char **args, **env; /* NULL-terminated; NULL for an external agent */
    char *url;          /* "http://127.0.0.1:8126": where workers send */
    char *health_url;   /* NULL for an external agent */
};

/* What `make agents` puts below the directory of the executable, or below ROOT/build where that is another one (a build
 * with sanitizers, say, has no agents of its own): "bin/pprof". The caller's. Where it is at neither, the first. */
char *agent_tool(const char *root, const char *build, const char *name);

/* Whether the agent's program is there; ERR_MISSING with the command that gets it ("make agents"). The same test is
 * doctor's. An external agent is always there. */
int agent_check(enum agent_kind kind, const char *root, const char *build, struct err *e);

/* Errors: no program (as agent_check), an `intake_url` that the agent can't be given, no second port. The agent is one
 * that is started: neither AGENT_NONE nor AGENT_EXTERNAL. */
int agent_command_make(const struct agent_orders *orders, struct agent_command *out, struct err *e);
void agent_command_fini(struct agent_command *command);

/* A port of 127.0.0.1 that nobody has at this moment; programs that can't be given port 0 need one. 0 and *e: none. */
unsigned agent_free_port(struct err *e);

/* Whether a tap can stand behind it: it sends profiles on to an address of ours. */
bool agent_forwards(enum agent_kind kind);

#endif
