/* SPDX-License-Identifier: Apache-2.0 */
/* Where the programs of the stage `ui` are. Internal to that stage. */
#ifndef LOCKTRAIL_ENGINE_SCREEN_PROGRAMS_H
#define LOCKTRAIL_ENGINE_SCREEN_PROGRAMS_H

#include "base/err.h"
#include "scenario/scenario.h"

struct screen_programs {
    char *pprof, *driver; /* paths, the caller's */
};

/* The scenario's own programs first. Code ERR_MISSING with the command that gets what is not there. */
int screen_programs_find(const struct scenario *s, const char *root, const char *build, struct screen_programs *out,
                         struct err *e);
void screen_programs_fini(struct screen_programs *programs);

#endif
