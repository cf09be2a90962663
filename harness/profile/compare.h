/* SPDX-License-Identifier: Apache-2.0 */
/* Two copies of one upload, sample by sample: which label each lock sample had before, and has after. Nothing between
 * the two is random, so every difference is something that the hop did. */
#ifndef LOCKTRAIL_PROFILE_COMPARE_H
#define LOCKTRAIL_PROFILE_COMPARE_H

#include "profile/profile.h"
#include "trail/trail.h"

/* Samples that made the same move, added up. Strings are the comparison's own. */
struct profile_comparison {
    struct trail_move *moves; /* by kind, `from`, `to`, `key` */
    size_t move_count;
    bool same; /* no lock sample differs, whatever else does */
};

/* A sample is known again by what the name is no part of: its stack (functions, files, lines, addresses), its other
 * labels and its values; where those were changed too, by stack and other labels, then by stack. What is left over
 * before is gone, what is left over after was added. Strings and locations are compared by what they say, not by their
 * numbers, so that a reordered table is no difference; fewer samples of a label that count as much are added up, not
 * gone. Both files as captured (compressed or not), borrowed. Code ERR_INPUT where one can't be read: *e says which.
 * Memory: some 90 bytes for each lock sample of each file. Any thread. */
int profile_compare(const void *before, size_t before_size, const void *after, size_t after_size,
                    const struct profile_limits *limits, struct profile_comparison **out, struct err *e);
/* What the pair of the two copies gets of it, borrowed; NULL: they could not be compared. */
void profile_comparison_lend(const struct profile_comparison *c, struct trail_pair *pair);
void profile_comparison_free(struct profile_comparison *c);

#endif
