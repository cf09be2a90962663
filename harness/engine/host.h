/* SPDX-License-Identifier: Apache-2.0 */
/* What every part of a run shares: loop, disk, journal, and the ways to say what happened. */
#ifndef LOCKTRAIL_ENGINE_HOST_H
#define LOCKTRAIL_ENGINE_HOST_H

#include "engine/journal.h"
#include "engine/run.h"

#include <uv.h>

/* Characters of a run's id. */
#define RUN_ID_SIZE 17

struct host {
    uv_loop_t *loop;
    struct disk *disk;
    struct journal journal;
    const struct run_options *options; /* borrowed */
    char *guard;                       /* path of locktrail-guard */
    char run_id[RUN_ID_SIZE];
    bool *left_out;         /* for each worker of the scenario: an optional one that is not started */
    const char *intake_url; /* NULL until the intake listens */
    bool unwritten;         /* something of the run is not on the disk: `write_error`, the first, says what */
    struct err write_error;
};

/* Hands an event to whoever shows progress. `text` may be NULL. */
void host_notify(struct host *host, enum run_event_kind kind, const char *who, const char *text);
void host_notify_phase(struct host *host, const char *who, const char *phase, double done, uint64_t acquires);

/* A thing that went wrong in the run: journal (synced), progress and log. `output` may be NULL: the
 * last bytes of a worker's output, in any encoding. */
void host_problem(struct host *host, const char *who, const char *advice, const char *output, size_t output_size,
                  const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* The stage was looked at: what is missing there from here on is missed. */
void host_stage_ran(struct host *host, enum stage stage);

/* Where the workers' uploads are listened for: as the scenario's intake says; "unix:" is a socket in the run directory.
 * For the caller to free. */
char *host_listen(const struct host *host);

/* Something of the run could not be written. The first is kept for the caller of run_execute. */
void host_write_failed(struct host *host, const struct err *e);

#endif
