/* SPDX-License-Identifier: Apache-2.0 */
/* The way of the uploads of a run without a pipeline: the intake takes them, the recorder keeps them, and they are
 * forwarded where asked. */
#ifndef LOCKTRAIL_ENGINE_UPLOADS_H
#define LOCKTRAIL_ENGINE_UPLOADS_H

#include "engine/recorder.h"

struct uploads;

/* Starts the intake (host->intake_url is set) and, where the run forwards, the client. NULL and *e
 * on failure. */
struct uploads *uploads_start(struct host *host, struct recorder *recorder, struct err *e);

/* Ends forwards that are under way: the user wants out. */
void uploads_give_up(struct uploads *uploads);

/* Waits for forwards that are under way (each is bounded by forward.timeout), closes, calls
 * `stopped`, frees. */
void uploads_stop(struct uploads *uploads, void (*stopped)(void *data), void *data);

#endif
