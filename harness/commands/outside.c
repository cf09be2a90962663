/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/outside.h"

#include "base/buf.h"
#include "base/mem.h"
#include "commands/files.h"
#include "commands/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_yes(const char *answer)
{
    return strcmp(answer, "y") == 0 || strcmp(answer, "Y") == 0 || strcmp(answer, "yes") == 0;
}

int outside_confirm(const char *command, const char *where, const char *inside, bool yes, struct err *e)
{
    struct buf text = {0};
    char answer[16] = "";
    bool ask = !yes && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
    if (!yes && !ask)
        return err_set(
            e, ERR_USAGE,
            "%s: this %s would send its profiles to %s, and there is no terminal to ask: give --yes, or keep "
            "them inside with %s",
            command, command, where, inside);
    buf_printf(&text, "locktrail: the profiles of this %s are sent to %s\n", command, where);
    if (ask)
        buf_printf(&text, "Send the profiles of this %s to %s? [y/N] ", command, where);
    output_note(&text);
    buf_fini(&text);
    if (!ask)
        return 0;
    if (fgets(answer, sizeof answer, stdin))
        answer[strcspn(answer, "\r\n")] = '\0';
    if (!is_yes(answer))
        return err_set(e, ERR_INTERRUPTED, "%s: not agreed to, so nothing was run and nothing was sent", command);
    return 0;
}

void outside_fini(struct outside *o)
{
    forward_target_fini(&o->forward);
    site_fini(&o->site);
}

int outside_find(const struct scenario *s, struct outside *out, struct err *e)
{
    if (s->backend.kind == BACKEND_DATADOG)
        return site_resolve(s->backend.url, s->backend.intake, s->backend.site, s->service, s->env, getenv, &out->site,
                            e);
    /* With a pipeline, only its backend can be outside. */
    return scenario_has_pipeline(s) ? 0 : files_resolve_forward(s, &out->forward, e);
}

const char *outside_described(const struct outside *o)
{
    if (o->site.url)
        return o->site.described;
    return o->forward.to == FORWARD_TO_NOWHERE ? NULL : o->forward.described;
}

const char *outside_key(const struct outside *o)
{
    return o->site.url ? "backend=store" : "forward.to=none";
}

static int ask(const char *command, bool yes, const struct outside *out, struct err *e)
{
    const char *where = outside_described(out);
    if (!where)
        return 0;
    char *inside = mem_printf("--set %s", outside_key(out));
    int result = outside_confirm(command, where, inside, yes, e);
    free(inside);
    return result;
}

int outside_resolve_site(const char *command, const struct scenario *s, bool yes, struct outside *out, struct err *e)
{
    if (s->backend.kind != BACKEND_DATADOG)
        return 0;
    return outside_find(s, out, e) < 0 ? -1 : ask(command, yes, out, e);
}

int outside_resolve(const char *command, const struct scenario *s, bool yes, struct outside *out, struct err *e)
{
    return outside_find(s, out, e) < 0 ? -1 : ask(command, yes, out, e);
}
