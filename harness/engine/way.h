/* SPDX-License-Identifier: Apache-2.0 */
/* The way of the uploads of a run with a pipeline: first tap → agents, each with a tap behind it → the backend's door.
 *
 * Happy path: STARTING (store, taps, agents until they answer) → OPEN (workers upload) → DRAINING (what was sent has
 * arrived; taps are closed) → STANDING (agents and store answer who reads back) → CLOSING → CLOSED. Failure modes: an
 * agent can't be started, or a tap not listen (`ready` with the error; way_close is due then); an agent ends while it
 * is needed (a problem of the run; what it lost is a loss at its hop; in a soak it is started again, after a wait that
 * doubles from 1 s to 60 s); an agent keeps uploads (waited for, DRAIN_QUIET_MS without a further one). */
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

/* --- for soaks, while it is OPEN --- */

/* The taps of that stage (upload, agent) are disturbed as tap_disturb says. */
struct tap_disturbance;
void way_disturb_taps(struct way *way, enum stage stage, const struct tap_disturbance *items, size_t count);

/* The first agent that locktrail has started ends (SIGTERM; `kill`: SIGKILL), stays away for `away_ms` after its end,
 * and is started anew at the same address. `back` from the loop when it answers again. That is no problem of the run.
 * False, and nothing happens, where there is none or it is away already. */
bool way_disturb_agent(struct way *way, bool kill, int64_t away_ms, void (*back)(void *data), void *data);

/* What is disturbed is no more: taps pass everything, an agent that is away for its time is started now, and no `back`
 * comes. Also part of way_close. */
void way_calm(struct way *way);

#endif
