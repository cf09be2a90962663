/* SPDX-License-Identifier: Apache-2.0 */
/* The capture file and its sections. */
#include "lockprof/capture/clock.h"
#include "lockprof/capture/library.h"
#include "lockprof/capture/system.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* Pages are made present so many bytes at a time before they are written (see section_ready). */
#define READY_STEP UINT64_C(16384)
#define PAGE UINT64_C(4096)
/* Images of one process id: a loop of exec. */
#define SEQUENCE_MAX 100000
/* Smaller layouts that are tried where a limit of the target's forbids the whole one, each half of the last. */
#define HALVINGS 6
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static uint64_t page_up(uint64_t value)
{
    return (value + PAGE - 1) & ~(PAGE - 1);
}

static char *append(char *to, const char *end, const char *text)
{
    while (*text && to < end) {
        *to++ = *text++;
    }
    return to;
}

static char *append_number(char *to, const char *end, uint64_t number)
{
    char digits[24], *at = digits + sizeof digits - 1;
    *at = 0;
    do {
        *--at = (char)('0' + number % 10);
    } while (number /= 10);
    return append(to, end, at);
}

/* A new file in the directory; -errno. `path` keeps its name. */
static int open_new(const char *directory, int32_t pid, char *path, size_t size)
{
    for (unsigned sequence = 1; sequence < SEQUENCE_MAX; sequence++) {
        const char *end = path + size - 1;
        char *at = append(path, end, directory);
        at = append(at, end, "/");
        at = append_number(at, end, (uint64_t)pid);
        at = append(at, end, ".");
        at = append_number(at, end, sequence);
        at = append(at, end, CAPTURE_SUFFIX);
        if (at == end) {
            return -ENAMETOOLONG;
        }
        *at = 0;
        long fd = SYSTEM3(open, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd != -EEXIST) {
            return (int)fd;
        }
    }
    return -EEXIST;
}

static uint64_t lay_out(struct capture_header *header, unsigned halvings)
{
    uint64_t at = page_up(sizeof *header);
    header->lanes = (struct capture_section){at, CAPTURE_LANES_MAX >> halvings, 0};
    at = page_up(at + header->lanes.capacity * sizeof(struct capture_lane));
    header->locks = (struct capture_section){at, CAPTURE_LOCKS_MAX >> halvings, 0};
    at = page_up(at + header->locks.capacity * sizeof(struct capture_lock));
    /* One slot before the first stays zero: the one that a cache entry without a slot leads to. */
    header->slots = (struct capture_section){at + sizeof(struct capture_slot), CAPTURE_SLOTS_MAX >> halvings, 0};
    at = page_up(at + (header->slots.capacity + 1) * sizeof(struct capture_slot));
    header->arena = (struct capture_section){at, CAPTURE_ARENA_MAX >> halvings, 0};
    return at + header->arena.capacity;
}

/* Field 22 of /proc/self/stat, counted behind the name's last parenthesis. */
static uint64_t start_time(void)
{
    char text[1024];
    long fd = SYSTEM3(open, "/proc/self/stat", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) {
        return 0;
    }
    long size = SYSTEM3(read, fd, text, sizeof text - 1);
    SYSTEM3(close, fd, 0, 0);
    long at = size - 1;
    while (at > 0 && text[at] != ')') {
        at--;
    }
    uint64_t value = 0;
    for (int field = 2; at < size && at > 0 && field <= 22; at++) {
        if (text[at] == ' ') {
            field++;
        } else if (field == 22) {
            value = value * 10 + (uint64_t)(text[at] - '0');
        }
    }
    return value;
}

static void fill(struct capture_header *header, int32_t pid, int32_t parent)
{
    header->version = CAPTURE_VERSION;
    header->header_size = sizeof *header;
    header->pid = pid;
    header->parent = parent;
    header->process_start = start_time();
    header->rate = lockprof.rate;
    header->flags = (lockprof.hold ? CAPTURE_HOLD : 0u) | (lockprof.tsc ? CAPTURE_TSC : 0u);
    long got = SYSTEM3(readlink, "/proc/self/exe", header->program, sizeof header->program - 1);
    header->program[got > 0 ? got : 0] = 0;
    /* Offset 0 is never a record. */
    header->arena.used = 16;
    clock_start(header);
}

static void complain(const char *what, const char *directory, long error)
{
    char text[512];
    const char *end = text + sizeof text - 1;
    char *at = append(text, end, "lockprof: ");
    at = append(at, end, what);
    at = append(at, end, directory);
    at = append(at, end, ": errno ");
    at = append_number(at, end, (uint64_t)-error);
    at = append(at, end, ": this process is not profiled\n");
    SYSTEM3(write, 2, text, at - text);
}

bool file_create(const char *directory, int32_t parent)
{
    char path[1024];
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    struct capture_header layout = {0};
    int32_t pid = (int32_t)SYSTEM3(getpid, 0, 0, 0);
    int fd = open_new(directory, pid, path, sizeof path);
    if (fd < 0) {
        complain("can't make a capture file in ", directory, fd);
        return false;
    }
    /* Beyond RLIMIT_FSIZE ftruncate would not only fail but send a signal. */
    SYSTEM6(prlimit64, 0, RLIMIT_FSIZE, 0, &limit, 0, 0);
    long at = -EFBIG;
    uint64_t size = 0;
    for (unsigned halvings = 0; halvings < HALVINGS && at < 0; halvings++) {
        size = lay_out(&layout, halvings);
        if (size > limit.rlim_cur) {
            continue;
        }
        at = SYSTEM3(ftruncate, fd, size, 0);
        if (at == 0) {
            at = SYSTEM6(mmap, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        }
    }
    SYSTEM3(close, fd, 0, 0);
    if (at < 0) {
        complain("can't make room for a capture file in ", directory, at);
        SYSTEM3(unlink, path, 0, 0);
        return false;
    }
    unsigned char *base = (unsigned char *)at;
    struct capture_header *header = (struct capture_header *)base;
    if (SYSTEM3(madvise, base, PAGE, MADV_POPULATE_WRITE) == -EFAULT) {
        complain("no space for a capture file in ", directory, -ENOSPC);
        SYSTEM3(munmap, at, size, 0);
        SYSTEM3(unlink, path, 0, 0);
        return false;
    }
    *header = layout;
    lockprof.header = header;
    lockprof.mapped = size;
    lockprof.pid = pid;
    lockprof.lanes = (struct capture_lane *)(base + layout.lanes.offset);
    lockprof.locks = (struct capture_lock *)(base + layout.locks.offset);
    lockprof.slots = (struct capture_slot *)(base + layout.slots.offset);
    lockprof.arena = base + layout.arena.offset;
    fill(header, pid, parent);
    __atomic_store_n(&header->magic, CAPTURE_MAGIC, __ATOMIC_RELEASE);
    return true;
}

void file_remove_mapping(struct capture_header *header, uint64_t size)
{
    if (header) {
        SYSTEM3(munmap, header, size, 0);
    }
    if (lockprof.header == header) {
        lockprof.header = NULL;
    }
}

/* Writing to a page of a sparse file on a full file system is a SIGBUS. So pages are made present first, by the one
 * call that says so instead; on a kernel without it (before 5.14) they are taken to be there. */
static bool section_ready(const struct capture_section *section, _Atomic uint64_t *ready, uint64_t end)
{
    uint64_t have = atomic_load_explicit(ready, memory_order_relaxed);
    if (LIKELY(end <= have)) {
        return true;
    }
    unsigned char *base = (unsigned char *)lockprof.header;
    uint64_t from = (section->offset + have) & ~(PAGE - 1), to = page_up(section->offset + end + READY_STEP);
    to = to < lockprof.mapped ? to : lockprof.mapped;
    long result = SYSTEM3(madvise, base + from, to - from, MADV_POPULATE_WRITE);
    if (result == -EFAULT || result == -ENOMEM) {
        /* Perhaps there is room for what is needed at once. */
        to = page_up(section->offset + end);
        result = SYSTEM3(madvise, base + from, to - from, MADV_POPULATE_WRITE);
        if (result == -EFAULT || result == -ENOMEM) {
            return false;
        }
    }
    atomic_store_explicit(ready, to - section->offset, memory_order_relaxed);
    return true;
}

bool file_take(struct capture_section *section, _Atomic uint64_t *ready, uint64_t size, uint64_t *index)
{
    uint64_t used = __atomic_load_n(&section->used, __ATOMIC_RELAXED);
    do {
        if (used >= section->capacity || !section_ready(section, ready, (used + 1) * size)) {
            return false;
        }
    } while (!__atomic_compare_exchange_n(&section->used, &used, used + 1, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    *index = used;
    return true;
}

uint64_t arena_take(uint64_t size)
{
    struct capture_section *arena = &lockprof.header->arena;
    size = (size + 15) & ~UINT64_C(15);
    uint64_t used = __atomic_load_n(&arena->used, __ATOMIC_RELAXED);
    do {
        if (size > arena->capacity - used || !section_ready(arena, &lockprof.words->arena_ready, used + size)) {
            return 0;
        }
    } while (!__atomic_compare_exchange_n(&arena->used, &used, used + size, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    return used;
}

void arena_trim(uint64_t offset, uint64_t size, uint64_t used)
{
    struct capture_section *arena = &lockprof.header->arena;
    size = (size + 15) & ~UINT64_C(15);
    used = (used + 15) & ~UINT64_C(15);
    uint64_t end = offset + size;
    if (used < size) {
        /* What is given back must be zero for the next. */
        zero_bytes(lockprof.arena + offset + used, size - used);
        __atomic_compare_exchange_n(&arena->used, &end, offset + used, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
    }
}

void arena_done(uint64_t offset)
{
    /* Pages go in steps, so that a call is worth it; the file keeps them, the target's memory does not. */
    uint64_t end = (lockprof.header->arena.offset + offset) & ~(ARENA_KEEP - 1);
    uint64_t done = atomic_load_explicit(&lockprof.words->arena_let_go, memory_order_relaxed);
    uint64_t from = done ? done : lockprof.header->arena.offset & ~(PAGE - 1);
    if (end > from && end - from >= ARENA_KEEP &&
        atomic_compare_exchange_strong_explicit(&lockprof.words->arena_let_go, &done, end, memory_order_relaxed,
                                                memory_order_relaxed)) {
        SYSTEM3(madvise, (unsigned char *)lockprof.header + from, end - from, MADV_DONTNEED);
    }
}
