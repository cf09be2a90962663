/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to io/disk.c: what its thread does with files. Blocks. Errors have code ERR_WRITE and
 * name the path. */
#ifndef LOCKTRAIL_IO_DISK_FILE_H
#define LOCKTRAIL_IO_DISK_FILE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Files that are kept open between appends. A run has a journal and a ledger; the rest is for soaks
 * with one per worker. When there are more, the one that was used longest ago is closed. */
#define DISK_OPEN_MAX 64

struct disk_file {
    char *path;
    int fd;
    bool dirty; /* something was written since the last fsync */
    bool fresh; /* created by us, and its directory is not on the disk yet */
    unsigned long used;
};

/* `{0}` is valid and empty. */
struct disk_files {
    struct disk_file items[DISK_OPEN_MAX];
    size_t count;
    unsigned long clock; /* counts appends */
};

/* All of the bytes, or none: what was written of them is cut off again on failure, so that no half
 * line is followed by a whole one. */
int disk_files_append(struct disk_files *files, const char *path, const void *bytes, size_t size, bool sync,
                      struct err *e);

/* fsync of all that is dirty. All are tried; the first failure is told. */
int disk_files_sync(struct disk_files *files, struct err *e);

/* Syncs, closes and frees all. */
int disk_files_close(struct disk_files *files, struct err *e);

/* disk_write_now, with or without fsync. */
int disk_replace(const char *path, const void *bytes, size_t size, bool sync, struct err *e);

/* fsync of the directory that holds `path`. */
int disk_sync_parent(const char *path, struct err *e);

/* Opens for writing and makes the directories that are missing (`sync`: they are on the disk then). A descriptor, or a
 * negated errno. */
int disk_open(const char *path, int flags, bool sync);

/* write(2) until all is written. Returns 0 or an errno. */
int disk_write_all(int fd, const void *bytes, size_t size);

#endif
