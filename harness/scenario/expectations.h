/* SPDX-License-Identifier: Apache-2.0 */
/* Losses that are expected: a YAML list that says which names a matrix may lose, why, and until when. Pure.
 *
 *   - cell: {ddtrace: "3.17.*"}     globs of values by axis; all cells without it
 *     lock: "*_rlock"               glob of ids; every lock without it
 *     stage: collector              any stage without it
 *     mechanism: never_named        any mechanism without it
 *     reason: RLocks have names from 3.19 on       required
 *     until: 2027-06-30             required: the last day (UTC) on which the loss does not count */
#ifndef LOCKTRAIL_SCENARIO_EXPECTATIONS_H
#define LOCKTRAIL_SCENARIO_EXPECTATIONS_H

#include "scenario/scenario.h"

/* Entries of one file. Somebody gives each a reason by hand; ten for each cell of a large matrix are no list any more.
 */
#define EXPECTATIONS_MAX 1000

struct expectation {
    struct scenario_variable *axes; /* name and glob */
    size_t axis_count;
    char *lock; /* glob; NULL: any */
    bool has_stage, has_mechanism;
    enum stage stage;
    enum mechanism mechanism;
    char *reason;
    char *until;   /* "2027-06-30" */
    unsigned line; /* in the file, from 1 */
};

struct expectations {
    char *path; /* for messages */
    struct expectation *items;
    size_t count;
};

/* Reads and checks the list; an empty file is an empty list. Returns 0, or -1 with at least one diagnostic. Free with
 * expectations_free. */
int expectations_read(const char *path, const char *bytes, size_t size, struct expectations **out,
                      struct diagnostics *diagnostics);
void expectations_free(struct expectations *x);

/* Whether the entry is about this loss, on whatever day. `labels[i]` is the cell's value of the axis `axes[i]`; NULL
 * where it has none of them. An axis that is not among them matches nothing. */
bool expectation_matches(const struct expectation *x, const char *const *axes, const char *const *labels,
                         size_t axis_count, const char *lock, enum stage stage, enum mechanism mechanism);

/* Whether its day is over: `today` is "2026-11-26". */
bool expectation_expired(const struct expectation *x, const char *today);

#endif
