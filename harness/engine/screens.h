/* SPDX-License-Identifier: Apache-2.0 */
/* The stage `ui` of a run: the read-back copies of each process are looked at (engine/screen.h). A stage that was
 * looked at has run; one that could not be is a problem of the run, and nothing is said of it. */
#ifndef LOCKTRAIL_ENGINE_SCREENS_H
#define LOCKTRAIL_ENGINE_SCREENS_H

#include "engine/recorder.h"

struct screens;

/* `done` comes once, from the loop; frees the screens before. The recorder has settled. */
struct screens *screens_start(struct host *host, const struct recorder *recorder, void (*done)(void *data), void *data);
void screens_stop(struct screens *screens, bool now);

#endif
