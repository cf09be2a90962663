/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/export/endpoint.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#define UNIX_SCHEME "unix:"

void endpoint_fini(struct endpoint *endpoint)
{
    free(endpoint->url);
    free(endpoint->socket);
    free(endpoint->shown);
    *endpoint = (struct endpoint){0};
}

static int parse_unix(const char *url, struct endpoint *out, struct err *e)
{
    const char *path = url + strlen(UNIX_SCHEME);
    if (strncmp(path, "//", 2) == 0)
        path += 2;
    if (path[0] != '/')
        return err_set(e, ERR_USAGE, "upload: %s names no absolute path, expected unix:///PATH", url);
    if (strlen(path) >= sizeof((struct sockaddr_un *)NULL)->sun_path)
        return err_set(e, ERR_USAGE, "upload: the path of %s is longer than the %zu bytes of a socket's name", url,
                       sizeof((struct sockaddr_un *)NULL)->sun_path - 1);
    *out = (struct endpoint){.url = mem_strdup("http://localhost" ENDPOINT_AGENT_PATH),
                             .socket = mem_strdup(path),
                             .shown = mem_printf("unix://%s", path)};
    return 0;
}

static bool ends_in(const char *text, size_t size, const char *end)
{
    return size >= strlen(end) && memcmp(text + size - strlen(end), end, strlen(end)) == 0;
}

static bool is_unfit(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= ' ' || *text == 0x7F || *text == '?' || *text == '#')
            return true;
    return false;
}

int endpoint_parse(const char *url, struct endpoint *out, struct err *e)
{
    if (strncasecmp(url, UNIX_SCHEME, strlen(UNIX_SCHEME)) == 0)
        return parse_unix(url, out, e);
    size_t scheme = strncasecmp(url, "http://", 7) == 0 ? 7 : strncasecmp(url, "https://", 8) == 0 ? 8 : 0;
    if (scheme == 0)
        return err_set(e, ERR_USAGE, "upload: \"%s\" is no URL of an agent, expected http://HOST:PORT or unix:///PATH",
                       url);
    /* Not shown: what stands before an @ may be a password. */
    size_t authority = strcspn(url + scheme, "/?#");
    const char *host = url + scheme, *at = memrchr(host, '@', authority);
    size_t host_size = authority;
    if (at) {
        host_size -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    if (host_size == 0)
        return err_set(e, ERR_USAGE, "upload: the URL has no host, expected http://HOST:PORT or unix:///PATH");
    if (is_unfit(url))
        return err_set(e, ERR_USAGE, "upload: the URL of %.*s has a blank, a query or a fragment, which no agent takes",
                       (int)host_size, host);
    size_t size = strlen(url);
    while (size > scheme + authority && url[size - 1] == '/')
        size--;
    bool agentless = ends_in(url, size, ENDPOINT_INTAKE_PATH);
    const char *path = agentless || ends_in(url, size, ENDPOINT_AGENT_PATH) ? "" : ENDPOINT_AGENT_PATH;
    size_t rest = size - (size_t)(host - url);
    *out = (struct endpoint){.url = mem_printf("%.*s%s", (int)size, url, path),
                             .shown = mem_printf("%.*s%.*s%s", (int)scheme, url, (int)rest, host, path),
                             .agentless = agentless};
    return 0;
}

int endpoint_of_site(const char *site, struct endpoint *out, struct err *e)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    if (site[0] == '\0' || site[strspn(site, allowed)] != '\0')
        return err_set(e, ERR_USAGE, "DD_SITE: \"%s\" is no host name, expected one like datadoghq.com", site);
    char *url = mem_printf("https://intake.profile.%s" ENDPOINT_INTAKE_PATH, site);
    int result = endpoint_parse(url, out, e);
    free(url);
    return result;
}
