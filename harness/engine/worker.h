/* SPDX-License-Identifier: Apache-2.0 */
/* The life of one worker process: started, heard, stopped, its files collected.
 *
 * Happy path: STARTING (until its hello) → WORKING (until its done) → LEAVING (until it is dead and
 * drained) → COLLECTING (its local profiles move to copies/) → ENDED, once. A silent command is
 * WORKING from its start and is stopped when the duration is over. Failure modes, each a problem
 * that names the worker, the cause and its last output: can't be executed; no hello in
 * start_timeout; no line for silence_timeout; still working after its planned time; not gone
 * stop_timeout after its done; exit status, signal; lines that are not of the protocol; a thread
 * that died; output over its limit; its files can't be collected. */
#ifndef LOCKTRAIL_ENGINE_WORKER_H
#define LOCKTRAIL_ENGINE_WORKER_H

#include "engine/host.h"
#include "engine/instances.h"
#include "engine/orders.h"
#include "engine/python_env.h"

#include <stdbool.h>

struct worker;

/* The worker has ENDED; `good` when it did all that it was asked for. worker_free may be called
 * from it. */
typedef void (*worker_fn)(struct worker *worker, bool good, void *data);

struct worker_options {
    struct host *host;                      /* borrowed, like its definition in the scenario */
    const struct planned_instance *planned; /* borrowed during the call */
    const struct python_env *env;           /* likewise; empty for all but ddtrace */
    worker_fn on_end;
    void (*on_pid)(struct worker *worker, void *data); /* it is executed, and worker_pid says its process; or NULL */
    void *data;
};

/* Starts it; failures come as a problem and on_end too, never from within this call. */
struct worker *worker_start(const struct worker_options *options);

/* The user wants an end: SIGTERM now and SIGKILL after the worker's stop_timeout; `now`: SIGKILL at
 * once. What it does or leaves undone from here on is not a problem. */
void worker_interrupt(struct worker *worker, bool now);

/* What a soak does to it; each to its whole process group. False where it is not there to be hit: not executed yet, or
 * ending already. */
bool worker_kill(struct worker *worker);  /* SIGKILL: its end is no problem then */
bool worker_pause(struct worker *worker); /* SIGSTOP: no timeout goes on meanwhile */
void worker_go_on(struct worker *worker); /* SIGCONT, if it was paused */

const char *worker_instance(const struct worker *worker);
enum arm worker_arm(const struct worker *worker);
pid_t worker_pid(const struct worker *worker);
bool worker_ended(const struct worker *worker);

/* Only when ended. */
void worker_free(struct worker *worker);

#endif
