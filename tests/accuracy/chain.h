/* SPDX-License-Identifier: Apache-2.0 */
/* The recorded uploads sent through three hops with a plan's faults, and what those really did. */
#ifndef LOCKTRAIL_TESTS_CHAIN_H
#define LOCKTRAIL_TESTS_CHAIN_H

#include "io/hash.h"
#include "plan.h"
#include "trail/trail.h"

/* A copy at one stage. */
struct chain_copy {
    const struct recorded *origin;
    enum stage stage;
    unsigned sequence; /* of arrival at this stage in this process */
    char *path;
    char hash[HASH_TEXT_SIZE];
    struct buf bytes;
};

/* What really happened to a lock. */
struct truth {
    bool hit;
    enum stage hop;                   /* the first at which a fault hit it */
    bool mechanisms[MECHANISM_COUNT]; /* of the faults that hit it there */
    uint64_t samples, acquires;       /* that were hit there */
};

struct chain {
    struct chain_copy *copies; /* control, collector, then hop by hop */
    size_t count, capacity;
    struct truth *locks; /* one for each lock of the ledger */
};

/* Which label is whose, as the recording has it: found out by judging it without any fault. */
struct owner {
    char *label;
    size_t lock;
};
struct owners {
    struct owner *items;
    size_t count, capacity;
};
void owners_add(struct owners *o, const char *label, size_t lock);
void owners_fini(struct owners *o);

/* `owners` may be NULL where nothing is to be found out. */
void chain_make(const struct recording *r, const struct plan *plan, const struct owners *owners, struct chain *out);
void chain_fini(struct chain *c);

#endif
