/* SPDX-License-Identifier: Apache-2.0 */
/* What a native worker is made of: lockprof with its library, and the C workload in its builds. They lie where make
 * puts them, beside the locktrail executable. */
#ifndef LOCKTRAIL_ENGINE_NATIVE_H
#define LOCKTRAIL_ENGINE_NATIVE_H

#include "base/err.h"
#include "scenario/scenario.h"

/* The build in which the control runs: an ordinary one, with all of its debug information. */
#define NATIVE_CONTROL_BUILD BUILD_O2G

/* Paths below the directory of the executable, for the caller to free. */
char *native_profiler(const char *directory);
char *native_library(const char *directory);
char *native_workload(const char *directory, enum build build);

/* Whether all of it is there; else -1 with ERR_MISSING and what to do. */
int native_check(const char *directory, enum build build, struct err *e);

#endif
