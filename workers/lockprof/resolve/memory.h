/* SPDX-License-Identifier: Apache-2.0 */
/* The target's memory at the moment of a snapshot, laid out for many small reads. */
#ifndef LOCKPROF_RESOLVE_MEMORY_H
#define LOCKPROF_RESOLVE_MEMORY_H

#include "lockprof/resolve/modules.h"

/* Blocks of a snapshot that are looked at: the stack, an object for each register, 32 words of data, and some. */
#define MEMORY_SPANS_MAX 96

struct memory_span {
    uint64_t address, size;
    const unsigned char *bytes;
};

/* Everything borrowed from the snapshot and the modules. */
struct memory {
    struct modules *modules;
    const struct capture_snapshot *snapshot;
    struct memory_span spans[MEMORY_SPANS_MAX];
    size_t count;
};

void memory_of(struct memory *memory, struct modules *modules, const struct capture_snapshot *snapshot);

/* False: not captured, and not what a module's file says for good. */
bool memory_read(const struct memory *memory, uint64_t address, void *out, size_t size);

#endif
