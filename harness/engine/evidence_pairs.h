/* SPDX-License-Identifier: Apache-2.0 */
/* From copies in the run directory to what lies between two of one upload. Internal to the evidence. */
#ifndef LOCKTRAIL_ENGINE_EVIDENCE_PAIRS_H
#define LOCKTRAIL_ENGINE_EVIDENCE_PAIRS_H

#include "engine/evidence_internal.h"
#include "profile/compare.h"

/* A copy as that of a process: an upload that went to several agents is there for each. Borrowed. */
struct lent_copy {
    const struct evidence_copy *copy;
    size_t instance;
};

/* The caller frees it. */
struct lent_copy *evidence_lend(const struct evidence *ev, size_t *count);

/* Fills in which upload the copy belongs to, and what its sender was told. */
void evidence_identify(const struct evidence *ev, const struct lent_copy *lent, struct trail_copy *out);

/* The pairs of ev->matching with their moves. */
struct evidence_pairs {
    struct trail_pair *pairs;
    struct profile_comparison **comparisons; /* NULL where two copies have the same bytes, or one can't be read */
    size_t count;
};
void evidence_compare_pairs(const struct evidence *ev, const struct trail_copy *copies, struct evidence_pairs *out);
/* The uploading processes of paired arms against the local ones. */
struct evidence_kins {
    struct trail_kin *kins;
    struct profile_comparison **comparisons;
    size_t count;
};
void evidence_compare_kins(const struct evidence *ev, struct evidence_kins *out);
void evidence_kins_fini(struct evidence_kins *k);

void evidence_pairs_fini(struct evidence_pairs *p);

#endif
