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
    bool warned;
};

/* One line `LEVEL  WHAT: TEXT; fix: FIX`. `fix` may be NULL for FINDING_OK. */
void doctor_say(struct doctor *d, enum finding level, const char *what, const char *fix, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* doctor_python.c: interpreter, venv module, ddtrace's environment, package index. */
void doctor_python(struct doctor *d, const struct scenario_worker *worker, const char *root);

/* doctor_machine.c */
void doctor_space(struct doctor *d);
void doctor_descriptors(struct doctor *d, size_t processes);
void doctor_intake(struct doctor *d, const char *listen);
void doctor_forward(struct doctor *d, const struct scenario *s);
/* A program of the user's, looked up in PATH, or from the directory where it is to run (NULL: this one); `what` says
 * whose. */
void doctor_program(struct doctor *d, const char *what, const char *program, const char *directory);

#endif
