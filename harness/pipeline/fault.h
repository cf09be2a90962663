/* SPDX-License-Identifier: Apache-2.0 */
/* Losing names on purpose: what the `faults` of a scenario make of one upload in a tap. Pure and deterministic: the
 * same seed, fault and upload give the same result, whenever it comes. */
#ifndef LOCKTRAIL_PIPELINE_FAULT_H
#define LOCKTRAIL_PIPELINE_FAULT_H

#include "base/buf.h"
#include "pipeline/intake.h"
#include "scenario/scenario.h"

struct fault_plan;

/* The faults of `faults` that are `at` this stage. Borrows `faults`. NULL where there is none. */
struct fault_plan *fault_plan_new(const struct scenario_fault *faults, size_t count, enum stage at, uint64_t seed);
void fault_plan_free(struct fault_plan *plan);

/* What becomes of an upload. fault_effect_fini frees it. */
struct fault_effect {
    bool changed;                /* `body` stands in for what came */
    struct buf body;             /* the whole new body */
    struct http_headers headers; /* where `headers_changed`: stand in for those that came. Without those of one
                                    connection, and without Content-Length */
    bool headers_changed;
    bool dropped;           /* not passed on, and its sender is told that all is well */
    int status;             /* answered with this, and not passed on; 0: none */
    int64_t delay_ms;       /* before it is passed on */
    bool reset;             /* the next hop's connection is cut after half of the body */
    int64_t content_length; /* what the next hop is told instead of the body's size; -1: the truth */
    unsigned deliveries;    /* how often it is passed on: 1; 2 for a duplicate delivery */
    bool held;              /* passed on only behind the next upload of the same tap (or at the tap's end) */
    struct buf what;        /* "value_truncated to 16 bytes in 12 of 40 lock samples"; empty where nothing was done */
};

/* With `locks`, a fault that is for whole uploads hits those of which a profile holds one of
 * them.
 * `upload` is complete; one that can't be read as an upload gets the effects that need no reading. `instance` is whose
 * it is ("" unknown). A profile that can't be edited is left as it is, and `what` says why. */
void fault_apply(const struct fault_plan *plan, const struct upload *upload, const char *instance,
                 struct fault_effect *out);
void fault_effect_fini(struct fault_effect *effect);

/* Whether the plan can have an effect on a request of this path at all: where not, a tap need not hold the body back.
 */
bool fault_plan_wants(const struct fault_plan *plan, const char *path);

/* Whether an instance's name ("python.1.upload") is of that worker. */
bool fault_is_of(const char *instance, const char *worker);

/* --- one profile, without the upload around it: what tests of the judgement and the accuracy measurement use --- */

/* What one fault did to the samples of one label. */
struct fault_hit {
    char *label;       /* as it was before */
    uint64_t samples;  /* that were changed */
    uint64_t acquires; /* that they stand for */
};
struct fault_profile {
    struct buf bytes;       /* the new file, in the encoding that it had (or was asked for) */
    struct fault_hit *hits; /* of mechanisms that change labels or samples, sorted by label */
    size_t hit_count, hit_capacity;
    bool changed;                           /* the bytes are not those that came */
    uint64_t changed_samples, lock_samples; /* of the same mechanisms; samples without a label count, too */
    bool dropped, corrupt;
    unsigned deliveries;
};
/* `key` stands for the upload in the choice of what is hit (its content's hash). Code ERR_INPUT where the profile can't
 * be read. *out is empty then. */
int fault_apply_profile(const struct scenario_fault *fault, uint64_t seed, const char *key, const void *bytes,
                        size_t size, struct fault_profile *out, struct err *e);
void fault_profile_fini(struct fault_profile *p);

#endif
