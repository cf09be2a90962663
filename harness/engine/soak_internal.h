/* SPDX-License-Identifier: Apache-2.0 */
/* What soak.c (the life), soak_begin.c (what a record and a directory begin with) and soak_parts.c (what works while it
 * is soaked) share. */
#ifndef LOCKTRAIL_ENGINE_SOAK_INTERNAL_H
#define LOCKTRAIL_ENGINE_SOAK_INTERNAL_H

#include "engine/soak.h"
#include "engine/soak_disturb.h"
#include "engine/soak_fleet.h"
#include "engine/soak_judge.h"
#include "engine/soak_keep.h"
#include "engine/soak_readback.h"
#include "engine/soak_serve.h"
#include "engine/soak_silence.h"
#include "engine/soak_watch.h"
#include "engine/way.h"

/* Of the run directory's bytes: so much is the store's (it only has to keep an upload until it is read back), so much
 * the copies', and so much the journal's at most. What is left is for the record and the output of workers. */
#define SOAK_STORE_PART 4
#define SOAK_COPIES_PART 2
#define SOAK_JOURNAL_PART 16

/* --- soak_begin.c --- */

/* The head of a record, new or resumed. */
void soak_begin_record(struct soak_record *r, struct host *host, const struct soak_options *options);

/* Its processes: locktrail and those of the plan. A resumed one must have had the same. ERR_INPUT. */
int soak_begin_processes(struct soak_record *r, const struct instance_plan *plan, struct err *e);

/* The stages that an upload passes on its way through the scenario's pipeline; returns the last. */
enum stage soak_begin_stages(const struct scenario *s, bool stages[STAGE_COUNT]);

/* --- soak_parts.c --- */

struct soak_parts {
    struct host *host;
    const struct soak_options *options;
    struct soak_record *record;
    struct soak_fleet *fleet;
    struct soak_keep *keep;
    struct soak_judge *judge;
    struct soak_disturb *disturb;
    struct soak_watcher *watcher;
    struct soak_silence *silence;
    struct soak_readback *readback; /* NULL where no backend is asked */
    struct soak_serve *serve;       /* NULL: no metrics */
    char *path;                     /* of soak.json */
    bool writing, readback_due;
    int64_t (*elapsed_ms)(void *data);
    void (*workers)(struct worker **workers, size_t count, void *data);
    void (*lost)(void *data);
    void *data;
    void (*closed)(void *data);
    void *closed_data;
};

struct soak_parts_options {
    struct host *host; /* borrowed, like all below */
    const struct soak_options *soak;
    const struct instance_plan *plan;
    const struct python_env *envs;
    struct way *way; /* NULL: without a pipeline */
    int64_t (*elapsed_ms)(void *data);
    void (*workers)(struct worker **workers, size_t count, void *data); /* those that may send, whenever that changes */
    void (*lost)(void *data);                                           /* an upload was not good */
    void *data;
};

/* Everything but the workers' start. `{0}` before; soak_parts_close also where it failed. */
int soak_parts_start(struct soak_parts *p, const struct soak_parts_options *options, struct err *e);

void soak_parts_line(struct soak_parts *p, const char *instance, const struct message *m);
void soak_parts_tick(struct soak_parts *p, int64_t at_ms);
/* Samples, trends, sums and soak.json. */
void soak_parts_take_stock(struct soak_parts *p, int64_t at_ms);

/* Ends what is not a worker's; `closed` from the loop. */
void soak_parts_close(struct soak_parts *p, void (*closed)(void *data), void *data);
void soak_parts_fini(struct soak_parts *p);

#endif
