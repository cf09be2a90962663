/* SPDX-License-Identifier: Apache-2.0 */
/* The locks of a worker as the ledger is to have them: what it declares, with what the scenario expects of it. Pure. */
#ifndef LOCKTRAIL_ENGINE_DECLARED_H
#define LOCKTRAIL_ENGINE_DECLARED_H

#include "scenario/scenario.h"
#include "trail/ledger.h"

/* Takes over the rendering that the scenario expects of this lock (its `worker` is set), borrowed. */
void declared_expect(const struct scenario *s, struct lock *lock);

/* Number `i` of the locks that stand in the scenario, since the command is silent. Borrowed from both. */
struct lock declared_of_silent(const struct scenario *s, const struct scenario_worker *worker, size_t i);

#endif
