/* SPDX-License-Identifier: Apache-2.0 */
/* Where the parts of this folder put what is wrong with a file: place, text and excerpt become a diagnostic. */
#ifndef LOCKTRAIL_SCENARIO_COMPLAIN_H
#define LOCKTRAIL_SCENARIO_COMPLAIN_H

#include "base/buf.h"
#include "scenario/scenario.h"

#include <stddef.h>

/* Most characters of a value, and of a line, that a diagnostic shows: it should stay readable on 80 columns. */
#define SHOWN_VALUE_MAX 60
#define SHOWN_LINE_MAX 100

/* The text being read and the list that grows. All borrowed. */
struct complaints {
    const char *bytes; /* the file, without a byte order mark */
    size_t size;
    struct diagnostics *list;
    const char *what; /* the file should be: "a matrix"; NULL: "a scenario" */
    const char *keys; /* that it has at least; NULL: those of a scenario */
};

/* A place in the file, or in an override. */
struct place {
    unsigned line, column;                    /* from 1; column in characters */
    const struct scenario_override *override; /* NULL: the file */
};

/* Steps of the way from the root to a value, on the stack of whoever walks. */
struct step {
    const struct step *up; /* NULL: the root is above */
    const char *key;       /* NULL: an element of a list */
    size_t index;
};

/* Adds a diagnostic; its text is "--set P=V: " for an override, then the path of `step` (NULL: none) and ": ", then the
 * message. Beyond DIAGNOSTICS_MAX it is only counted. */
void complain(struct complaints *c, struct place place, const struct step *step, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Sorts by place, overrides last; diagnostics of one place stay in their order. */
void complaints_sort(struct diagnostics *d);

/* "workers.python.limits", "phases.0.pattern". */
void step_print(struct buf *out, const struct step *step);

/* A value from the file as it can be shown: at most SHOWN_VALUE_MAX characters, control characters and bytes that are
 * not UTF-8 as \xNN. */
void show_value(struct buf *out, const char *text, size_t size);

/* Bytes of the line break (LF, CR, CRLF, and NEL, LS, PS as libyaml counts them) at `at`, 0 where there is none. */
size_t line_break(const char *at, size_t available);

#endif
