/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/files.h"

#include "base/mem.h"
#include "io/disk.h"
#include "report/text.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Runs of one scenario that may begin in the same second. */
#define SAME_SECOND_MAX 1000

/* Line by line, since each may hold bytes that a terminal would obey. */
static void add_excerpt(struct buf *out, const char *excerpt)
{
    while (*excerpt) {
        size_t size = strcspn(excerpt, "\n");
        char *line = mem_strndup(excerpt, size);
        text_add_clean(out, line);
        buf_add_char(out, '\n');
        free(line);
        excerpt += size + (excerpt[size] == '\n');
    }
}

void files_add_diagnostics(struct buf *out, const char *path, const struct diagnostics *d)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct diagnostic *item = &d->items[i];
        text_add_clean(out, path);
        if (item->line > 0)
            buf_printf(out, ":%u:%u", item->line, item->column);
        buf_add_str(out, ": error: ");
        text_add_clean(out, item->text);
        buf_add_char(out, '\n');
        if (item->excerpt)
            add_excerpt(out, item->excerpt);
    }
    if (d->dropped > 0)
        buf_printf(out, "%s: and %zu more errors\n", path, d->dropped);
}

int files_load_scenario(const char *path, const struct scenario_override *overrides, size_t override_count,
                        struct scenario **out, struct buf *complaints)
{
    struct buf bytes = {0};
    struct diagnostics diagnostics = {0};
    struct err e;
    int code = 0;
    if (disk_read_now(path, SCENARIO_SIZE_MAX, &bytes, &e) < 0) {
        buf_add_str(complaints, "locktrail: ");
        text_add_clean(complaints, e.text);
        buf_add_char(complaints, '\n');
        code = ERR_INPUT;
    } else if (scenario_read(path, bytes.data ? bytes.data : "", bytes.size, overrides, override_count, out,
                             &diagnostics) < 0) {
        files_add_diagnostics(complaints, path, &diagnostics);
        code = ERR_INPUT;
    }
    diagnostics_fini(&diagnostics);
    buf_fini(&bytes);
    return code;
}

void files_home_fini(struct files_home *home)
{
    free(home->root);
    free(home->build);
    *home = (struct files_home){0};
}

static void cut_last(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
}

static bool is_root(const char *path)
{
    char *main = mem_printf("%s/workers/python/main.py", path);
    bool found = access(main, R_OK) == 0;
    free(main);
    return found;
}

int files_find_home_from(const char *executable, const char *home_variable, struct files_home *out, struct err *e)
{
    char *build = mem_strdup(executable), *root;
    cut_last(build);
    if (home_variable && home_variable[0]) {
        root = mem_strdup(home_variable);
        if (!is_root(root))
            err_set(e, ERR_MISSING,
                    "LOCKTRAIL_HOME is %s, and there is no workers/python/main.py below it: set it to locktrail's own "
                    "folder, or unset it",
                    root);
    } else {
        root = mem_strdup(build);
        while (root[0] && !is_root(root))
            cut_last(root);
        if (!root[0])
            err_set(e, ERR_MISSING,
                    "no folder above %s has workers/python/main.py: set LOCKTRAIL_HOME to locktrail's own folder",
                    executable);
    }
    if (!root[0] || !is_root(root)) {
        free(root);
        free(build);
        return -1;
    }
    *out = (struct files_home){.root = root, .build = build};
    return 0;
}

int files_find_home(struct files_home *out, struct err *e)
{
    char *executable = realpath("/proc/self/exe", NULL);
    if (!executable)
        return err_sys(e, ERR_MISSING, errno, "can't find out where locktrail itself lies (/proc/self/exe)");
    int result = files_find_home_from(executable, getenv("LOCKTRAIL_HOME"), out, e);
    free(executable);
    return result;
}

/* `what`: "run". */
static int check_given(const char *path, const char *what, struct err *e)
{
    DIR *directory = opendir(path);
    if (!directory && errno == ENOENT)
        return 0;
    if (!directory)
        return err_sys(e, ERR_WRITE, errno, "can't use %s as %s directory", path, what);
    bool empty = true;
    for (struct dirent *entry; empty && (entry = readdir(directory));)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(directory);
    if (!empty)
        return err_set(e, ERR_WRITE, "%s is not empty: a %s needs a directory of its own, name another with --out",
                       path, what);
    return 0;
}

/* A scenario may be called anything; a directory of this name should not need quotes in a shell. */
static char *directory_name(const char *scenario_name)
{
    char *name = mem_strdup(scenario_name);
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
            *c = '-';
    return name;
}

static char *make_default(const char *parent, const char *what, const char *called, struct err *e)
{
    char stamp[32];
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H-%M-%SZ", &utc);
    if (disk_make_dir(parent, e) < 0)
        return NULL;
    char *name = directory_name(called), *path = NULL;
    for (int i = 1; i <= SAME_SECOND_MAX; i++) {
        free(path);
        path = i == 1 ? mem_printf("%s/%s-%s", parent, stamp, name) : mem_printf("%s/%s-%s-%d", parent, stamp, name, i);
        if (mkdir(path, 0777) == 0) {
            free(name);
            return path;
        }
        if (errno != EEXIST)
            break;
    }
    err_sys(e, ERR_WRITE, errno, "can't make the %s directory %s", what, path);
    free(path);
    free(name);
    return NULL;
}

static char *find_directory(const char *given, const char *parent, const char *what, const char *called, struct err *e)
{
    if (!given)
        return make_default(parent, what, called, e);
    if (!given[0]) {
        err_set(e, ERR_USAGE, "%s: --out needs the name of a directory", what);
        return NULL;
    }
    return check_given(given, what, e) < 0 ? NULL : mem_strdup(given);
}

char *files_run_directory(const char *given, const char *scenario_name, struct err *e)
{
    return find_directory(given, "runs", "run", scenario_name, e);
}

char *files_matrix_directory(const char *given, const char *matrix_name, struct err *e)
{
    return find_directory(given, "matrices", "matrix", matrix_name, e);
}

int files_write_result(const char *directory, const char *name, const struct buf *bytes, bool always, struct err *e)
{
    char *path = mem_printf("%s/%s", directory, name);
    int result = 0;
    if (always || (access(path, F_OK) < 0 && access(directory, W_OK) == 0))
        result = disk_write_now(path, bytes->data, bytes->size, e);
    free(path);
    return result;
}

int files_resolve_forward(const struct scenario *s, struct forward_target *out, struct err *e)
{
    static const enum forward_from from[] = {[FORWARD_ENVIRONMENT] = FORWARD_FROM_ENVIRONMENT,
                                             [FORWARD_NONE] = FORWARD_FROM_NOWHERE,
                                             [FORWARD_AGENT] = FORWARD_FROM_AGENT,
                                             [FORWARD_AGENTLESS] = FORWARD_FROM_SITE};
    return forward_resolve(from[s->forward.kind], s->forward.url, s->forward.site, s->service, s->env, getenv, out, e);
}
