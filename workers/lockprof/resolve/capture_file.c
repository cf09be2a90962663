/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/capture_file.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

/* Records and sections begin at multiples of these, by the format. */
#define RECORD_ALIGN 16
#define SECTION_ALIGN 8
/* Clock readings nearer to one another than this give a poor rate: reading them costs up to a microsecond. */
#define CLOCK_SPAN_MIN_NS UINT64_C(10000000)
/* The writer renews the pair of readings some times in a second at most, so that a second try finds it at rest. */
#define CLOCK_TRIES 4

static const char *shown(const struct capture_file *file)
{
    return file->path != NULL ? file->path : "capture in memory";
}

/* Copies the section's place and refuses what makes it impossible. What is merely cut off is kept as far as it goes. */
static int take_section(const struct capture_file *file, size_t header_offset, const char *name, size_t element_size,
                        struct capture_section *out, struct err *e)
{
    uint64_t bytes, end;
    memcpy(out, file->bytes + header_offset, sizeof *out);
    if (out->offset < sizeof(struct capture_header) || out->offset % SECTION_ALIGN != 0) {
        return err_set(e, ERR_INPUT, "%s: offset %zu: section %s can't begin at %" PRIu64, shown(file), header_offset,
                       name, out->offset);
    }
    if (__builtin_mul_overflow(out->capacity, (uint64_t)element_size, &bytes) ||
        __builtin_add_overflow(out->offset, bytes, &end)) {
        return err_set(e, ERR_INPUT, "%s: offset %zu: section %s can't hold %" PRIu64 " elements", shown(file),
                       header_offset, name, out->capacity);
    }
    return 0;
}

static int take_sections(struct capture_file *file, struct err *e)
{
    if (take_section(file, offsetof(struct capture_header, lanes), "lanes", sizeof(struct capture_lane), &file->lanes,
                     e) < 0 ||
        take_section(file, offsetof(struct capture_header, locks), "locks", sizeof(struct capture_lock), &file->locks,
                     e) < 0 ||
        take_section(file, offsetof(struct capture_header, slots), "slots", sizeof(struct capture_slot), &file->slots,
                     e) < 0) {
        return -1;
    }
    return take_section(file, offsetof(struct capture_header, arena), "arena", 1, &file->arena, e);
}

static int check_header(struct capture_file *file, struct err *e)
{
    const struct capture_header *h = file->header;
    if (file->size < sizeof *h) {
        return err_set(e, ERR_INPUT, "%s: not a capture file: %zu bytes, less than its header of %zu", shown(file),
                       file->size, sizeof *h);
    }
    if (h->magic != CAPTURE_MAGIC) {
        return err_set(e, ERR_INPUT, "%s: offset 0: %s", shown(file),
                       h->magic == 0 ? "no header yet, its process was only about to start"
                                     : "not a capture file: it does not begin with LOCKCAP1");
    }
    if (h->version != CAPTURE_VERSION) {
        return err_set(e, ERR_INPUT, "%s: offset %zu: format version %" PRIu32 ", this program reads version %d",
                       shown(file), offsetof(struct capture_header, version), h->version, CAPTURE_VERSION);
    }
    if (h->header_size != sizeof *h) {
        return err_set(e, ERR_INPUT, "%s: offset %zu: header of %" PRIu32 " bytes instead of %zu", shown(file),
                       offsetof(struct capture_header, header_size), h->header_size, sizeof *h);
    }
    return take_sections(file, e);
}

int capture_file_of(struct capture_file *file, const void *bytes, size_t size, struct err *e)
{
    struct capture_file made = {.bytes = bytes, .size = size, .header = bytes};
    if (check_header(&made, e) < 0) {
        return -1;
    }
    *file = made;
    return 0;
}

int capture_file_open(struct capture_file *file, const char *path, struct err *e)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int errnum = errno;
        if (fd >= 0) {
            close(fd);
        }
        return err_sys(e, ERR_INPUT, errnum, "%s: can't read the capture file", path);
    }
    if (!S_ISREG(st.st_mode) || (size_t)st.st_size < sizeof(struct capture_header)) {
        close(fd);
        return err_set(e, ERR_INPUT, "%s: not a capture file: %lld bytes, less than its header of %zu", path,
                       (long long)st.st_size, sizeof(struct capture_header));
    }
    size_t size = (size_t)st.st_size;
    void *bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    int errnum = errno;
    close(fd);
    if (bytes == MAP_FAILED) {
        return err_sys(e, ERR_INPUT, errnum, "%s: can't map the capture file", path);
    }
    struct capture_file made = {.path = mem_strdup(path), .bytes = bytes, .size = size, .header = bytes};
    if (check_header(&made, e) < 0) {
        capture_file_close(&made);
        return -1;
    }
    *file = made;
    return 0;
}

void capture_file_close(struct capture_file *file)
{
    /* Only a mapped file has a path. */
    if (file->path != NULL) {
        munmap((void *)(uintptr_t)file->bytes, file->size);
        free(file->path);
    }
    *file = (struct capture_file){0};
}

/* Elements that are complete and lie in the file. `now` is the section in the header: its count grows. */
static size_t section_count(const struct capture_file *file, const struct capture_section *section,
                            const struct capture_section *now, size_t element_size)
{
    uint64_t used = __atomic_load_n(&now->used, __ATOMIC_ACQUIRE);
    if (section->offset >= file->size) {
        return 0;
    }
    uint64_t fit = (file->size - section->offset) / element_size;
    uint64_t count = used < section->capacity ? used : section->capacity;
    return (size_t)(count < fit ? count : fit);
}

/* A copy without halves of counters: its writer may be at work. */
static void copy_words(void *out, const unsigned char *from, size_t size)
{
    const void *at = from;
    const uint64_t *words = at;
    for (size_t i = 0; i < size / sizeof *words; i++) {
        uint64_t word = __atomic_load_n(&words[i], __ATOMIC_RELAXED);
        memcpy((unsigned char *)out + i * sizeof word, &word, sizeof word);
    }
}

size_t capture_file_locks(const struct capture_file *file)
{
    return section_count(file, &file->locks, &file->header->locks, sizeof(struct capture_lock));
}

size_t capture_file_slots(const struct capture_file *file)
{
    return section_count(file, &file->slots, &file->header->slots, sizeof(struct capture_slot));
}

static size_t lane_count(const struct capture_file *file)
{
    return section_count(file, &file->lanes, &file->header->lanes, sizeof(struct capture_lane));
}

/* The element at an index; false where the word at `last`, which its writer writes last, is still 0. */
static bool take_element(const struct capture_file *file, const struct capture_section *section, size_t index,
                         size_t last, void *out, size_t size)
{
    const unsigned char *at = file->bytes + section->offset + index * size;
    const void *word = at + last;
    if (__atomic_load_n((const uint32_t *)word, __ATOMIC_ACQUIRE) == 0) {
        return false;
    }
    copy_words(out, at, size);
    return true;
}

bool capture_file_lock(const struct capture_file *file, size_t index, struct capture_lock *out)
{
    struct capture_lock lock = {0};
    if (index >= capture_file_locks(file) ||
        !take_element(file, &file->locks, index, offsetof(struct capture_lock, kind), &lock, sizeof lock) ||
        lock.kind == 0 || lock.kind >= KIND_COUNT) {
        return false;
    }
    *out = lock;
    return true;
}

bool capture_file_slot(const struct capture_file *file, size_t index, struct capture_slot *out)
{
    struct capture_slot slot = {0};
    if (index >= capture_file_slots(file) ||
        !take_element(file, &file->slots, index, offsetof(struct capture_slot, call), &slot, sizeof slot) ||
        slot.lock >= capture_file_locks(file) || slot.lane >= lane_count(file) || slot.call == CALL_NONE ||
        slot.call >= CALL_COUNT) {
        return false;
    }
    *out = slot;
    return true;
}

void capture_file_lane_name(const struct capture_file *file, size_t lane, char out[CAPTURE_NAME_MAX])
{
    memset(out, 0, CAPTURE_NAME_MAX);
    if (lane < lane_count(file)) {
        struct capture_lane copy;
        copy_words(&copy, file->bytes + file->lanes.offset + lane * sizeof copy, sizeof copy);
        memcpy(out, copy.name, CAPTURE_NAME_MAX - 1);
    }
}

/* The whole record at an arena offset; NULL where there is none of the type with at least `head` bytes. */
static const struct capture_record *record_at(const struct capture_file *file, uint64_t offset, uint32_t type,
                                              size_t head)
{
    size_t used = section_count(file, &file->arena, &file->header->arena, 1);
    if (offset == 0 || offset % RECORD_ALIGN != 0 || used < head || offset > used - head) {
        return NULL;
    }
    const void *at = file->bytes + file->arena.offset + offset;
    const struct capture_record *record = at;
    if (__atomic_load_n(&record->type, __ATOMIC_ACQUIRE) != type || record->size < head ||
        record->size > used - offset) {
        return NULL;
    }
    return record;
}

/* The block after `at` bytes of the record; false where it does not fit. Moves `*at` behind it. */
static bool block_next(const struct capture_snapshot *snapshot, size_t *at, const struct capture_block **block)
{
    size_t size = snapshot->record.size;
    if (size < sizeof **block || *at > size - sizeof **block) {
        return false;
    }
    const void *here = (const unsigned char *)snapshot + *at;
    const struct capture_block *found = here;
    size_t room = size - *at - sizeof *found;
    size_t padded = ((size_t)found->size + 7) & ~(size_t)7;
    if (padded > room) {
        return false;
    }
    *block = found;
    *at += sizeof *found + padded;
    return true;
}

const struct capture_snapshot *capture_file_snapshot(const struct capture_file *file, uint64_t offset)
{
    const struct capture_record *record = record_at(file, offset, RECORD_SNAPSHOT, sizeof(struct capture_snapshot));
    if (record == NULL) {
        return NULL;
    }
    const void *at = record;
    const struct capture_snapshot *snapshot = at;
    size_t next = sizeof *snapshot;
    for (uint32_t i = 0; i < snapshot->blocks; i++) {
        const struct capture_block *block;
        if (!block_next(snapshot, &next, &block)) {
            return NULL;
        }
    }
    return snapshot;
}

const struct capture_maps *capture_file_maps(const struct capture_file *file, uint64_t offset)
{
    const struct capture_record *record = record_at(file, offset, RECORD_MAPS, sizeof(struct capture_maps));
    if (record == NULL) {
        return NULL;
    }
    const void *at = record;
    const struct capture_maps *maps = at;
    uint64_t need = sizeof *maps + (uint64_t)maps->modules * sizeof(struct capture_module) + maps->text_size;
    return need <= record->size ? maps : NULL;
}

/* How many bytes of the block lie at the address and behind it. */
static size_t block_holds(const struct capture_block *block, uint64_t address)
{
    return address >= block->address && address - block->address < block->size
               ? block->size - (size_t)(address - block->address)
               : 0;
}

/* The bytes of the first block that holds the address; 0: none. */
static size_t bytes_at(const struct capture_snapshot *snapshot, uint64_t address, const unsigned char **bytes)
{
    const struct capture_block *block;
    size_t next = sizeof *snapshot;
    for (uint32_t i = 0; i < snapshot->blocks && block_next(snapshot, &next, &block); i++) {
        size_t holds = block_holds(block, address);
        if (holds > 0) {
            *bytes = (const unsigned char *)(block + 1) + (address - block->address);
            return holds;
        }
    }
    return 0;
}

bool capture_snapshot_read(const struct capture_snapshot *snapshot, uint64_t address, void *out, size_t size)
{
    unsigned char *to = out;
    while (size > 0) {
        const unsigned char *from;
        size_t got = bytes_at(snapshot, address, &from);
        if (got == 0) {
            return false;
        }
        got = got < size ? got : size;
        memcpy(to, from, got);
        to += got;
        size -= got;
        if (__builtin_add_overflow(address, got, &address)) {
            return size == 0;
        }
    }
    return true;
}

bool capture_snapshot_pointer(const struct capture_snapshot *snapshot, size_t index, uint64_t *address, uint64_t *value)
{
    const struct capture_block *block;
    size_t next = sizeof *snapshot;
    for (uint32_t i = 0; i < snapshot->blocks && block_next(snapshot, &next, &block); i++) {
        /* The first one is the stack. */
        if (i == 0 || block->size != sizeof *value) {
            continue;
        }
        if (index-- == 0) {
            *address = block->address;
            memcpy(value, block + 1, sizeof *value);
            return true;
        }
    }
    return false;
}

struct clock_span {
    uint64_t ticks, ns;
};

/* From the start to the header's last reading; false where that says too little. */
static bool span_of_header(const struct capture_header *h, struct clock_span *span)
{
    for (int i = 0; i < CLOCK_TRIES; i++) {
        uint64_t ns = __atomic_load_n(&h->last_monotonic_ns, __ATOMIC_ACQUIRE);
        uint64_t ticks = __atomic_load_n(&h->last_ticks, __ATOMIC_ACQUIRE);
        if (ns != __atomic_load_n(&h->last_monotonic_ns, __ATOMIC_ACQUIRE)) {
            continue;
        }
        if (ns < h->start_monotonic_ns || ticks <= h->start_ticks) {
            return false;
        }
        *span = (struct clock_span){ticks - h->start_ticks, ns - h->start_monotonic_ns};
        return span->ns >= CLOCK_SPAN_MIN_NS;
    }
    return false;
}

/* From the start to now: right where the file was made since this machine started. */
static bool span_to_now(const struct capture_header *h, struct clock_span *span)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t ns = (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
    uint64_t ticks = __rdtsc();
    if (ns <= h->start_monotonic_ns || ticks <= h->start_ticks) {
        return false;
    }
    *span = (struct clock_span){ticks - h->start_ticks, ns - h->start_monotonic_ns};
    return true;
}

uint64_t capture_file_ns(const struct capture_file *file, uint64_t ticks)
{
    const struct capture_header *h = file->header;
    struct clock_span span;
    if (!(h->flags & CAPTURE_TSC) || ticks == 0) {
        return ticks;
    }
    if (!span_of_header(h, &span) && !span_to_now(h, &span)) {
        return 0;
    }
    unsigned __int128 ns = (unsigned __int128)ticks * span.ns / span.ticks;
    return ns > UINT64_MAX ? UINT64_MAX : (uint64_t)ns;
}
