/* SPDX-License-Identifier: Apache-2.0 */
/* The run directory before the run begins and when it is over. Blocks. */
#ifndef LOCKTRAIL_ENGINE_RUN_DIRECTORY_H
#define LOCKTRAIL_ENGINE_RUN_DIRECTORY_H

#include "base/err.h"
#include "engine/instances.h"
#include "scenario/scenario.h"

/* Takes `given`, which must be new or empty, for a run: makes it and the directories in it, those of the planned
 * processes too (later the loop would have to wait for each), and writes scenario.yaml. Returns its absolute path, for
 * the caller to free, or NULL (ERR_WRITE). */
char *run_directory_make(const char *given, const struct scenario *s, const struct instance_plan *plan, struct err *e);

/* For as long as the returned descriptor is open no other locktrail gets it; the lock ends with the process, however it
 * ends. ERR_WRITE: another one has it. */
int run_directory_lock(const char *directory, struct err *e);

/* Whether it is still there. Whoever removes it under a run takes its scenario with it, and nothing can be reported. */
int run_directory_check(const char *directory, struct err *e);

#endif
