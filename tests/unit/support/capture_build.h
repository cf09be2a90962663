/* SPDX-License-Identifier: Apache-2.0 */
/* Capture files in memory, for tests of what reads them. */
#ifndef LOCKTRAIL_TESTS_CAPTURE_BUILD_H
#define LOCKTRAIL_TESTS_CAPTURE_BUILD_H

#include "lockprof/format/capture.h"

#include <stdlib.h>
#include <string.h>

#define CAPTURE_BUILD_LANES 2
#define CAPTURE_BUILD_LOCKS 4
#define CAPTURE_BUILD_SLOTS 8
#define CAPTURE_BUILD_ARENA (256 * 1024)

struct capture_build {
    unsigned char *bytes; /* aligned to 16 */
    size_t size;
    struct capture_header *header;
};

static inline void capture_build_section(struct capture_section *section, size_t *at, uint64_t capacity, size_t element)
{
    *section = (struct capture_section){.offset = *at, .capacity = capacity};
    *at += (capacity * element + 63) & ~(size_t)63;
}

/* An empty capture file: sections, no elements. */
static inline void capture_build_init(struct capture_build *b)
{
    size_t at = (sizeof(struct capture_header) + 63) & ~(size_t)63;
    struct capture_header h = {.magic = CAPTURE_MAGIC,
                               .version = CAPTURE_VERSION,
                               .header_size = sizeof h,
                               .pid = 4711,
                               .rate = 1,
                               .program = "/usr/bin/target"};
    capture_build_section(&h.lanes, &at, CAPTURE_BUILD_LANES, sizeof(struct capture_lane));
    capture_build_section(&h.locks, &at, CAPTURE_BUILD_LOCKS, sizeof(struct capture_lock));
    capture_build_section(&h.slots, &at, CAPTURE_BUILD_SLOTS, sizeof(struct capture_slot));
    capture_build_section(&h.arena, &at, CAPTURE_BUILD_ARENA, 1);
    h.arena.used = 16;
    b->size = at;
    b->bytes = calloc(1, at);
    if (b->bytes == NULL) {
        abort();
    }
    memcpy(b->bytes, &h, sizeof h);
    void *begin = b->bytes;
    b->header = begin;
}

static inline void capture_build_fini(struct capture_build *b)
{
    free(b->bytes);
}

/* Adds an element behind those of its section. */
static inline void capture_build_element(struct capture_build *b, struct capture_section *section, const void *element,
                                         size_t size)
{
    memcpy(b->bytes + section->offset + section->used * size, element, size);
    section->used++;
}

/* Adds bytes to the arena, padded to a multiple of 16. Returns their offset in it. */
static inline uint64_t capture_build_arena(struct capture_build *b, const void *bytes, size_t size)
{
    struct capture_section *arena = &b->header->arena;
    uint64_t offset = arena->used;
    if (size > arena->capacity - arena->used) {
        abort();
    }
    memcpy(b->bytes + arena->offset + offset, bytes, size);
    arena->used += (size + 15) & ~(size_t)15;
    return offset;
}

static inline uint64_t capture_build_maps(struct capture_build *b, const char *text,
                                          const struct capture_module *modules, uint32_t count)
{
    unsigned char *record = calloc(1, CAPTURE_BUILD_ARENA);
    size_t text_size = strlen(text), modules_size = count * sizeof modules[0];
    if (record == NULL || sizeof(struct capture_maps) + modules_size + text_size > CAPTURE_BUILD_ARENA) {
        abort();
    }
    size_t size = (sizeof(struct capture_maps) + modules_size + text_size + 15) & ~(size_t)15;
    struct capture_maps head = {
        .record = {RECORD_MAPS, (uint32_t)size}, .generation = 1, .modules = count, .text_size = (uint32_t)text_size};
    memcpy(record, &head, sizeof head);
    if (count > 0) {
        memcpy(record + sizeof head, modules, modules_size);
    }
    memcpy(record + sizeof head + modules_size, text, text_size);
    b->header->last_maps = capture_build_arena(b, record, size);
    free(record);
    return b->header->last_maps;
}

struct capture_build_block {
    uint64_t address;
    const void *bytes;
    uint32_t size;
};

static inline uint64_t capture_build_snapshot(struct capture_build *b, struct capture_snapshot head,
                                              const struct capture_build_block *blocks, uint32_t count)
{
    unsigned char *record = calloc(1, CAPTURE_BUILD_ARENA);
    size_t size = sizeof head;
    if (record == NULL) {
        abort();
    }
    for (uint32_t i = 0; i < count; i++) {
        struct capture_block block = {.address = blocks[i].address, .size = blocks[i].size};
        memcpy(record + size, &block, sizeof block);
        memcpy(record + size + sizeof block, blocks[i].bytes, blocks[i].size);
        size += sizeof block + ((blocks[i].size + 7) & ~UINT32_C(7));
    }
    size = (size + 15) & ~(size_t)15;
    head.record = (struct capture_record){RECORD_SNAPSHOT, (uint32_t)size};
    head.blocks = count;
    memcpy(record, &head, sizeof head);
    uint64_t offset = capture_build_arena(b, record, size);
    free(record);
    return offset;
}

#endif
