/* SPDX-License-Identifier: Apache-2.0 */
/* The Python virtual environment of a ddtrace worker, made at first use by
 * workers/python/environment.py. */
#ifndef LOCKTRAIL_ENGINE_PYTHON_ENV_H
#define LOCKTRAIL_ENGINE_PYTHON_ENV_H

#include "engine/host.h"

/* Where the environment's programs are; strings are the receiver's to free. */
struct python_env {
    char *python, *ddtrace_run;
    char *version;
    bool pinned; /* its packages were installed by hash */
};
void python_env_fini(struct python_env *env);

/* `env` is moved to the receiver, NULL on failure; then *e is ERR_MISSING and says what to do. */
typedef void (*python_env_fn)(struct python_env *env, const struct err *e, void *data);

struct python_env_work;

/* Prepares the environment that *worker asks for. `fn` comes exactly once, from the loop. The
 * result of python_env_prepare is valid until then. */
struct python_env_work *python_env_prepare(struct host *host, const struct scenario_worker *worker, python_env_fn fn,
                                           void *data);

/* Ends the preparation (the user has interrupted), `now` without letting it tidy up; `fn` still
 * comes, with ERR_INTERRUPTED. */
void python_env_stop(struct python_env_work *work, bool now);

#endif
