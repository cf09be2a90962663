/* SPDX-License-Identifier: Apache-2.0 */
/* The findings of `locktrail doctor`, one line each. */
#ifndef LOCKTRAIL_COMMANDS_DOCTOR_CHECKS_H
#define LOCKTRAIL_COMMANDS_DOCTOR_CHECKS_H

#include "base/buf.h"
#include "commands/files.h"

#include <stdbool.h>

enum finding { FINDING_OK, FINDING_WARNING, FINDING_MISSING };

struct doctor {
    struct buf *out; /* borrowed */
    bool missing;    /* something was */
    bool optional;   /* what is missing now only leaves a worker out: a warning */
    bool warned;
    bool profiler_checked; /* lockprof, once for all native workers */
};

/* One line `LEVEL  WHAT: TEXT; fix: FIX`. `fix` may be NULL for FINDING_OK. */
void doctor_say(struct doctor *d, enum finding level, const char *what, const char *fix, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* doctor_python.c: interpreter, venv module, ddtrace's environment, package index. */
void doctor_python(struct doctor *d, const struct scenario_worker *worker, const char *root);

/* doctor_native.c: lockprof, its library, the libraries that it needs, and the workload in the worker's build and in
 * the control's. */
void doctor_native(struct doctor *d, const struct scenario_worker *worker, bool control, const char *build);

/* doctor_pipeline.c: the agents of a scenario, its backend, and the programs of its stage `ui`. `home` is NULL where
 * locktrail's own folder was not found: then only what lies elsewhere. */
void doctor_pipeline(struct doctor *d, const struct scenario *s, const struct files_home *home);

/* doctor_machine.c */
void doctor_space(struct doctor *d);
void doctor_descriptors(struct doctor *d, size_t processes);
void doctor_intake(struct doctor *d, const char *listen);
void doctor_forward(struct doctor *d, const struct scenario *s);
/* A program of the user's, looked up in PATH, or from the directory where it is to run (NULL: this one); `what` says
 * whose. */
void doctor_program(struct doctor *d, const char *what, const char *program, const char *directory);

#endif
