/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/site.h"

#include "base/mem.h"
#include "pipeline/forward_target.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_SITE "datadoghq.com"

void site_fini(struct site *s)
{
    free(s->url);
    free(s->intake);
    mem_free_secret(s->api_key);
    mem_free_secret(s->application_key);
    free(s->profiles_url);
    free(s->described);
    *s = (struct site){0};
}

static const char *get(char *(*getenv_fn)(const char *), const char *name)
{
    const char *value = getenv_fn(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* Application keys have had several forms; what can't be one is a line with blanks in it. */
static int check_application_key(const char *key, struct err *e)
{
    for (const char *c = key; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~') {
            return err_set(e, ERR_INPUT, "DD_APP_KEY: character %zu of %zu can't be in a key", (size_t)(c - key) + 1,
                           strlen(key));
        }
    }
    return 0;
}

/* The page's host stands at the beginning of where a person looks. */
static char *web_host(const char *profiles_url)
{
    const char *path = strchr(strstr(profiles_url, "://") + 3, '/');
    return mem_strndup(profiles_url, (size_t)(path - profiles_url));
}

int site_resolve(const char *url, const char *intake, const char *site, const char *service, const char *env,
                 char *(*getenv_fn)(const char *), struct site *out, struct err *e)
{
    const char *where = site != NULL ? "backend.site" : "DD_SITE";
    const char *from_shell = get(getenv_fn, "DD_SITE");
    const char *api_key = get(getenv_fn, "DD_API_KEY"), *application_key = get(getenv_fn, "DD_APP_KEY");
    struct forward_target target = {0};
    *out = (struct site){0};
    if (site == NULL) {
        site = from_shell != NULL ? from_shell : DEFAULT_SITE;
    }
    if (api_key == NULL || application_key == NULL) {
        return err_set(e, ERR_USAGE, "the backend datadog needs %s in the environment: %s",
                       api_key == NULL ? "DD_API_KEY" : "DD_APP_KEY",
                       api_key == NULL ? "profiles are sent with it" : "profiles are read back with it");
    }
    if (check_application_key(application_key, e) < 0 || forward_target_site(where, site, api_key, &target, e) < 0) {
        return -1;
    }
    out->profiles_url = forward_profiles_url(site, service, env);
    out->url = url != NULL ? mem_strdup(url) : web_host(out->profiles_url);
    out->intake = mem_strdup(intake != NULL ? intake : target.url);
    out->api_key = mem_strdup(api_key);
    out->application_key = mem_strdup(application_key);
    out->described = mem_printf("site %s", url != NULL ? url : site);
    forward_target_fini(&target);
    return 0;
}
