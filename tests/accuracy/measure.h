/* SPDX-License-Identifier: Apache-2.0 */
/* Plans are judged as a run is, and the answers are held against what really happened. */
#ifndef LOCKTRAIL_TESTS_MEASURE_H
#define LOCKTRAIL_TESTS_MEASURE_H

#include "chain.h"

#include <stdio.h>

struct score {
    uint64_t hits;            /* locks that were really hit, over all plans */
    uint64_t hop_right;       /* of them, with the loss at the hop where they were hit first */
    uint64_t mechanism_right; /* of them, with one of the mechanisms that hit them there */
    uint64_t several;         /* of those, where several mechanisms had hit the lock there */
};

/* What a hop can be held against. */
enum hop_kind {
    HOP_OF_COPIES,    /* the copy before, of the same upload */
    HOP_OF_PROCESSES, /* only the local copies of another process: the first hop of a worker with paired arms */
    HOP_KINDS
};

struct accuracy {
    uint64_t plans, harmless;
    struct score scores[HOP_KINDS];
    uint64_t unseen;       /* locks of which a fault only hit releases, between two processes: no loss to be told */
    uint64_t false_losses; /* locks that no fault hit, in plans with faults, and that were said to be lost */
    uint64_t false_alarms; /* of the harmless plans: a lost lock, or another verdict than without any change */
    uint64_t table[MECHANISM_COUNT][MECHANISM_COUNT + 1]; /* planned × reported; last: no loss, or at another hop */
    uint64_t all_planned[MECHANISM_COUNT];                /* row sums of the table */
};

/* Judges the recording without any change; -1 where a lock of it is lost (*e says which). */
int measure_begin(const struct recording *r, struct owners *owners, struct err *e);

/* One plan; each miss is a line on `misses` (NULL: not wanted), with what the judgement says where `verbose`. */
void measure_losing(const struct recording *r, const struct owners *owners, uint64_t seed, bool verbose, FILE *misses,
                    struct accuracy *sum);
void measure_harmless(const struct recording *r, uint64_t seed, FILE *misses, struct accuracy *sum);

struct score accuracy_total(const struct accuracy *a);
/* Each kind of hop reaches what is asked of it (table.c), no lock is lost that nobody hit, and nothing harmless is an
 * alarm. */
bool accuracy_is_good(const struct accuracy *a);
void accuracy_print(const struct accuracy *a, FILE *out);

#endif
