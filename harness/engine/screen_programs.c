/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/screen_programs.h"

#include "base/mem.h"
#include "engine/agents.h"
#include "engine/screen.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_program(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

/* A name without a slash is looked up in PATH, as the shell does. NULL where there is none; the caller's. */
static char *find_program(const char *name)
{
    const char *path = getenv("PATH");
    if (strchr(name, '/'))
        return is_program(name) ? mem_strdup(name) : NULL;
    while (path && *path) {
        size_t size = strcspn(path, ":");
        char *candidate = mem_printf("%.*s/%s", (int)size, path, name);
        if (size > 0 && is_program(candidate))
            return candidate;
        free(candidate);
        path += size + (path[size] == ':');
    }
    return NULL;
}

static int find_pprof(const struct scenario *s, const char *root, const char *build, char **out, struct err *e)
{
    char *own = agent_tool(root, build, "bin/pprof");
    *out = find_program(s->ui.pprof ? s->ui.pprof : own);
    if (!*out && !s->ui.pprof)
        *out = find_program("pprof");
    free(own);
    if (*out)
        return 0;
    if (s->ui.pprof)
        return err_set(e, ERR_MISSING, "ui.pprof: there is no program %s (without the key, make agents gets pprof)",
                       s->ui.pprof);
    return err_set(e, ERR_MISSING, "the stage ui needs google/pprof, and it is not there: make agents");
}

static int find_driver(const struct scenario *s, char **out, struct err *e)
{
    /* chromedriver looks for these itself, and says at length when it finds none. */
    static const char *const browsers[] = {"chromium", "google-chrome", "google-chrome-stable", "chromium-browser"};
    const char *name = s->ui.driver ? s->ui.driver : "chromedriver";
    char *browser = NULL;
    *out = find_program(name);
    if (!*out)
        return err_set(e, ERR_MISSING, "the stage ui needs Chromium's driver, and there is no program %s: make deps",
                       name);
    for (size_t i = 0; !browser && i < sizeof browsers / sizeof *browsers; i++)
        browser = find_program(browsers[i]);
    if (!browser)
        return err_set(e, ERR_MISSING, "the stage ui needs Chromium, and there is no program chromium: make deps");
    free(browser);
    return 0;
}

int screen_programs_find(const struct scenario *s, const char *root, const char *build, struct screen_programs *out,
                         struct err *e)
{
    *out = (struct screen_programs){0};
    if (find_pprof(s, root, build, &out->pprof, e) == 0 && find_driver(s, &out->driver, e) == 0)
        return 0;
    screen_programs_fini(out);
    return -1;
}

void screen_programs_fini(struct screen_programs *programs)
{
    free(programs->pprof);
    free(programs->driver);
    *programs = (struct screen_programs){0};
}

int screen_check(const struct scenario *s, const char *root, const char *build, struct err *e)
{
    struct screen_programs programs;
    if (screen_programs_find(s, root, build, &programs, e) < 0)
        return -1;
    screen_programs_fini(&programs);
    return 0;
}
