/* SPDX-License-Identifier: Apache-2.0 */
/* The run's uploads are read back: from a test-agent as copies of the stage `agent`, from the backend as copies of the
 * stage `backend`. A stage that was read to its end has run, and what is missing there is lost; one that could not be
 * read is a problem of the run, and nothing is said of it. */
#ifndef LOCKTRAIL_ENGINE_FETCH_H
#define LOCKTRAIL_ENGINE_FETCH_H

#include "engine/recorder.h"
#include "engine/way.h"

struct fetch;

/* `done` comes once, from the loop, after everything that was fetched is on its way to the disk; frees the fetch
 * before. All of it borrowed until then. */
struct fetch *fetch_start(struct host *host, struct recorder *recorder, const struct way *way, void (*done)(void *data),
                          void *data);

/* The user wants out. */
void fetch_stop(struct fetch *fetch);

#endif
