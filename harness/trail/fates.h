/* SPDX-License-Identifier: Apache-2.0 */
/* What became of each copy on its way: the same matching as uploads.h, copy by copy. */
#ifndef LOCKTRAIL_TRAIL_FATES_H
#define LOCKTRAIL_TRAIL_FATES_H

#include "trail/uploads.h"

#define FATE_NO_COPY SIZE_MAX

/* Where a copy comes from. */
enum fate_in {
    FATE_FIRST,   /* no stage stands before */
    FATE_PAIRED,  /* `before` is the same upload */
    FATE_DOUBLED, /* one too many of `before` */
    FATE_RETRIED, /* `before` again, since its sender had been told of a failure */
    FATE_MERGED,  /* its time holds several uploads of the stage before */
    FATE_SPLIT,   /* its time is a part of an upload of the stage before */
    FATE_UNKNOWN  /* never sent */
};

/* Where a copy went. */
enum fate_out {
    FATE_LAST,   /* no stage stands behind */
    FATE_PASSED, /* the next stage has it */
    FATE_LOST,
    FATE_INTO_ONE,  /* its time is in one copy with another's */
    FATE_INTO_MANY, /* its time is in two copies or more */
    FATE_AGAIN      /* another copy of the same upload stands for it */
};

struct fate {
    enum fate_in in;
    size_t before; /* in the copies; FATE_NO_COPY where there is none */
    enum fate_out out;
    bool superseded; /* its sender was told of a failure, and the same bytes came again */
};

/* As trail_match_uploads; `fates` has an element for each copy. */
void fates_match(const struct ledger *ledger, const struct trail_copy *copies, size_t copy_count,
                 const bool stage_ran[STAGE_COUNT], struct trail_matching *out, struct fate *fates);

/* The same upload where its process sent it (STAGE_UPLOAD), or as near to it as is known. */
size_t fates_first(const struct trail_copy *copies, const struct fate *fates, size_t copy);

/* Whether the stage can have copies of a process of this arm. */
bool fates_arm_feeds(enum arm arm, enum stage stage);

static inline bool fates_told_well(const struct trail_copy *copy)
{
    return copy->answered >= 200 && copy->answered < 300;
}

static inline bool fates_told_failure(const struct trail_copy *copy)
{
    return copy->answered != 0 && !fates_told_well(copy);
}

#endif
