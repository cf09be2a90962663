/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/doctor_checks.h"

#include "base/mem.h"
#include "commands/probe.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

/* An interpreter behind a version manager's shim takes a second at its first start. */
#define RUN_TIMEOUT_MS 20000
#define CONNECT_TIMEOUT_MS 3000
#define DEFAULT_INDEX "https://pypi.org/simple"

static void cut_line(struct buf *b)
{
    if (b->size > 0)
        b->data[strcspn(b->data, "\r\n")] = '\0';
}

/* False where nothing that needs Python can work. */
static bool check_interpreter(struct doctor *d, const char *interpreter)
{
    const char *version[] = {interpreter, "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])", NULL};
    const char *venv[] = {interpreter, "-c", "import venv, ensurepip", NULL};
    struct buf out = {0};
    struct err e;
    bool good = false;
    if (probe_run(version, RUN_TIMEOUT_MS, &out, &e) < 0) {
        doctor_say(d, FINDING_MISSING, "python",
                   "apt-get install python3 python3-venv, or set workers.NAME.interpreter", "%s", e.text);
    } else {
        cut_line(&out);
        good = true;
        doctor_say(d, FINDING_OK, "python", NULL, "%s is Python %s", interpreter, out.data);
        if (probe_run(venv, RUN_TIMEOUT_MS, &out, &e) < 0)
            doctor_say(d, FINDING_MISSING, "venv module", "apt-get install python3-venv", "%s", e.text);
        else
            doctor_say(d, FINDING_OK, "venv module", NULL, "%s has venv and ensurepip", interpreter);
    }
    buf_fini(&out);
    return good;
}

static char *find_index(const char *interpreter)
{
    const char *ask[] = {interpreter, "-m", "pip", "config", "get", "global.index-url", NULL};
    const char *set = getenv("PIP_INDEX_URL");
    struct buf out = {0};
    struct err e;
    if (set && set[0])
        return mem_strdup(set);
    char *index = NULL;
    if (probe_run(ask, RUN_TIMEOUT_MS, &out, &e) == 0 && out.size > 0) {
        cut_line(&out);
        index = mem_strdup(out.data);
    }
    buf_fini(&out);
    return index ? index : mem_strdup(DEFAULT_INDEX);
}

/* The URL without a user's name and password in it. */
static char *without_secrets(const char *url)
{
    const char *host = strstr(url, "://");
    if (!host)
        return mem_strdup(url);
    host += 3;
    const char *at = memchr(host, '@', strcspn(host, "/"));
    return at ? mem_printf("%.*s%s", (int)(host - url), url, at + 1) : mem_strdup(url);
}

static void check_index(struct doctor *d, const char *interpreter)
{
    char *index = find_index(interpreter), *shown = without_secrets(index);
    struct err e;
    if (getenv("HTTPS_PROXY") || getenv("https_proxy") || getenv("ALL_PROXY"))
        doctor_say(d, FINDING_OK, "package index", NULL, "%s, through a proxy: not tried", shown);
    else if (probe_connect(shown, NULL, CONNECT_TIMEOUT_MS, &e) < 0)
        doctor_say(d, FINDING_MISSING, "package index",
                   "let this machine reach it, or set PIP_INDEX_URL to an index that it reaches", "%s: %s", shown,
                   e.text);
    else
        doctor_say(d, FINDING_OK, "package index", NULL, "%s can be reached", shown);
    free(shown);
    free(index);
}

/* The directory of a ready virtual environment with this version; NULL where there is none. */
static char *find_environment(const char *root, const char *version)
{
    char *pattern = mem_printf("%s/build/venvs/*/lib/python*/site-packages/ddtrace-%s.dist-info", root, version);
    glob_t found;
    char *path = NULL;
    if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0) {
        path = mem_strdup(found.gl_pathv[0]);
        *strstr(path, "/lib/python") = '\0';
        globfree(&found);
    }
    free(pattern);
    return path;
}

void doctor_python(struct doctor *d, const struct scenario_worker *worker, const char *root)
{
    if (!check_interpreter(d, worker->interpreter))
        return;
    char *environment = find_environment(root, worker->version);
    if (environment) {
        doctor_say(d, FINDING_OK, "ddtrace", NULL, "%s is in %s", worker->version, environment);
    } else {
        doctor_say(d, FINDING_OK, "ddtrace", NULL, "%s is installed at the first run, into %s/build/venvs",
                   worker->version, root);
        check_index(d, worker->interpreter);
    }
    free(environment);
}
