/* SPDX-License-Identifier: Apache-2.0 */
/* From the capture files of a directory to the samples of one interval: what was counted since the last time, under the
 * locks' names and the stacks' functions.
 *
 * Files are open only while they are read, so that their number is bounded by the directory's only. A lock is named
 * when its first count comes, by its init snapshot and the snapshots of its stacks, and renamed only by a better one.
 * Not thread-safe. */
#ifndef LOCKPROF_EXPORT_COLLECT_H
#define LOCKPROF_EXPORT_COLLECT_H

#include "base/buf.h"
#include "lockprof/resolve/names.h"

/* Values of a sample, in the order of the profile's sample types. */
enum sample_value {
    VALUE_ACQUIRE,
    VALUE_ACQUIRE_WAIT,
    VALUE_RELEASE,
    VALUE_RELEASE_HOLD,
    VALUE_CONTENDED,
    VALUE_TYPES
};

struct collector;
struct interval;

/* `directory` and `options` are borrowed. */
struct collector *collector_new(const char *directory, const struct modules_options *options);
void collector_free(struct collector *collector);

/* Reads all capture files once and keeps the difference to the last commit as samples. A bad file is told in
 * `*problems` (a line each, once) and passed over. Returns the number of samples, -1 where the directory can't be
 * read. */
int collector_update(struct collector *collector, struct buf *problems, struct err *e);

/* The samples of the last update. Its times are those of the capture files: the first start (or last commit), and the
 * last time that a target wrote. */
const struct interval *collector_interval(struct collector *collector);

/* Where the directory holds more than `enough` files: reads those of ended processes and removes them, so that a fork
 * loop does not fill the file system between two intervals. Their counts are in the next updates until a commit. */
int collector_absorb(struct collector *collector, size_t enough, struct buf *problems, struct err *e);

/* The samples of the last update are exported: the next update counts from there on, also one by another process
 * (exported.h) that finds files which were not pruned. Without a commit the next update counts them again. */
void collector_commit(struct collector *collector, int64_t end_ns);

/* Capture files that lie in the directory now; -1 where it can't be read. */
int collector_count(struct collector *collector, size_t *count, struct err *e);

/* Looks which processes still write capture files: the pids of at most `max`; returns how many there are. */
size_t collector_running(struct collector *collector, int32_t *pids, size_t max);

/* The pid of the process that began first, as the capture files say; 0: none was read. */
int32_t collector_first_pid(const struct collector *collector);

/* Capture files that were seen since the beginning, pruned ones too. */
size_t collector_seen(const struct collector *collector);

/* Removes the capture files of processes that had ended before the last update, when it was committed. */
void collector_prune(struct collector *collector);

#endif
