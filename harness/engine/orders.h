/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker is started with: its command line and its whole environment. Pure but for reading
 * `environ`. */
#ifndef LOCKTRAIL_ENGINE_ORDERS_H
#define LOCKTRAIL_ENGINE_ORDERS_H

#include "scenario/scenario.h"

#include <stdbool.h>
#include <stddef.h>

/* Phase that only the control runs: one plain module-global lock that every collector must be able
 * to name. */
#define REFERENCE_PATTERN "reference"
#define REFERENCE_LOCK "reference_lock"
/* Iterations of each phase in the control: enough for a sample of every lock, over in a moment. */
#define CONTROL_ITERATIONS 20

/* The tags by which an upload is known again. */
#define TAG_RUN "locktrail_run"
#define TAG_WORKER "locktrail_worker"

struct orders_context {
    const struct scenario *scenario;
    const struct scenario_worker *worker;
    enum arm arm;
    const char *instance; /* "python.1.local" */
    const char *run_id;
    const char *root;          /* locktrail's own files */
    const char *build;         /* where lockprof and the C workload lie */
    const char *python;        /* of the virtual environment; NULL for all but ddtrace */
    const char *ddtrace_run;   /* likewise */
    const char *output_prefix; /* of local pprof files */
    const char *intake_url;    /* NULL in the control */
    bool rounds;               /* the workloads go through their phases again and again until SIGTERM */
};

/* NULL-terminated arrays of strings, all the caller's: orders_free. */
struct orders {
    char **args;
    char **env;
};

void orders_make(const struct orders_context *context, struct orders *out);
void orders_free(struct orders *orders);

/* The environment without DD_ and LOCKTRAIL_ variables, for programs that are neither to profile nor to know the user's
 * keys (a control command, the maker of virtual environments). NULL-terminated; orders_free_strings. */
char **orders_clean_environment(void);
void orders_free_strings(char **strings);

/* Names of the DD_ variables of the environment that neither locktrail goes by nor workers get (only the scenario's
 * reach them), comma-separated; "" if none. For the caller to free. */
char *orders_dropped_variables(void);

#endif
