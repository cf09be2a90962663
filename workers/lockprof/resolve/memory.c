/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/memory.h"

#include <string.h>

void memory_of(struct memory *memory, struct modules *modules, const struct capture_snapshot *snapshot)
{
    memory->modules = modules;
    memory->snapshot = snapshot;
    memory->count = 0;
    size_t size = snapshot->record.size, at = sizeof *snapshot;
    for (uint32_t i = 0; i < snapshot->blocks && memory->count < MEMORY_SPANS_MAX; i++) {
        struct capture_block block;
        if (at > size || size - at < sizeof block) {
            return;
        }
        const unsigned char *bytes = (const unsigned char *)snapshot + at;
        memcpy(&block, bytes, sizeof block);
        at += sizeof block;
        if (size - at < block.size) {
            return;
        }
        memory->spans[memory->count++] = (struct memory_span){block.address, block.size, bytes + sizeof block};
        at += ((size_t)block.size + 7) & ~(size_t)7;
    }
}

bool memory_read(const struct memory *memory, uint64_t address, void *out, size_t size)
{
    for (size_t i = 0; i < memory->count; i++) {
        const struct memory_span *span = &memory->spans[i];
        uint64_t into = address - span->address;
        if (into < span->size && span->size - into >= size) {
            memcpy(out, span->bytes + into, size);
            return true;
        }
    }
    return modules_find(memory->modules, address) &&
           modules_read(memory->modules, memory->snapshot, address, out, size);
}
