/* SPDX-License-Identifier: Apache-2.0 */
/* From the rows of one lock to its state at each stage. */
#ifndef LOCKTRAIL_TRAIL_STATES_H
#define LOCKTRAIL_TRAIL_STATES_H

#include "trail/work.h"

/* One lock at one stage of one process. */
struct cell {
    enum lock_state state; /* STATE_NOT_RUN where the process does not feed the stage */
    size_t first_hit, hits;
    uint64_t samples, acquires;
    bool spoken;                          /* any of its hits is: then only such ones decide the state */
    const char *twice;                    /* a copy that holds the lock and came twice, or NULL */
    bool ambiguous, shared, shared_known; /* as in struct hit */
    uint64_t shared_acquires, shared_true;
    bool expected_known;
    double expected;         /* samples that the true acquires let expect; where they are unknown, an estimate from
                                `estimated_from` */
    uint64_t estimated_from; /* samples in the local copies; 0 where `expected` comes from the ledger */
};

/* What two numbers say that have to be equal. */
enum count_state { COUNT_UNCHECKED, COUNT_EQUAL, COUNT_FEWER, COUNT_MORE };

struct count_check {
    enum count_state state;
    uint64_t expected, found;
};

/* One lock with all processes of its worker. */
struct lock_view {
    const struct work *w;
    size_t lock;
    const uint32_t *instances; /* of the lock's worker */
    size_t instance_count;
    struct cell *cells; /* [k * STAGE_COUNT + stage] for instances[k]; from view_cells_new */
    struct {
        size_t culprit;         /* k of the first process in the worst state */
        bool pooled;            /* absent by all processes together, where each alone might be chance */
        double pooled_expected; /* samples */
    } worst[STAGE_COUNT];
};

static inline struct cell *view_cell(const struct lock_view *v, size_t k, enum stage stage)
{
    return &v->cells[k * STAGE_COUNT + stage];
}

/* Cells for as many processes as one worker can have, all of them STATE_NOT_RUN; serves one lock after the other.
 * Freed with free(). */
struct cell *view_cells_new(size_t instance_count);

/* Whether a hit of the cell says anything of the lock's name: a release without a sampled acquire has none of it, since
 * the collector names a lock when it samples an acquire (ddtrace 3.17.0). */
static inline bool cell_heeds(const struct cell *cell, const struct hit *hit)
{
    return hit->spoken || !cell->spoken;
}

/* Whether the process adds to what the stage shows: the uploads of a mirror are another's there. */
static inline bool view_counts(const struct lock_view *v, size_t k, enum stage stage)
{
    return stage != STAGE_UPLOAD || !work_instance(v->w, v->instances[k])->mirror;
}

/* How bad a state is: a wrong name is worse than none. STATE_NOT_RUN and STATE_UNDERSAMPLED are below all evidence. */
int state_badness(enum lock_state state);

/* Whether the rendering allows the state; true for STATE_UNDERSAMPLED and STATE_NOT_RUN, which are no evidence. */
bool state_allowed(enum rendering rendering, enum lock_state state);

/* Fills the cells, `worst`, and the stages of *out. */
void states_of_lock(struct lock_view *v, struct trail_lock *out);

/* The acquires at a stage against the ledger, where each one is sampled and counted. */
struct count_check count_against_ledger(const struct lock_view *v, size_t k, enum stage stage);

/* The acquires at a stage against the stage before of the same process. */
struct count_check count_against_before(const struct lock_view *v, size_t k, enum stage stage);

#endif
