/* SPDX-License-Identifier: Apache-2.0 */
/* Each upload of a soak, followed from the first tap to the last stage and judged as it arrives, in constant memory:
 * its copies are held together until the last one is there or it is overdue, compared (profile/compare), judged
 * (trail_judge with the ledger of its time), counted in the record, given to who keeps copies, and forgotten.
 *
 * Happy path: seen at `upload` → at `agent` → at `backend` → judged on a thread → counted on the loop. Failure modes:
 * never comes to a stage (overdue: profile_dropped there); comes twice (doubled); can't be read; comes faster than it
 * can be judged (SOAK_PENDING_MAX: counted as unjudged, its copies are not read, and it is not waited for).
 *
 * Of each process: arrived[upload] = judged + unjudged + cut + pending, and judged = good + with_loss. An upload that
 * came to a stage twice was tried again; it is doubled only where it came to the last stage twice, and then at the
 * first stage at which it came twice.
 *
 * A lock without a sample is absent where the acquires since its last sample, over uploads without a gap, leave chance
 * a probability below p / (k (k + 1)) with p of the scenario (evidence.absence_probability) and the worker's k-th
 * upload: these sum up to p over any number of uploads, so that a longer soak has no more false alarms. */
#ifndef LOCKTRAIL_ENGINE_SOAK_JUDGE_H
#define LOCKTRAIL_ENGINE_SOAK_JUDGE_H

#include "engine/protocol.h"
#include "engine/soak_keep.h"
#include "engine/soak_record.h"
#include "pipeline/intake.h"
#include "scenario/scenario.h"

#include <uv.h>

/* Bytes of profiles, and uploads, that are under way or wait to be judged. */
#define SOAK_PENDING_MAX ((size_t)64 << 20)
#define SOAK_PENDING_COUNT_MAX 4096

struct soak_judge;

struct soak_judge_options {
    uv_loop_t *loop;
    const struct scenario *scenario;
    struct soak_record *record; /* borrowed: processes are there; uploads, locks, groups, losses, times are filled in */
    struct soak_keep *keep;     /* borrowed */
    enum stage last;            /* the last stage that an upload of this soak comes to: upload, agent or backend */
    bool stages[STAGE_COUNT];   /* that it passes */
    int64_t deadline_ms;        /* from its arrival at one stage to that at the next: later is never */
    int64_t (*elapsed_ms)(void *data); /* the soak's own clock */
    int64_t (*wall_ns)(void *data);    /* since 1970; NULL: the system's clock */
    int64_t (*steady_ns)(void *data);  /* a clock that nobody sets; NULL: the system's */
    /* Whether what happens to this process's uploads of that time (wall clock, ns) is a disturbance's doing. */
    bool (*disturbed)(const char *instance, int64_t start_ns, int64_t end_ns, void *data);
    /* An upload has come to the last stage (`through`; `good`: without a loss), or is given up. */
    void (*judged)(const char *instance, bool through, bool good, int64_t start_ns, int64_t end_ns, void *data);
    /* Acquires of a process that are in no upload, as far as is known done in that time: a gap, or what a life that was
     * killed could not send. NULL is allowed. */
    void (*missed)(const char *instance, uint64_t acquires, int64_t start_ns, int64_t end_ns, void *data);
    void *data;
};

struct soak_judge *soak_judge_new(const struct soak_judge_options *options);

/* A life of a process begins (its counts begin at 0), or has ended: `killed`: what was done and is in no upload is told
 * as cut and not as lost. */
void soak_judge_life(struct soak_judge *j, const char *instance);
void soak_judge_life_over(struct soak_judge *j, const char *instance, bool killed);

/* What a process says. Its locks are those of the first life; a later one that declares others is a problem. */
void soak_judge_line(struct soak_judge *j, const char *instance, const struct message *m);

/* An upload has come to a stage. `instance` NULL: nobody's. What is needed of it is copied. */
void soak_judge_upload(struct soak_judge *j, enum stage stage, const char *instance, const struct upload *upload);

/* Read back: as above for the stage `backend`. */
struct readback_event;
void soak_judge_read_back(struct soak_judge *j, const struct readback_event *event);

/* Start (wall clock) of the oldest upload that is waited for at the backend, for who asks there; 0: none. */
int64_t soak_judge_oldest_ns(const struct soak_judge *j);

/* Looks for what is overdue. To be called about four times a second. */
void soak_judge_tick(struct soak_judge *j);

/* Adds the medians of the times since the last call to the processes' series. To be called at each stocktaking. */
void soak_judge_take_stock(struct soak_judge *j, int64_t at_ms);

/* No further upload comes. `done` from the loop, when everything is judged: what has not come to the last stage after
 * the deadline is missing; `now`: it is cut, and nothing is waited for. */
void soak_judge_finish(struct soak_judge *j, bool now, void (*done)(void *data), void *data);
/* Finished, or without anything on the thread. */
void soak_judge_free(struct soak_judge *j);

#endif
