/* SPDX-License-Identifier: Apache-2.0 */
/* The control stage: does the collector work at all, before anything is asked of the way behind it?
 * Builtin: the patterns of each ddtrace worker and of a native one single-threaded, every acquire captured, default
 * settings; it fails when a process of it fails, when its profile can't be read, or when not even
 * the reference lock (a plain module global) has its name. A command of the user's: it fails when
 * its exit status is not 0; one that can't be started says nothing of the collector and is a problem of the run. */
#ifndef LOCKTRAIL_ENGINE_CONTROL_H
#define LOCKTRAIL_ENGINE_CONTROL_H

#include "engine/host.h"
#include "engine/python_env.h"
#include "trail/trail.h"

struct control;

/* The control is over and its `control_ended` event is written. May free the control. */
typedef void (*control_fn)(struct control *control, enum control_outcome outcome, void *data);

/* `envs` has one element for each worker of the scenario (empty for commands); borrowed. `fn` comes
 * once, from the loop. */
struct control *control_start(struct host *host, const struct python_env *envs, control_fn fn, void *data);
void control_interrupt(struct control *control, bool now);
void control_free(struct control *control);

#endif
