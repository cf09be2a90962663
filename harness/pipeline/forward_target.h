/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of what a user says about an agent or a site. Internal to forward. Pure. */
#ifndef LOCKTRAIL_PIPELINE_FORWARD_TARGET_H
#define LOCKTRAIL_PIPELINE_FORWARD_TARGET_H

#include "pipeline/forward.h"

/* A Datadog API key has 32 hexadecimal digits. */
#define API_KEY_SIZE 32

/* `where` says who gave the value ("DD_TRACE_AGENT_URL", "forward.url"). They fill what they know of the target and
 * leave `profiles_url` out. Code ERR_INPUT. */
int forward_target_agent_url(const char *where, const char *url, struct forward_target *out, struct err *e);
int forward_target_agent_host(const char *host, const char *port, struct forward_target *out, struct err *e);
int forward_target_site(const char *where, const char *site, const char *api_key, struct forward_target *out,
                        struct err *e);

/* Whether it is a host name with a dot in it. */
int forward_check_site(const char *where, const char *site, struct err *e);

/* Where a person sees the profiles of a service at a site; for the caller to free. */
char *forward_profiles_url(const char *site, const char *service, const char *env);

#endif
