/* SPDX-License-Identifier: Apache-2.0 */
/* Which locks a label may belong to: those of its site, or, where it says none or they have none, those of its name. */
#ifndef LOCKTRAIL_TRAIL_SITES_H
#define LOCKTRAIL_TRAIL_SITES_H

#include "base/buf.h"
#include "trail/work.h"

/* A group is the locks that are made at one site or have it as a further one, or the locks of one name. */
struct sites {
    struct work *w;
    struct table keys;   /* (kind, worker, site or name) */
    struct span *groups; /* for each of them: its locks, in work.site_items */
    struct table owners; /* (group, name) where several locks share a group; the name is "" for those without one */
    struct span *owner_places; /* for each of them: the locks' places in their group, in `places` */
    uint32_t *places;
    struct buf key;
    size_t *list; /* groups of the lock at hand */
    size_t list_count, list_capacity;
};

/* What the ledger has of all locks of a group in one process. */
struct shared_truth {
    bool known; /* every one of them is counted, every acquire sampled, and no other label can have some of them */
    uint64_t acquires;
};

/* Fills *t, and site_locks and site_items of *w. */
void sites_build(struct sites *t, struct work *w);
void sites_fini(struct sites *t);

/* The row's group or TABLE_NONE. */
size_t sites_group(struct sites *t, const struct row *row);

/* The places in the group of the locks whose own name the row bears. Only for groups of several locks. */
struct span sites_owners(struct sites *t, size_t group, const struct row *row);

/* Whether the name is the lock's own, as sites_owners has it. */
bool sites_is_own(const struct lock *lock, const char *name);

struct shared_truth sites_truth(const struct sites *t, size_t group, size_t instance);

/* Whether the process counted the lock's acquires itself and each of them is sampled. */
bool sites_is_exact(const struct work *w, size_t instance, size_t lock);

#endif
