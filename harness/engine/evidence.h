/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that one run left, read back from its run directory, and judged. A run's own report is
 * made from this and from nothing else, so that the report of a run that was killed, or of one from
 * last week, is made in the same way. */
#ifndef LOCKTRAIL_ENGINE_EVIDENCE_H
#define LOCKTRAIL_ENGINE_EVIDENCE_H

#include "base/err.h"
#include "profile/profile.h"
#include "scenario/scenario.h"
#include "trail/trail.h"
#include "trail/uploads.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Something that went wrong in the run itself. Any of them makes the verdict `error`. */
struct problem {
    char *who;    /* "python.1.local", "intake", "run", "control" */
    char *text;   /* "ended by signal 11 (Segmentation fault) 3.2 s after its start" */
    char *advice; /* what to do; may be "" */
    char *output; /* the last bytes of the worker's output, as valid UTF-8; "" where there is none */
};

/* One worker process. */
struct worker_outcome {
    char *name;   /* the instance: "python.1.local" */
    char *worker; /* "python" */
    enum arm arm;
    int64_t pid;
    bool started, ended, said_done;
    bool good;               /* it did all that it was asked for */
    char *cause;             /* how it ended, for a person: "exit 0", "exit 1", "signal 9 (Killed)", "still
                                running when the coordinator died" */
    char *runtime, *version; /* from its hello; "" where it said none */
    int64_t wall_ms, cpu_ms;
    int64_t max_rss;         /* bytes */
    uint64_t output_dropped; /* bytes of its output over the limit */
};

/* An optional worker that was not started. */
struct left_out {
    char *worker, *why;
};

/* One profile file in copies/. */
struct evidence_copy {
    enum stage stage;
    size_t instance;
    unsigned sequence; /* from 1, for each stage and instance */
    char *path;        /* relative to the run directory */
    char *hash;        /* "" where the file could not be read */
    uint64_t size;     /* bytes as captured */
    char *start, *end; /* of an upload's event.json; "" for a local file */
    char *runtime_id;
    int answered;                /* status that the sender of the upload was told; 0 unknown, or none */
    struct profile *profile;     /* NULL where it can't be read, and at the stage `ui` */
    char *unreadable;            /* why, else NULL */
    struct screen_names *screen; /* of the stage `ui`: what was shown; else NULL */
};

/* What a person was shown of one process. */
struct screen_names {
    char **labels; /* each once, in the order in which they were shown */
    size_t label_count;
    char *how;       /* "pprof in Chromium 156", "attested by a person" */
    char **pictures; /* paths relative to the run directory */
    size_t picture_count;
    char **unknown; /* ids of declared locks of which nobody said whether they are shown: not looked at, never absent */
    size_t unknown_count;
};

/* A program that served the run. */
struct service_outcome {
    char *name;  /* "trace-agent" */
    char *cause; /* how it ended: "exit 0", "killed", "was running when the coordinator ended" */
    bool good;
};

/* Uploads at one stage. */
struct upload_counts {
    uint64_t received, stored, rejected, forwarded, forward_failed;
};

/* A copy that the journal tells of. */
struct captured {
    enum stage stage;
    size_t instance;
    unsigned sequence;
};

/* What the sender of an upload was told at a tap. */
struct exchange {
    enum stage stage;
    size_t instance;
    unsigned first, profiles; /* its copies: sequence numbers from `first` on */
    int status;               /* 0: nobody was there to be told */
};

/* What a fault did to uploads of one process, and to how many. */
struct fault_line {
    char *text;
    uint64_t uploads;
};

/* Two for each process of the largest run, and nobody reads as many. */
#define EVIDENCE_PROBLEMS_MAX 2000

struct evidence {
    char *directory;
    struct scenario *scenario;
    struct ledger ledger;
    char *run_id;     /* also in the uploads' tags: "locktrail_run:…" */
    char *started_at; /* RFC 3339, UTC */
    int64_t wall_ms;
    bool complete;    /* the coordinator lived to the run's end; false marks the report as that of a
                         killed run */
    bool interrupted; /* the user stopped it */
    enum control_outcome control;
    char *control_why;
    char *control_output; /* of a control command: the last of its output; "" else */
    int control_exit;     /* of a control command */
    bool stage_ran[STAGE_COUNT];
    struct worker_outcome *workers;
    size_t worker_count, worker_capacity;
    struct left_out *left_out;
    size_t left_out_count, left_out_capacity;
    struct evidence_copy *copies;
    size_t copy_count, copy_capacity;
    struct captured *captured;
    size_t captured_count, captured_capacity;
    struct upload_counts uploads;
    struct problem *problems; /* at most EVIDENCE_PROBLEMS_MAX, and a last one that counts the further ones */
    size_t problem_count, problem_capacity;
    uint64_t problems_dropped;
    struct trail_matching matching; /* which copies are one upload; counts for each hop */
    struct exchange *exchanges;
    size_t exchange_count, exchange_capacity;
    struct service_outcome *services;
    size_t service_count, service_capacity;
    struct fault_line *fault_lines;
    size_t fault_line_count, fault_line_capacity;
    uint64_t fault_lines_dropped;
    char *faults; /* what faults did, one line each ("" where none was asked for): a run with faults proves locktrail */
    char *forward_described; /* "" where uploads stayed inside */
    char *profiles_url;      /* "" where there is none */
    struct trail_result trail;
};

/* Reads the directory and judges. Damage that a kill leaves (a torn last line, a copy without its
 * .json, a temporary file) is tolerated and noted as a problem; what is not a run directory at all
 * is an error (ERR_INPUT, ERR_MISSING). Free with evidence_free. Blocking; no loop needed. */
int evidence_load(const char *directory, struct evidence **out, struct err *e);
void evidence_free(struct evidence *ev);

/* The exit code of a run or a report: that of the verdict, or 130 for an interrupted one. */
int evidence_exit_code(const struct evidence *ev);

#endif
