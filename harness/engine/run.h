/* SPDX-License-Identifier: Apache-2.0 */
/* The life of one run: prepare, control, workers, collect, close. Leaves a run directory; judging
 * is evidence.h's. */
#ifndef LOCKTRAIL_ENGINE_RUN_H
#define LOCKTRAIL_ENGINE_RUN_H

#include "base/err.h"
#include "pipeline/forward.h"
#include "pipeline/site.h"
#include "scenario/scenario.h"

#include <stdbool.h>
#include <stdint.h>

/* For whoever shows progress. Everything is borrowed and valid during the call. */
enum run_event_kind {
    RUN_PREPARING, /* `text`: what is being prepared ("virtual environment for ddtrace 4.16.0") */
    RUN_OUTPUT,    /* `text`: a line of what prepares ("Collecting ddtrace") */
    RUN_CONTROL,   /* the control begins (`text` "") or has ended (`text`: outcome) */
    RUN_WORKER,    /* `who` changed state: `text` "started", "ended: exit 0" ... */
    RUN_PHASE,     /* `who` works at `phase`, `done` of it 0..1, `acquires` so far */
    RUN_UPLOAD,    /* an upload was stored, rejected, forwarded: `text` */
    RUN_PROBLEM,   /* `who`, `text` */
    RUN_STATE      /* the run itself: `text` "running", "collecting", "stopping" ... */
};

struct run_event {
    enum run_event_kind kind;
    const char *who, *text, *phase;
    double done;
    uint64_t acquires; /* of all locks of that process so far */
    double elapsed_s;  /* since the run's start */
};
typedef void (*run_event_fn)(const struct run_event *event, void *data);

struct run_options {
    const struct scenario *scenario;      /* borrowed */
    const char *directory;                /* of the run; must be new or empty */
    const char *root;                     /* locktrail's own files: workers/, build/venvs */
    const char *build;                    /* where locktrail-guard lies */
    const struct forward_target *forward; /* borrowed; NULL: nowhere. Not with a pipeline */
    const struct site *site;              /* of the backend `datadog`; borrowed; NULL with another */
    run_event_fn on_event;
    void *data;
};

/* Runs to the end on a loop of its own; blocks. Handles SIGINT, SIGTERM and SIGHUP while it runs:
 * the first stops workers and collects, a second ends at once. SIGPIPE and SIGXFSZ are ignored from
 * then on, and after an interruption those three too, so that the report comes.
 * *happened: there is a run directory to be judged and reported, whatever came of the workers, and
 * also where the user stopped it before any was started. Returns 0; or -1 where nothing could be run
 * (ERR_MISSING a component, ERR_WRITE the directory, ERR_INTERNAL; *happened is false), and where it
 * happened but not all of it is on the disk (ERR_WRITE): report what is there, and the error. */
int run_execute(const struct run_options *options, bool *happened, struct err *e);

#endif
