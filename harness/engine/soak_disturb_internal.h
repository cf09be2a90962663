/* SPDX-License-Identifier: Apache-2.0 */
/* What soak_disturb.c (the schedule) and soak_disturb_recover.c (what it cost) share. */
#ifndef LOCKTRAIL_ENGINE_SOAK_DISTURB_INTERNAL_H
#define LOCKTRAIL_ENGINE_SOAK_DISTURB_INTERNAL_H

#include "engine/soak_disturb.h"

/* Disturbances that are remembered, since uploads of their time may be judged still: twice as many as a scenario has
 * (scenario/check.h), of which each is there once at a time. */
#define DISTURBING_MAX 128

/* A process that a disturbance has hit. */
struct hit {
    const char *instance; /* the fleet's plan's */
    bool lasting;         /* its recovery is waited for */
    int64_t recovered_ns; /* wall clock of the first upload since the end that came through; 0: none yet */
};

/* One disturbance that has begun. */
struct disturbing {
    struct soak_disturb *disturb;
    const struct scenario_disturbance *def;
    char *what;
    int64_t at_ms;            /* soak's clock */
    int64_t begin_ns, end_ns; /* wall clock; INT64_MAX while it lasts */
    uint64_t end_hrtime;
    bool over, recovered;
    int64_t recovered_ns; /* wall clock */
    size_t place;         /* in the record's list; SIZE_MAX: that is full */
    struct hit *hits;
    size_t hit_count, hit_capacity;
};

struct soak_disturb {
    struct soak_disturb_options o;
    int64_t *next_ms; /* of each disturbance of the scenario; -1: never again */
    int64_t now_ms;   /* of the last tick */
    bool ticked, finished;
    struct disturbing *events[DISTURBING_MAX]; /* from the oldest on */
    size_t event_count;
};

/* NULL: it is not listed. */
struct soak_disturbance *disturb_record(const struct soak_disturb *d, const struct disturbing *event);

/* --- soak_disturb_recover.c --- */

void disturb_add_hit(struct disturbing *event, const char *instance, bool lasting);
/* Told where all its processes have recovered. */
void disturb_check_recovered(struct soak_disturb *d, struct disturbing *event);

#endif
