/* SPDX-License-Identifier: Apache-2.0 */
/* The functions and locations of a file by what they say. Private to the comparison. */
#ifndef LOCKTRAIL_PROFILE_STACKS_H
#define LOCKTRAIL_PROFILE_STACKS_H

#include "profile/reader.h"

/* More than any profile has; each takes 16 bytes. */
#define STACKS_ENTRIES_MAX ((size_t)1 << 22)

struct stack_entry {
    uint64_t id, hash;
};

struct stack_table {
    struct stack_entry *items; /* by id, once all are there */
    size_t count, capacity;
};

struct stacks {
    struct stack_table functions, locations;
    uint64_t (*string_hash)(void *data, uint64_t index); /* of the string's content */
    void *data;
};

/* Reads them from the reader's message. `string_hash` and `data` are set. */
int stacks_read(struct stacks *s, struct reader *r);
void stacks_fini(struct stacks *s);

/* The hash of a location: its functions, files and lines, or its address where it has none; of an unknown one, its id.
 */
uint64_t stacks_location(const struct stacks *s, uint64_t id);

#endif
