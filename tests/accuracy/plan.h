/* SPDX-License-Identifier: Apache-2.0 */
/* A plan of faults that a seed chooses. */
#ifndef LOCKTRAIL_TESTS_PLAN_H
#define LOCKTRAIL_TESTS_PLAN_H

#include "base/buf.h"
#include "recording.h"
#include "scenario/scenario.h"

/* Several at once, as the issue asks; more would leave nothing to lose at later hops. */
#define PLAN_FAULTS_MAX 3

struct plan {
    uint64_t seed;
    struct scenario_fault faults[PLAN_FAULTS_MAX]; /* in their order; their strings are the plan's */
    size_t count;
};

/* One to three faults: mechanism, hop, worker, locks, rate, parameters. */
void plan_make_losing(uint64_t seed, const struct ledger *ledger, struct plan *out);

/* One to three changes that lose nothing: codec, order of strings, samples and uploads, strings twice, headers, a
 * sample type of zeros. */
void plan_make_harmless(uint64_t seed, struct plan *out);

/* "value_truncated to 12 bytes at agent, rate 0.50, locks global/x y/z; ..." */
void plan_describe(const struct plan *plan, struct buf *out);
void plan_fini(struct plan *plan);

#endif
