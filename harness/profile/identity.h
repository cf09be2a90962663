/* SPDX-License-Identifier: Apache-2.0 */
/* What a lock sample is apart from its name, as hashes of contents, so that it can be found again in another copy of
 * the upload. Private to the comparison. */
#ifndef LOCKTRAIL_PROFILE_IDENTITY_H
#define LOCKTRAIL_PROFILE_IDENTITY_H

#include "base/buf.h"
#include "profile/reader.h"
#include "profile/stacks.h"

struct identity {
    uint64_t stack;
    uint64_t values; /* those that are not 0, each with its type */
    uint64_t labels; /* all but `lock name` */
    uint64_t acquires;
    uint64_t events; /* acquires and releases */
    uint32_t label;  /* string of `lock name`; 0: it has none */
    uint32_t rest;   /* where it has none: its other texts, `rest_count` of them in identities.rest */
    uint16_t rest_count;
    bool matched;
};

/* All lock samples of one file. In a file without a lock sample type each sample is taken for one: the types may have
 * been renamed. */
struct identities {
    struct reader reader;
    struct profile profile;    /* for the reader */
    struct buf unpacked;       /* empty where the file was not compressed */
    uint64_t *string_hashes;   /* 0: not made yet */
    unsigned char *key_shared; /* for each string, as a key of a label: 0 not looked for yet */
    bool *type_shared;         /* the other file has this sample type too */
    struct stacks stacks;
    bool all; /* each sample is taken */
    struct identity *items;
    size_t count, capacity;
    struct text_label *rest;
    size_t rest_count, rest_capacity;
};

/* The first pass over a file (borrowed until identities_fini): strings, types, functions, locations. *f is zero before;
 * identities_fini after a failure too. */
int identities_open(struct identities *f, const void *bytes, size_t size, const struct profile_limits *limits,
                    struct err *e);

/* Fills `items`. Keys and types that the other file does not know are no part of an identity: something was added, or
 * renamed. */
int identities_read(struct identities *f, const struct identities *other);

/* The hash of a string's content; never 0. */
uint64_t identities_string_hash(struct identities *f, uint64_t index);

/* Whether the other file has the text of this key anywhere. The empty one is nobody's key, and in every file. */
bool identities_key_is_shared(struct identities *f, const struct identities *other, uint32_t key);

void identities_fini(struct identities *f);

#endif
