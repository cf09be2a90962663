/* SPDX-License-Identifier: Apache-2.0 */
/* The worker processes of a soak: started, started again where they end, ended when their lifetime is over, disturbed.
 *
 * Happy path of one: WAITING → RUNNING → (lifetime over: SIGTERM, its last upload) ENDING → WAITING ... → OVER; one
 * that only a load starts is IDLE before it and behind it. Failure modes: it ends by itself (a problem; started again
 * after a wait that doubles from 1 s to 60 s and begins anew after a life of a minute); it can't be started (likewise).
 * A command with `until_exit` ends by itself as planned. All on the loop's thread. */
#ifndef LOCKTRAIL_ENGINE_SOAK_FLEET_H
#define LOCKTRAIL_ENGINE_SOAK_FLEET_H

#include "engine/host.h"
#include "engine/python_env.h"
#include "engine/soak_record.h"
#include "engine/worker.h"

struct soak_fleet;

struct soak_fleet_options {
    struct host *host;                      /* borrowed, like all below */
    const struct planned_instance *planned; /* as instances_plan_soak: of each worker its `count`, and behind them those
                                               that only a load starts */
    size_t count;
    const struct python_env *envs; /* one for each worker of the scenario */
    struct soak_record *record;    /* `processes[i + 1]` is planned[i]; lives, ends and pids are filled in */
    void (*life)(const char *instance, void *data); /* a new life begins */
    /* `killed`: by a disturbance, or since the user does not wait (soak_fleet_finish with `now`). */
    void (*life_over)(const char *instance, bool killed, void *data);
    /* Whose uploads are to be taken, for recorder_set_workers: of each process the present life or the last one.
     * `workers` is the fleet's, and valid until the next call. */
    void (*changed)(struct worker **workers, size_t count, void *data);
    void *data;
};

struct soak_fleet *soak_fleet_new(const struct soak_fleet_options *options);
void soak_fleet_start(struct soak_fleet *f); /* one in each turn of the loop */

/* For disturbances; `worker` NULL: of all. Each calls `hit`, from within, for each process that it hits; `lasting`: it
 * is there all the time, and not only for a load. Without effect once the fleet is finished. */
typedef void (*soak_hit_fn)(const char *instance, bool lasting, void *data);
void soak_fleet_kill(struct soak_fleet *f, const char *worker, soak_hit_fn hit, void *data);           /* SIGKILL */
void soak_fleet_stop_processes(struct soak_fleet *f, const char *worker, soak_hit_fn hit, void *data); /* SIGSTOP */
/* SIGCONT; a process that was stopped twice goes on at the second call. */
void soak_fleet_continue(struct soak_fleet *f, const char *worker);
/* `more` further processes of each such worker, as far as they are planned, until soak_fleet_unload. Those that ran
 * before are hit too. */
void soak_fleet_load(struct soak_fleet *f, const char *worker, unsigned more, soak_hit_fn hit, void *data);
void soak_fleet_unload(struct soak_fleet *f, const char *worker, unsigned fewer);
/* Calls `hit` for those that run, and does nothing: they are hit by something else. */
void soak_fleet_each(struct soak_fleet *f, const char *worker, soak_hit_fn hit, void *data);

/* All end: SIGTERM and their last uploads; `now`: SIGKILL. May be called again with `now`. `done` (of the first call)
 * comes from the loop. */
void soak_fleet_finish(struct soak_fleet *f, bool now, void (*done)(void *data), void *data);
void soak_fleet_free(struct soak_fleet *f); /* finished; NULL is allowed */

#endif
