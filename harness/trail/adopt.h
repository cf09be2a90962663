/* SPDX-License-Identifier: Apache-2.0 */
/* Between two copies of one upload a label can't vanish and another appear by chance: finds which new label stands
 * where which old one stood, although its site can no longer be read. */
#ifndef LOCKTRAIL_TRAIL_ADOPT_H
#define LOCKTRAIL_TRAIL_ADOPT_H

#include "trail/work.h"

#define ADOPT_NO_LOCK UINT32_MAX

/* A label of the stage before that is gone or has fewer samples here, and the lock it belonged to. One element for
 * each lock where several share it; one with ADOPT_NO_LOCK where it was nobody's (it may explain a new label too). */
struct adopt_old {
    const struct row *row;
    uint32_t lock;
    bool gone; /* not one sample here */
};

/* A label that the stage before does not have and that is at no lock's site. */
struct adopt_new {
    const struct row *row;
    bool adopted; /* out: it stands for at least one old label */
};

typedef void (*adopt_fn)(const struct row *row, uint32_t lock, void *data);

/* Calls `found` for each pair. Both arrays are in the order of their labels; the result depends on nothing else. */
void adopt(const struct work *w, const struct adopt_old *old, size_t old_count, struct adopt_new *fresh,
           size_t fresh_count, adopt_fn found, void *data);

#endif
