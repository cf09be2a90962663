/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/doctor_checks.h"

#include "base/mem.h"
#include "commands/probe.h"

#include <stdlib.h>
#include <string.h>

/* An interpreter behind a version manager's shim takes a second at its first start. */
#define RUN_TIMEOUT_MS 20000
#define CONNECT_TIMEOUT_MS 3000

static void cut_line(struct buf *b)
{
    if (b->size > 0)
        b->data[strcspn(b->data, "\r\n")] = '\0';
}

static bool is_version(const struct buf *answer)
{
    return answer->size > 0 && answer->data[0] && strspn(answer->data, "0123456789.") == strlen(answer->data);
}

/* False where nothing that needs Python can work. */
static bool check_interpreter(struct doctor *d, const char *interpreter)
{
    const char *version[] = {interpreter, "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])", NULL};
    const char *venv[] = {interpreter, "-c", "import venv, ensurepip", NULL};
    struct buf out = {0};
    struct err e;
    bool good = false;
    int result = probe_run(version, RUN_TIMEOUT_MS, &out, &e);
    cut_line(&out);
    if (result == 0 && !is_version(&out))
        result = err_set(&e, ERR_MISSING, "%s is no Python: it does not say a version", interpreter);
    if (result < 0) {
        doctor_say(d, FINDING_MISSING, "python",
                   "apt-get install python3 python3-venv, or set workers.NAME.interpreter", "%s", e.text);
    } else {
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

/* The index that pip was told to use, for the caller to free; NULL where it was told none and goes to its default. */
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
    return index;
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
    char *index = find_index(interpreter);
    if (!index) {
        doctor_say(d, FINDING_OK, "package index", NULL, "pip's default: not tried");
        return;
    }
    char *shown = without_secrets(index);
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

/* Asks environment.py's own functions, so that doctor and run never mean different directories. Prints the directory if
 * it is ready. */
static const char find_script[] = "import os, sys\n"
                                  "folder, root, interpreter, version = sys.argv[1:5]\n"
                                  "sys.dont_write_bytecode = True\n"
                                  "sys.path.insert(0, folder)\n"
                                  "import environment as e\n"
                                  "name = e.directory_name(e.interpreter_version(interpreter), version, sys.argv[5:])\n"
                                  "path = os.path.join(os.path.abspath(root), name)\n"
                                  "print(path if e.read_marker(path) else '')\n";

/* The directory of the ready virtual environment of this worker, or NULL where there is none yet. -1: that can't be
 * said. */
static int find_environment(const struct scenario_worker *w, const char *root, char **out, struct err *e)
{
    char *folder = mem_printf("%s/workers/python", root), *venvs = mem_printf("%s/build/venvs", root);
    const char **args = mem_calloc(8 + w->package_count, sizeof *args);
    const char *const fixed[] = {w->interpreter, "-c", find_script, folder, venvs, w->interpreter, w->version};
    struct buf answer = {0};
    memcpy(args, fixed, sizeof fixed);
    for (size_t i = 0; i < w->package_count; i++)
        args[sizeof fixed / sizeof *fixed + i] = w->packages[i];
    int result = probe_run(args, RUN_TIMEOUT_MS, &answer, e);
    cut_line(&answer);
    *out = result == 0 && answer.size > 0 && answer.data[0] ? mem_strdup(answer.data) : NULL;
    buf_fini(&answer);
    free(args);
    free(venvs);
    free(folder);
    return result;
}

void doctor_python(struct doctor *d, const struct scenario_worker *worker, const char *root)
{
    if (!check_interpreter(d, worker->interpreter))
        return;
    char *environment;
    struct err e;
    if (find_environment(worker, root, &environment, &e) < 0) {
        doctor_say(d, FINDING_MISSING, "ddtrace", "make locktrail's own folder whole again", "%s", e.text);
    } else if (environment) {
        doctor_say(d, FINDING_OK, "ddtrace", NULL, "%s is in %s", worker->version, environment);
    } else {
        doctor_say(d, FINDING_OK, "ddtrace", NULL, "%s is installed at the first run, into %s/build/venvs",
                   worker->version, root);
        check_index(d, worker->interpreter);
    }
    free(environment);
}
