/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/forward.h"

#include "base/mem.h"
#include "pipeline/forward_target.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_HOST "localhost"
#define DEFAULT_PORT "8126"
#define DEFAULT_SITE "datadoghq.com"

void forward_target_fini(struct forward_target *t)
{
    free(t->url);
    free(t->unix_socket);
    mem_free_secret(t->api_key);
    free(t->profiles_url);
    free(t->described);
    *t = (struct forward_target){0};
}

/* What is asked for, and where the environment is. */
struct question {
    const char *url, *site; /* of the scenario, NULL where it says nothing */
    char *(*getenv_fn)(const char *);
};

/* An empty variable is one that is not set, as for the clients. */
static const char *get(const struct question *q, const char *name)
{
    const char *value = q->getenv_fn(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static const char *or_else(const char *value, const char *otherwise)
{
    return value != NULL ? value : otherwise;
}

/* 1 where there is an agent, 0 where none is named. */
static int resolve_agent(const struct question *q, struct forward_target *out, struct err *e)
{
    const char *url = get(q, "DD_TRACE_AGENT_URL");
    const char *host = get(q, "DD_AGENT_HOST");
    const char *port = get(q, "DD_TRACE_AGENT_PORT");
    int result;
    if (q->url != NULL) {
        result = forward_target_agent_url("forward.url", q->url, out, e);
    } else if (url != NULL) {
        result = forward_target_agent_url("DD_TRACE_AGENT_URL", url, out, e);
    } else if (host != NULL || port != NULL) {
        result = forward_target_agent_host(or_else(host, DEFAULT_HOST), or_else(port, DEFAULT_PORT), out, e);
    } else {
        return 0;
    }
    return result != 0 ? -1 : 1;
}

static const char *site_of(const struct question *q, const char **where)
{
    *where = q->site != NULL ? "forward.site" : "DD_SITE";
    return q->site != NULL ? q->site : get(q, "DD_SITE");
}

/* 1 where there is a key to send with, 0 where there is none. */
static int resolve_site(const struct question *q, struct forward_target *out, struct err *e)
{
    const char *where;
    const char *site = or_else(site_of(q, &where), DEFAULT_SITE);
    const char *key = get(q, "DD_API_KEY");
    if (key == NULL) {
        return 0;
    }
    return forward_target_site(where, site, key, out, e) != 0 ? -1 : 1;
}

static int resolve(enum forward_from from, const struct question *q, struct forward_target *out, struct err *e)
{
    int result = 0;
    if (from == FORWARD_FROM_ENVIRONMENT || from == FORWARD_FROM_AGENT) {
        result = resolve_agent(q, out, e);
    }
    if (result == 0 && (from == FORWARD_FROM_ENVIRONMENT || from == FORWARD_FROM_SITE)) {
        result = resolve_site(q, out, e);
    }
    if (result == 0 && from == FORWARD_FROM_AGENT) {
        return err_set(e, ERR_USAGE,
                       "forwarding to an agent: no agent is named; set forward.url, "
                       "DD_TRACE_AGENT_URL or DD_AGENT_HOST");
    }
    if (result == 0 && from == FORWARD_FROM_SITE) {
        return err_set(e, ERR_USAGE, "forwarding to a site needs its API key in DD_API_KEY");
    }
    return result < 0 ? -1 : 0;
}

/* An agent does not say for which site it works; where nobody does, the clients' own default is the best guess. */
static int add_profiles_url(const struct question *q, const char *service, const char *env, struct forward_target *out,
                            struct err *e)
{
    const char *where;
    const char *site = site_of(q, &where);
    if (out->to == FORWARD_TO_NOWHERE) {
        return 0;
    }
    if (site == NULL) {
        site = DEFAULT_SITE;
    }
    if (forward_check_site(where, site, e) != 0) {
        return -1;
    }
    out->profiles_url = forward_profiles_url(site, service, env);
    return 0;
}

int forward_resolve(enum forward_from from, const char *url, const char *site, const char *service, const char *env,
                    char *(*getenv_fn)(const char *), struct forward_target *out, struct err *e)
{
    struct question q = {.url = url, .site = site, .getenv_fn = getenv_fn};
    *out = (struct forward_target){0};
    if (resolve(from, &q, out, e) != 0 || add_profiles_url(&q, service, env, out, e) != 0) {
        forward_target_fini(out);
        return -1;
    }
    return 0;
}

static void copy_headers(const struct http_headers *from, const char *api_key, struct http_headers *to)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct http_header *h = &from->items[i];
        bool replaced = api_key != NULL && strcasecmp(h->name, "DD-API-KEY") == 0;
        if (!replaced && !http_headers_one_hop(from, h->name)) {
            http_headers_add(to, h->name, h->value);
        }
    }
    if (api_key != NULL) {
        http_headers_add(to, "DD-API-KEY", api_key);
    }
}

/* Keeps the body until the answer. */
struct forwarded {
    struct buf body;
    http_client_fn fn;
    void *data;
};

static void on_result(const struct http_result *result, void *data)
{
    struct forwarded *f = data;
    f->fn(result, f->data);
    buf_fini(&f->body);
    free(f);
}

void forward_send(struct http_client *client, const struct forward_target *target, const struct http_headers *headers,
                  struct buf *body, int64_t timeout_ms, http_client_fn fn, void *data)
{
    struct forwarded *f = mem_calloc(1, sizeof *f);
    struct http_headers kept = {0};
    *f = (struct forwarded){.body = *body, .fn = fn, .data = data};
    *body = (struct buf){0};
    copy_headers(headers, target->api_key, &kept);
    struct http_call call = {.method = "POST",
                             .url = target->url,
                             .unix_socket = target->unix_socket,
                             .headers = &kept,
                             .body = f->body.data,
                             .body_size = f->body.size,
                             .timeout_ms = timeout_ms};
    http_client_send(client, &call, on_result, f);
    http_headers_fini(&kept);
}
