/* SPDX-License-Identifier: Apache-2.0 */
/* Files written in order by a thread of libuv's pool, so that the loop never waits for a disk.
 * The process must ignore SIGXFSZ, so that a file size limit is an error and not its end. */
#ifndef LOCKTRAIL_IO_DISK_H
#define LOCKTRAIL_IO_DISK_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct disk;

/* status: 0, or -1 with *e (code ERR_WRITE, names path and reason). On the loop's thread. */
typedef void (*disk_fn)(int status, const struct err *e, void *data);

/* Bytes that may wait in memory before disk_full is true; whoever makes the bytes should pause
 * then. */
#define DISK_PENDING_MAX ((size_t)256 << 20)

struct disk *disk_new(uv_loop_t *loop);

/* Writes a whole file: to a temporary name in the same directory (PATH.PID.tmp), fsync, rename,
 * fsync of the directory. Missing directories are made. Takes the bytes out of *bytes (empty
 * afterwards). `fn` may be NULL: then the first failure is kept for disk_error. After a failure
 * neither the file nor the temporary one is there, or the old file is. */
void disk_put(struct disk *disk, const char *path, struct buf *bytes, disk_fn fn, void *data);

/* The same without fsync: whole after a crash of the program, but not after one of the machine. For what can be had
 * again; several times as many a second. */
void disk_put_quick(struct disk *disk, const char *path, struct buf *bytes, disk_fn fn, void *data);

/* The same for bytes that stay the caller's and stay as they are until `fn`, which is not NULL. */
void disk_put_borrowed(struct disk *disk, const char *path, const void *bytes, size_t size, disk_fn fn, void *data);

/* Removes a file that was put, in order with what was asked for before; one that is not there is no failure. `fn` may
 * be NULL as in disk_put. */
void disk_remove(struct disk *disk, const char *path, disk_fn fn, void *data);

/* Appends to a file, which is created if missing; with `sync` followed by fsync. Neighbouring
 * appends to one file may be written as one. Keeps files open between calls. After a failure
 * nothing of the bytes is in the file. */
void disk_append(struct disk *disk, const char *path, const void *bytes, size_t size, bool sync, disk_fn fn,
                 void *data);

/* Calls `fn` when everything that was asked for before this call is on the disk; status -1 where
 * some of it is not: *e is then disk_error, or what this fsync met. */
void disk_flush(struct disk *disk, disk_fn fn, void *data);

bool disk_full(const struct disk *disk);
size_t disk_pending(const struct disk *disk); /* bytes that wait */

/* The first failure that no `fn` took, or NULL. */
const struct err *disk_error(const struct disk *disk);

/* Writes what waits, closes the files, calls `closed` (never from within), frees. Who wants to know
 * whether that worked calls disk_flush first. No order may be given afterwards. */
void disk_close(struct disk *disk, void (*closed)(void *data), void *data);

/* The same for programs without a loop: temporary name, fsync, rename. Code ERR_WRITE. */
int disk_write_now(const char *path, const void *bytes, size_t size, struct err *e);

/* Reads a whole file of at most `max` bytes (more is an error that names the limit). Codes
 * ERR_INPUT; ERR_MISSING where there is no such file. `out` is unchanged on failure. */
int disk_read_now(const char *path, size_t max, struct buf *out, struct err *e);

/* Makes a directory and its parents. Code ERR_WRITE. */
int disk_make_dir(const char *path, struct err *e);

#endif
