/* SPDX-License-Identifier: Apache-2.0 */
/* The uploads of one process at one stage, and which of two stages are the same. */
#ifndef LOCKTRAIL_TRAIL_SIDES_H
#define LOCKTRAIL_TRAIL_SIDES_H

#include "trail/fates.h"

#define UNIT_NONE SIZE_MAX

/* A unit whose time holds that of several units of the other side is the whole of these parts. */
enum unit_role { UNIT_ONE, UNIT_PART, UNIT_WHOLE };

/* One upload: all copies with the same bytes and the same time. */
struct unit {
    size_t copy;        /* the one that stands for it: the first whose sender was not told of a failure */
    size_t first, last; /* of its copies, in side.next */
    size_t count;       /* copies */
    size_t failed;      /* of them: superseded */
    size_t given;       /* copies that are neither of these two and have their like at the next stage */
    size_t cursor;      /* the copy to be given next, in side.next */
    size_t partner;     /* in the other side, or UNIT_NONE */
    bool extra;         /* its partner has another one already */
    enum unit_role role;
};

/* The copies of a process at a stage, in their order. */
struct side {
    const struct trail_copy *copies;
    const size_t *items; /* in `copies` */
    size_t count;
    size_t *next; /* for each item: the next one of its unit, or UNIT_NONE */
    struct unit *units;
    size_t unit_count;
};

void side_build(struct side *s, const struct trail_copy *copies, const size_t *items, size_t count);
void side_fini(struct side *s);

static inline const struct trail_copy *side_copy(const struct side *s, const struct unit *u)
{
    return &s->copies[u->copy];
}

static inline bool side_has_range(const struct trail_copy *c)
{
    return c->start_ns != 0 || c->end_ns != 0;
}

static inline bool side_has_id(const struct trail_copy *c)
{
    return c->runtime_id != NULL && c->runtime_id[0] != '\0';
}

/* Fills `partner`, `extra` and `role` of the units of both. */
void sides_match(struct side *from, struct side *to);

/* The step of sides_match that looks at times: what is left over and lies within one of the other side. */
void sides_match_times(struct side *from, struct side *to);

#endif
