/* SPDX-License-Identifier: Apache-2.0 */
/* The virtual environments of all ddtrace workers of a scenario, one after the other, before anything is started. */
#ifndef LOCKTRAIL_ENGINE_ENVIRONMENTS_H
#define LOCKTRAIL_ENGINE_ENVIRONMENTS_H

#include "engine/python_env.h"

#include <stdbool.h>

struct environments;

/* `done` is called once by what environments_prepare begins: from the loop or, where there is nothing to make, from
 * within. *e NULL: all are there; an optional worker whose environment can't be made is left out (host->left_out, a
 * journal line), as long as another worker is left; else why not. ERR_INTERRUPTED after environments_stop. `host` is
 * borrowed. */
struct environments *environments_new(struct host *host, void (*done)(const struct err *e, void *data), void *data);
void environments_prepare(struct environments *envs);

/* The user wants an end; `now` without letting it tidy up. `done` still comes. */
void environments_stop(struct environments *envs, bool now);

/* One for each worker of the scenario; empty for those that are not ddtrace's. Borrowed. */
const struct python_env *environments_all(const struct environments *envs);

/* Not while something is being made. NULL is allowed. */
void environments_free(struct environments *envs);

#endif
