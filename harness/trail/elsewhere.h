/* SPDX-License-Identifier: Apache-2.0 */
/* A lock that is not there, and its name at a site that nobody declared: most likely its declared site is wrong. */
#ifndef LOCKTRAIL_TRAIL_ELSEWHERE_H
#define LOCKTRAIL_TRAIL_ELSEWHERE_H

#include "trail/work.h"

/* The undeclared labels by their names. */
struct elsewhere {
    const struct trail_result *result;
    struct table names;
    size_t *first; /* by the name's number: an undeclared label + 1 */
    size_t *next;  /* by undeclared label: the next one of that name + 1, or 0 */
};

void elsewhere_build(struct elsewhere *e, const struct trail_result *result);
void elsewhere_fini(struct elsewhere *e);

/* The undeclared label with the lock's name, or NULL: in the lock's file rather than in another one, and there the one
 * on the nearest line. */
const struct undeclared *elsewhere_find(const struct elsewhere *e, const struct lock *lock);

#endif
