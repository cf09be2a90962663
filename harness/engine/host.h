/* SPDX-License-Identifier: Apache-2.0 */
/* What every part of a run shares: loop, disk, journal, and the ways to say what happened. */
#ifndef LOCKTRAIL_ENGINE_HOST_H
#define LOCKTRAIL_ENGINE_HOST_H

#include "engine/journal.h"
#include "engine/run.h"

#include <uv.h>

/* Characters of a run's id. */
#define RUN_ID_SIZE 17

/* What a soak takes in place of the run directory: nothing is listed there that grows with time. */
struct message;
struct upload;
struct host_soak {
    void (*line)(const char *instance, const struct message *m, void *data);
    /* `instance` NULL: nobody's. */
    void (*upload)(enum stage stage, const char *instance, const struct upload *upload, void *data);
    void (*problem)(const char *who, const char *text, const char *advice, void *data);
    uint64_t store_bytes; /* that the store may keep */
    void *data;
};

struct host {
    uv_loop_t *loop;
    struct disk *disk;
    struct journal journal;
    const struct run_options *options; /* borrowed */
    const struct host_soak *soak;      /* NULL: a run. A soak's workers go on until they are stopped */
    char *guard;                       /* path of locktrail-guard */
    char run_id[RUN_ID_SIZE];
    bool *left_out;         /* for each worker of the scenario: an optional one that is not started */
    const char *intake_url; /* NULL until the intake listens */
    bool unwritten;         /* something of the run is not on the disk: `write_error`, the first, says what */
    struct err write_error;
};

/* A failed write is an error of the caller's and not the process's end: SIGPIPE and SIGXFSZ are ignored from now on. */
void host_ignore_signals(void);

/* Disk, journal and a new run id for `options`, whose directory is there. `{0}` before; host_fini also where it failed.
 * ERR_INTERNAL. The disk is closed by its owner. */
int host_open(struct host *host, const struct run_options *options, uv_loop_t *loop, struct err *e);
void host_fini(struct host *host);

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
