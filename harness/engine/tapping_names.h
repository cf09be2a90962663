/* SPDX-License-Identifier: Apache-2.0 */
/* Lock names that passed a tap, added up over all uploads that were read. Bounded memory. Pure. */
#ifndef LOCKTRAIL_ENGINE_TAPPING_NAMES_H
#define LOCKTRAIL_ENGINE_TAPPING_NAMES_H

#include "profile/profile.h"
#include "trail/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Different labels that are kept: a service has hundreds, one that makes up names is seen to do so by then. Further
 * ones are counted. */
#define TAPPING_NAMES_MAX 10000

struct tapping_name {
    const char *label; /* the table's */
    uint64_t samples, acquires, wait_ns, releases, hold_ns;
    uint64_t uploads; /* profiles that it was in */
    int64_t last_ms;  /* when the last of them came; the caller's clock */
};

/* `{0}` is empty. */
struct tapping_names {
    struct tapping_name *items;
    size_t count, capacity;
    struct table index;
    uint64_t further; /* sightings of labels beyond TAPPING_NAMES_MAX */
    uint64_t unlabelled;
    uint64_t profiles;
};
void tapping_names_fini(struct tapping_names *names);

void tapping_names_add(struct tapping_names *names, const struct profile *profile, int64_t now_ms);

#endif
