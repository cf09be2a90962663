/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/outside.h"

#include "base/buf.h"
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

/* Uploads leave this machine's locktrail only after somebody has agreed. */
static int confirm(const char *command, const char *where, const char *inside, bool yes, struct err *e)
{
    struct buf text = {0};
    char answer[16] = "";
    bool ask = !yes && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
    if (!yes && !ask)
        return err_set(
            e, ERR_USAGE,
            "%s: this %s would send its profiles to %s, and there is no terminal to ask: give --yes, or keep "
            "them inside with --set %s",
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

int outside_resolve_site(const char *command, const struct scenario *s, bool yes, struct outside *out, struct err *e)
{
    if (s->backend.kind != BACKEND_DATADOG)
        return 0;
    if (site_resolve(s->backend.url, s->backend.intake, s->backend.site, s->service, s->env, getenv, &out->site, e) < 0)
        return -1;
    return confirm(command, out->site.described, "backend=store", yes, e);
}

/* With a pipeline, only its backend can be outside. */
int outside_resolve(const char *command, const struct scenario *s, bool yes, struct outside *out, struct err *e)
{
    if (scenario_has_pipeline(s))
        return outside_resolve_site(command, s, yes, out, e);
    if (files_resolve_forward(s, &out->forward, e) < 0)
        return -1;
    return out->forward.to == FORWARD_TO_NOWHERE ? 0
                                                 : confirm(command, out->forward.described, "forward.to=none", yes, e);
}
