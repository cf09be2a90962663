/* SPDX-License-Identifier: Apache-2.0 */
/* Where profiles are sent to. */
#ifndef LOCKPROF_EXPORT_ENDPOINT_H
#define LOCKPROF_EXPORT_ENDPOINT_H

#include "base/err.h"

#include <stdbool.h>

/* Paths at which an agent and the intake itself take profiles. */
#define ENDPOINT_AGENT_PATH "/profiling/v1/input"
#define ENDPOINT_INTAKE_PATH "/api/v2/profile"

struct endpoint {
    char *url;      /* as it is requested */
    char *socket;   /* path of a unix socket; NULL: TCP */
    char *shown;    /* for messages: without the user and password that a URL may hold */
    bool agentless; /* the intake itself: the API key goes along */
};

/* http://HOST[:PORT][/BASE], https://..., unix:///PATH: an agent. A URL that ends in /api/v2/profile is an intake.
 * ERR_USAGE says what is wrong with it. */
int endpoint_parse(const char *url, struct endpoint *out, struct err *e);

/* https://intake.profile.SITE/api/v2/profile */
int endpoint_of_site(const char *site, struct endpoint *out, struct err *e);

void endpoint_fini(struct endpoint *endpoint);

#endif
