/* SPDX-License-Identifier: Apache-2.0 */
/* Where the profiles of a run or a soak go that leave locktrail, and the question before they do. */
#ifndef LOCKTRAIL_COMMANDS_OUTSIDE_H
#define LOCKTRAIL_COMMANDS_OUTSIDE_H

#include "base/err.h"
#include "pipeline/forward.h"
#include "pipeline/site.h"
#include "scenario/scenario.h"

#include <stdbool.h>

struct outside {
    struct forward_target forward;
    struct site site; /* `url` NULL: none */
};

/* The scenario's backend `datadog`, with the keys of the environment. `{0}` in *out where nothing leaves. ERR_USAGE
 * (keys), ERR_INTERRUPTED (not agreed to). */
int outside_resolve_site(const char *command, const struct scenario *s, bool yes, struct outside *out, struct err *e);

/* That; and without a pipeline the agent or site that uploads are forwarded to. */
int outside_resolve(const char *command, const struct scenario *s, bool yes, struct outside *out, struct err *e);
void outside_fini(struct outside *o);

#endif
