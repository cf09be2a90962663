/* SPDX-License-Identifier: Apache-2.0 */
/* Where uploads go after the intake has recorded them: an agent or a site of the user's, told by the usual variables.
 */
#ifndef LOCKTRAIL_PIPELINE_FORWARD_H
#define LOCKTRAIL_PIPELINE_FORWARD_H

#include "base/buf.h"
#include "base/err.h"
#include "io/http_client.h"

#include <stdbool.h>
#include <stdint.h>

enum forward_to { FORWARD_TO_NOWHERE, FORWARD_TO_AGENT, FORWARD_TO_SITE };

/* `{0}` forwards nowhere. The key is never part of a text that locktrail writes. */
struct forward_target {
    enum forward_to to;
    char *url;          /* whole: "http://10.0.0.5:8126/profiling/v1/input",
                           "https://intake.profile.datadoghq.com/api/v2/profile" */
    char *unix_socket;  /* path or NULL */
    char *api_key;      /* NULL for an agent */
    char *profiles_url; /* where a person sees the service's profiles; NULL where it can't be said */
    char *described;    /* for people: "agent at 10.0.0.5:8126", "site datadoghq.com (agentless)" */
};
void forward_target_fini(struct forward_target *t);

/* What the scenario says (NULL: nothing), else the environment: DD_TRACE_AGENT_URL (http, https, unix), DD_AGENT_HOST
 * (localhost) with DD_TRACE_AGENT_PORT (8126), either of which names an agent, DD_API_KEY with DD_SITE (datadoghq.com).
 * An agent goes before a site; FORWARD_FROM_AGENT and FORWARD_FROM_SITE want theirs. An agent does not
 * say where it forwards to: its `profiles_url` is of `site`, DD_SITE, or the clients' default. `getenv_fn` is getenv in
 * the product. Errors: not a URL, a port that is none, a site that is not a host name (code ERR_INPUT), a key that is
 * not 32 hexadecimal digits (never printed), no agent named, no key (ERR_USAGE). *out is empty then. */
enum forward_from { FORWARD_FROM_ENVIRONMENT, FORWARD_FROM_NOWHERE, FORWARD_FROM_AGENT, FORWARD_FROM_SITE };
int forward_resolve(enum forward_from from, const char *url, const char *site, const char *service, const char *env,
                    char *(*getenv_fn)(const char *), struct forward_target *out, struct err *e);

/* `target` is not needed any more after the call. Sends an upload on unchanged: same body, same Content-Type and other
 * end-to-end headers (RFC 9110 section 7.6.1 names those that are not); to a site with DD-API-KEY. `body` is taken. The
 * result is passed on; `fn` comes exactly once. */
void forward_send(struct http_client *client, const struct forward_target *target, const struct http_headers *headers,
                  struct buf *body, int64_t timeout_ms, http_client_fn fn, void *data);

#endif
