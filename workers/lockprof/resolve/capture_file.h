/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a capture file (format/capture.h), also one that is still being written, torn or hostile: every offset is
 * checked against the file before it is followed. */
#ifndef LOCKPROF_RESOLVE_CAPTURE_FILE_H
#define LOCKPROF_RESOLVE_CAPTURE_FILE_H

#include "base/err.h"
#include "lockprof/format/capture.h"

#include <stdbool.h>
#include <stddef.h>

/* A mapped file; read only. */
struct capture_file {
    char *path;
    const unsigned char *bytes;
    size_t size;
    const struct capture_header *header; /* in `bytes`: changes while the target runs */
    /* Where the sections are, checked once: a target that writes wildly over its header does no harm. */
    struct capture_section lanes, locks, slots, arena;
};

/* Maps the file. 0, or -1 with ERR_INPUT: not a capture file (says what is wrong at which offset) or not readable. */
int capture_file_open(struct capture_file *file, const char *path, struct err *e);
/* The same over bytes in memory that stay the caller's, aligned to 16: for tests and fuzzing. */
int capture_file_of(struct capture_file *file, const void *bytes, size_t size, struct err *e);
void capture_file_close(struct capture_file *file);

/* Elements at this moment, some of which may not be complete; never more than fit the file. */
size_t capture_file_locks(const struct capture_file *file);
size_t capture_file_slots(const struct capture_file *file);

/* Copies of one element; false where the index or what it points to is out of range, or it is not complete yet. */
bool capture_file_lock(const struct capture_file *file, size_t index, struct capture_lock *out);
bool capture_file_slot(const struct capture_file *file, size_t index, struct capture_slot *out);
/* The lane's name, "" where there is none. Always terminated. */
void capture_file_lane_name(const struct capture_file *file, size_t lane, char out[CAPTURE_NAME_MAX]);

/* Borrowed, into the mapping; NULL where the offset is not that of a whole record of the type. */
const struct capture_snapshot *capture_file_snapshot(const struct capture_file *file, uint64_t offset);
const struct capture_maps *capture_file_maps(const struct capture_file *file, uint64_t offset);

/* Reads `size` bytes at a target's address from the snapshot's blocks. False: not all of it was captured. */
bool capture_snapshot_read(const struct capture_snapshot *snapshot, uint64_t address, void *out, size_t size);

/* The word of writable module data number `index` that points to the lock or below it (a block of 8 bytes outside the
 * stack and the objects); false at the end. */
bool capture_snapshot_pointer(const struct capture_snapshot *snapshot, size_t index, uint64_t *address,
                              uint64_t *value);

/* Ticks of the file in nanoseconds. */
uint64_t capture_file_ns(const struct capture_file *file, uint64_t ticks);

#endif
