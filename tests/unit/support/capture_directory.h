/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of capture files, as of processes that still run or have ended. */
#ifndef LOCKTRAIL_TESTS_CAPTURE_DIRECTORY_H
#define LOCKTRAIL_TESTS_CAPTURE_DIRECTORY_H

#include "base/buf.h"
#include "capture_build.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* Where the locks of the tests lie, and what locks them: in the test's own program, so that names are found. */
extern uint64_t capture_directory_lock, capture_directory_caller;

struct capture_directory {
    char path[64];
};

/* One file, mapped as its writer has it. */
struct capture_written {
    char path[128];
    struct capture_build build; /* bytes are the mapping */
    uint64_t snapshot;
};

static inline void capture_directory_init(struct capture_directory *d)
{
    snprintf(d->path, sizeof d->path, "/tmp/lockprof_captures_XXXXXX");
    assert_non_null(mkdtemp(d->path));
}

static inline size_t capture_directory_count(const struct capture_directory *d)
{
    size_t count = 0;
    DIR *directory = opendir(d->path);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory));)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

static inline void capture_directory_fini(const struct capture_directory *d)
{
    DIR *directory = opendir(d->path);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory));)
        unlinkat(dirfd(directory), entry->d_name, 0);
    closedir(directory);
    assert_int_equal(rmdir(d->path), 0);
}

/* The maps of this very process. */
static inline char *capture_directory_maps(void)
{
    struct buf text = {0};
    char chunk[4096];
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    for (size_t size; (size = fread(chunk, 1, sizeof chunk, maps)) > 0;)
        buf_add(&text, chunk, size);
    fclose(maps);
    return buf_steal(&text);
}

/* A process with one lock and one thread "worker" that has taken it `acquires` times from one place. */
static inline void capture_written_init(struct capture_written *w, const struct capture_directory *d, int32_t pid,
                                        unsigned sequence, uint64_t acquires)
{
    struct capture_build made;
    struct capture_lane lane = {.tid = pid, .name = "worker"};
    struct capture_lock lock = {.address = capture_directory_lock, .kind = KIND_MUTEX};
    struct capture_slot slot = {
        .acquires = acquires, .call = CALL_MUTEX_LOCK, .caller = capture_directory_caller, .live_lock = lock.address};
    struct capture_snapshot head = {.lock = lock.address, .call = CALL_MUTEX_LOCK, .known = UINT64_C(1) << 16};
    char *maps = capture_directory_maps();
    capture_build_init(&made);
    made.header->pid = pid;
    made.header->process_start = UINT64_C(1000) + (uint64_t)pid;
    made.header->start_realtime_ns = UINT64_C(1700000000000000000);
    made.header->flags = CAPTURE_HOLD;
    head.maps = capture_build_maps(&made, maps, NULL, 0);
    head.registers[16] = capture_directory_caller;
    w->snapshot = slot.snapshot = capture_build_snapshot(&made, head, NULL, 0);
    capture_build_element(&made, &made.header->lanes, &lane, sizeof lane);
    capture_build_element(&made, &made.header->locks, &lock, sizeof lock);
    capture_build_element(&made, &made.header->slots, &slot, sizeof slot);
    free(maps);
    snprintf(w->path, sizeof w->path, "%s/%d.%u%s", d->path, pid, sequence, CAPTURE_SUFFIX);
    int fd = open(w->path, O_RDWR | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)made.size), 0);
    w->build.size = made.size;
    w->build.bytes = mmap(NULL, made.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(w->build.bytes != MAP_FAILED);
    close(fd);
    memcpy(w->build.bytes, made.bytes, made.size);
    void *begin = w->build.bytes;
    w->build.header = begin;
    capture_build_fini(&made);
}

static inline struct capture_slot *capture_written_slot(struct capture_written *w)
{
    void *at = w->build.bytes + w->build.header->slots.offset;
    return at;
}

/* Its process ends. */
static inline void capture_written_end(struct capture_written *w)
{
    munmap(w->build.bytes, w->build.size);
    w->build.bytes = NULL;
}

#endif
