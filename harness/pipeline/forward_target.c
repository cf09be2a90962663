/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/forward_target.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define AGENT_PATH "/profiling/v1/input"
#define FORMS "http://HOST:PORT, https://HOST:PORT or unix:///PATH"

/* Longest host name (RFC 1035 section 2.3.4), and its longest label. */
#define HOST_MAX 253
#define LABEL_MAX 63

static bool is_host(const char *host, size_t size)
{
    size_t label = 0;
    if (size == 0 || size > HOST_MAX) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (host[i] == '.') {
            if (label == 0) {
                return false;
            }
            label = 0;
        } else if ((!isalnum((unsigned char)host[i]) && host[i] != '-' && host[i] != '_') || ++label > LABEL_MAX) {
            return false;
        }
    }
    return label > 0;
}

static bool is_port(const char *text, size_t size)
{
    long port = 0;
    if (size == 0 || size > 5) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        port = port * 10 + (text[i] - '0');
    }
    return port >= 1 && port <= 65535;
}

/* An address in brackets: digits and colons, and a zone behind a '%'; what is wrong beyond that the connection shows.
 */
static bool is_v6(const char *host, size_t size)
{
    return size > 2 && host[0] == '[' && host[size - 1] == ']' &&
           strspn(host + 1, "0123456789abcdefABCDEF:.%") >= size - 2;
}

static void agent(struct forward_target *out, char *url, char *unix_socket, char *described)
{
    *out =
        (struct forward_target){.to = FORWARD_TO_AGENT, .url = url, .unix_socket = unix_socket, .described = described};
}

static int agent_unix(const char *where, const char *url, const char *path, struct forward_target *out, struct err *e)
{
    if (path[0] != '/' || path[1] == '\0') {
        return err_set(e, ERR_INPUT, "%s: '%s' has no absolute path, expected unix:///PATH", where, url);
    }
    /* The host of a unix socket's URL is only what the Host header says. */
    agent(out, mem_strdup("http://localhost" AGENT_PATH), mem_strdup(path),
          mem_printf("agent at unix socket %s", path));
    return 0;
}

static int agent_tcp(const char *where, const char *url, const char *authority, struct forward_target *out,
                     struct err *e)
{
    size_t size = strcspn(authority, "/?#");
    const char *path = authority + size;
    const char *host_end = authority[0] == '[' ? memchr(authority, ']', size) : NULL;
    size_t host_size = host_end != NULL ? (size_t)(host_end - authority) + 1 : 0;
    if (host_end == NULL) {
        const char *colon = memchr(authority, ':', size);
        host_size = colon != NULL ? (size_t)(colon - authority) : size;
    }
    if (memchr(authority, '@', size) != NULL) {
        return err_set(e, ERR_INPUT, "%s: a user name or password in the URL is not supported", where);
    }
    if (!is_host(authority, host_size) && !is_v6(authority, host_size)) {
        return err_set(e, ERR_INPUT, "%s: '%s' has no valid host, expected " FORMS, where, url);
    }
    if (host_size < size &&
        (authority[host_size] != ':' || !is_port(authority + host_size + 1, size - host_size - 1))) {
        return err_set(e, ERR_INPUT, "%s: '%s' has no valid port (1 to 65535)", where, url);
    }
    if (strpbrk(path, "?#") != NULL) {
        return err_set(e, ERR_INPUT, "%s: '%s' has a query or fragment, expected " FORMS, where, url);
    }
    size_t path_size = strlen(path);
    while (path_size > 0 && path[path_size - 1] == '/') {
        path_size--;
    }
    agent(out, mem_printf("%.*s" AGENT_PATH, (int)((size_t)(path - url) + path_size), url), NULL,
          mem_printf("agent at %.*s", (int)size, authority));
    return 0;
}

int forward_target_agent_url(const char *where, const char *url, struct forward_target *out, struct err *e)
{
    for (const char *at = url; *at != '\0'; at++) {
        if ((unsigned char)*at <= 0x20 || (unsigned char)*at >= 0x7F) {
            return err_set(e, ERR_INPUT, "%s: character %zu (0x%02x) is not allowed in a URL", where,
                           (size_t)(at - url) + 1, (unsigned char)*at);
        }
    }
    if (strncasecmp(url, "unix://", 7) == 0) {
        return agent_unix(where, url, url + 7, out, e);
    }
    if (strncasecmp(url, "http://", 7) == 0) {
        return agent_tcp(where, url, url + 7, out, e);
    }
    if (strncasecmp(url, "https://", 8) == 0) {
        return agent_tcp(where, url, url + 8, out, e);
    }
    return err_set(e, ERR_INPUT, "%s: '%s' is not a URL, expected " FORMS, where, url);
}

int forward_target_agent_host(const char *host, const char *port, struct forward_target *out, struct err *e)
{
    /* Clients take a bare IPv6 address here. */
    bool bare_v6 = strchr(host, ':') != NULL && host[0] != '[';
    char *bracketed = bare_v6 ? mem_printf("[%s]", host) : mem_strdup(host);
    size_t size = strlen(bracketed);
    int result = 0;
    if (!is_host(bracketed, size) && !is_v6(bracketed, size)) {
        result = err_set(e, ERR_INPUT, "DD_AGENT_HOST: '%s' is not a host name or address", host);
    } else if (!is_port(port, strlen(port))) {
        result = err_set(e, ERR_INPUT, "DD_TRACE_AGENT_PORT: '%s' is not a port (1 to 65535)", port);
    } else {
        agent(out, mem_printf("http://%s:%s" AGENT_PATH, bracketed, port), NULL,
              mem_printf("agent at %s:%s", bracketed, port));
    }
    free(bracketed);
    return result;
}

int forward_check_site(const char *where, const char *site, struct err *e)
{
    if (!is_host(site, strlen(site)) || strchr(site, '.') == NULL) {
        return err_set(e, ERR_INPUT, "%s: '%s' is not a site, expected a host name such as datadoghq.com", where, site);
    }
    return 0;
}

/* Says nothing of the key but its length and the first place where it is wrong. */
static int check_key(const char *key, struct err *e)
{
    size_t size = strlen(key);
    size_t good = strspn(key, "0123456789abcdefABCDEF");
    if (good < size) {
        return err_set(e, ERR_INPUT, "DD_API_KEY: character %zu of %zu is not a hexadecimal digit; a key has %d",
                       good + 1, size, API_KEY_SIZE);
    }
    if (size != API_KEY_SIZE) {
        return err_set(e, ERR_INPUT, "DD_API_KEY: it has %zu hexadecimal digits, a key has %d", size, API_KEY_SIZE);
    }
    return 0;
}

int forward_target_site(const char *where, const char *site, const char *api_key, struct forward_target *out,
                        struct err *e)
{
    if (forward_check_site(where, site, e) != 0 || check_key(api_key, e) != 0) {
        return -1;
    }
    *out = (struct forward_target){.to = FORWARD_TO_SITE,
                                   .url = mem_printf("https://intake.profile.%s/api/v2/profile", site),
                                   .api_key = mem_strdup(api_key),
                                   .described = mem_printf("site %s (agentless)", site)};
    return 0;
}

/* All but the unreserved characters of RFC 3986 as %XX. */
static void add_escaped(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (isalnum(c) || strchr("-._~", c) != NULL) {
            buf_add_char(out, *text);
        } else {
            buf_printf(out, "%%%02X", c);
        }
    }
}

static size_t dots(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        count += *text == '.';
    }
    return count;
}

char *forward_profiles_url(const char *site, const char *service, const char *env)
{
    /* Sites with a region in front (us3.datadoghq.com) are their own web host, the others (datadoghq.eu) have one in
     * front. */
    struct buf out = {0};
    buf_printf(&out, "https://%s%s/profiling/explorer?query=", dots(site) > 1 ? "" : "app.", site);
    add_escaped(&out, "service:");
    add_escaped(&out, service);
    if (env != NULL && env[0] != '\0') {
        add_escaped(&out, " env:");
        add_escaped(&out, env);
    }
    return buf_steal(&out);
}
