/* SPDX-License-Identifier: Apache-2.0 */
/* Which copies of neighbouring stages are the same upload, and what became of uploads hop by hop. Pure. */
#ifndef LOCKTRAIL_TRAIL_UPLOADS_H
#define LOCKTRAIL_TRAIL_UPLOADS_H

#include "trail/trail.h"

/* One process between two neighbouring stages that ran. An upload whose sender was told of a failure and that came
 * again is one that was retried, not one that was doubled. */
struct trail_hop {
    size_t instance;
    enum stage from, to;
    uint64_t sent;      /* uploads at `from`, each once */
    uint64_t received;  /* copies at `to` */
    uint64_t same;      /* with the same bytes */
    uint64_t changed;   /* with others */
    uint64_t lost;      /* not there */
    uint64_t doubled;   /* copies too many */
    uint64_t retried;   /* copies too many, whose sender had been told that the one before failed */
    uint64_t reordered; /* behind one that was sent after it */
    uint64_t merged;    /* of `sent`, whose time is in one copy with another's */
    uint64_t split;     /* of `sent`, whose time is in two copies or more */
    uint64_t unknown;   /* copies that were never sent */
    uint64_t told_well; /* of `lost`: the process that sent it first was told that all was well (2xx); where that is not
                           known, the sender at `from` */
};

struct trail_matching {
    struct trail_pair *pairs; /* without moves; `same` where the bytes are; first by after, then by before */
    size_t pair_count, pair_capacity;
    struct trail_hop *hops; /* by instance, then stage */
    size_t hop_count, hop_capacity;
};

/* By content hash, else by runtime id and time range (by time alone where a stage knows no ids), else, where a stage
 * knows no times, by what the copies contain, by runtime id and order, or by order alone: these three only when the
 * numbers are equal. Only copies of arms that feed both stages; the local copies of a tee
 * arm are matched to its uploads. The result is the caller's and borrows nothing. */
void trail_match_uploads(const struct ledger *ledger, const struct trail_copy *copies, size_t copy_count,
                         const bool stage_ran[STAGE_COUNT], struct trail_matching *out);
void trail_matching_fini(struct trail_matching *m);

#endif
