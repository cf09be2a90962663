/* SPDX-License-Identifier: Apache-2.0 */
/* The worker processes of a soak: started, started again where they end, ended when their lifetime is over, disturbed.
 *
 * Happy path of one: WAITING → RUNNING → (lifetime over: SIGTERM, its last upload) → WAITING ... → OVER. Failure modes:
 * it ends by itself (a problem; started again after a wait that doubles from 1 s to 60 s and begins anew after a life
 * of a minute); it can't be started (likewise). */
#ifndef LOCKTRAIL_ENGINE_SOAK_FLEET_H
#define LOCKTRAIL_ENGINE_SOAK_FLEET_H

#include "engine/host.h"
#include "engine/python_env.h"
#include "engine/soak_record.h"
#include "engine/worker.h"

struct soak_fleet;

struct soak_fleet_options {
    struct host *host;                      /* borrowed, like all below */
    const struct planned_instance *planned; /* the processes, arm ARM_UPLOAD; then those that only a load jump starts */
    size_t count;
    const struct python_env *envs; /* one for each worker of the scenario */
    struct soak_record *record;    /* `processes[i + 1]` is planned[i]; lives, ends and pids are filled in */
    void (*life)(const char *instance, void *data);                   /* a new life begins */
    void (*life_over)(const char *instance, bool killed, void *data); /* `killed`: by a disturbance */
    void (*changed)(struct worker **workers, size_t count,
                    void *data); /* whose uploads are to be taken, for recorder_set_workers */
    void *data;
};

struct soak_fleet *soak_fleet_new(const struct soak_fleet_options *options);
void soak_fleet_start(struct soak_fleet *f); /* one in each turn of the loop */

/* For disturbances; `worker` NULL: of all. Each calls `hit` for each process that it hit. */
typedef void (*soak_hit_fn)(const char *instance, void *data);
void soak_fleet_kill(struct soak_fleet *f, const char *worker, soak_hit_fn hit, void *data);
void soak_fleet_stop_processes(struct soak_fleet *f, const char *worker, soak_hit_fn hit, void *data); /* SIGSTOP */
void soak_fleet_continue(struct soak_fleet *f, const char *worker);                                    /* SIGCONT */
/* `more` further processes of a worker, until soak_fleet_unload. */
void soak_fleet_load(struct soak_fleet *f, const char *worker, unsigned more, soak_hit_fn hit, void *data);
void soak_fleet_unload(struct soak_fleet *f, const char *worker);

/* All end: SIGTERM and their last uploads; `now`: SIGKILL. `done` from the loop. */
void soak_fleet_finish(struct soak_fleet *f, bool now, void (*done)(void *data), void *data);
void soak_fleet_free(struct soak_fleet *f); /* finished */

#endif
