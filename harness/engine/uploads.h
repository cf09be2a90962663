/* SPDX-License-Identifier: Apache-2.0 */
/* The run's end of the pipeline: takes uploads from the intake, keeps them as copies of their
 * worker, forwards them where asked. */
#ifndef LOCKTRAIL_ENGINE_UPLOADS_H
#define LOCKTRAIL_ENGINE_UPLOADS_H

#include "engine/host.h"
#include "engine/worker.h"

struct uploads;

/* Starts the intake (host->intake_url is set) and, where the run forwards, the client. NULL and *e
 * on failure. */
struct uploads *uploads_start(struct host *host, struct err *e);

/* The processes to which uploads are matched by their tags, else by their process id. Borrowed
 * until uploads_stop. */
void uploads_set_workers(struct uploads *uploads, struct worker **workers, size_t count);

/* Ends forwards that are under way: the user wants out. */
void uploads_give_up(struct uploads *uploads);

/* Waits for forwards that are under way (each is bounded by forward.timeout), closes, calls
 * `stopped`, frees. */
void uploads_stop(struct uploads *uploads, void (*stopped)(void *data), void *data);

#endif
