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

/* The parts of it. Where profiles would go, without a question: ERR_USAGE (keys). */
int outside_find(const struct scenario *s, struct outside *out, struct err *e);
/* For people; NULL: nothing leaves. */
const char *outside_described(const struct outside *o);
/* What keeps them inside, as PATH=VALUE of the scenario. */
const char *outside_key(const struct outside *o);
/* Uploads leave this machine's locktrail only after somebody has agreed: `inside` is what to do else. ERR_USAGE (there
 * is no terminal to ask), ERR_INTERRUPTED. */
int outside_confirm(const char *command, const char *where, const char *inside, bool yes, struct err *e);

#endif
