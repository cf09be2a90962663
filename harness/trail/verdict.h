/* SPDX-License-Identifier: Apache-2.0 */
/* From losses to the verdict, with its conclusion and next steps. */
#ifndef LOCKTRAIL_TRAIL_VERDICT_H
#define LOCKTRAIL_TRAIL_VERDICT_H

#include "trail/work.h"

/* What the verdict rests on. */
struct tally {
    const struct work *w;
    const struct trail_result *result; /* its locks are there */
    size_t names;                      /* declared locks that the runtime can name */
    size_t limits;                     /* those that it can't */
    size_t lost_early;                 /* at the collector */
    size_t lost_uploader;              /* after it, by the uploading process's own collector */
    size_t lost_way;                   /* after it, on the way */
    size_t undersampled;               /* lost nowhere, and somewhere without evidence */
    int64_t needed_ms;                 /* the longest run that one of them needs; 0 can't be said */
    enum stage empty;                  /* the first stage that ran and has no copy, else STAGE_COUNT */
    struct table shown;                /* names and ids, to tell which are unique */
    size_t *shown_count;
};

/* Fills verdict, conclusion and next steps of *result. */
void verdict_reach(const struct work *w, struct trail_result *result);

bool tally_is_undersampled(const struct trail_lock *lock);

#endif
