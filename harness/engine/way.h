/* SPDX-License-Identifier: Apache-2.0 */
/* The way of the uploads of a run with a pipeline: first tap → agents, each with a tap behind it → the backend's door.
 *
 * Happy path: STARTING (store, taps, agents until they answer) → OPEN (workers upload) → DRAINING (what was sent has
 * arrived; taps are closed) → STANDING (agents and store answer who reads back) → CLOSING → CLOSED. Failure modes: an
 * agent can't be started, or a tap not listen (`ready` with the error; way_close is due then); an agent ends while it
 * is needed (a problem of the run; what it lost is a loss at its hop); an agent keeps uploads (waited for,
 * DRAIN_QUIET_MS without a further one). */
#ifndef LOCKTRAIL_ENGINE_WAY_H
#define LOCKTRAIL_ENGINE_WAY_H

#include "engine/recorder.h"

struct way;

/* `ready` comes once, never from within: *e is NULL, and host->intake_url is set; or why the way is not there. */
struct way *way_start(struct host *host, struct recorder *recorder, void (*ready)(const struct err *e, void *data),
                      void *data);

/* The workers have ended. Waits for what is under way, closes the taps, calls `drained` from the loop. */
void way_drain(struct way *way, void (*drained)(void *data), void *data);

/* The user wants out: nothing is waited for any more. */
void way_give_up(struct way *way);

/* Stops agents and store, calls `closed` from the loop, frees. Also a way that never became ready; drained else. */
void way_close(struct way *way, void (*closed)(void *data), void *data);

/* One agent's way, from the scenario's first on; a single one without an agent where it names none. */
size_t way_lanes(const struct way *way);
const struct scenario_agent *way_agent(const struct way *way, size_t lane); /* NULL: straight to the backend */
const char *way_agent_url(const struct way *way, size_t lane);
/* What a process is called there: its own name on the first lane, NAME+AGENT on others. For the caller to free. */
char *way_instance(const struct scenario *s, size_t lane, const char *instance);

/* Where the store of a lane is asked; NULL where there is none. */
const char *way_store_url(const struct way *way, size_t lane);

/* Uploads of a process that the last hop before the backend has taken (2xx). `instance` as way_instance says. */
unsigned way_passed(const struct way *way, const char *instance);

#endif
