/* SPDX-License-Identifier: Apache-2.0 */
/* What processes cost while a soak goes on, from /proc: resident memory, descriptors, threads, processor time. A
 * process is watched with all that it has started. Source: proc(5). */
#ifndef LOCKTRAIL_ENGINE_SOAK_WATCH_H
#define LOCKTRAIL_ENGINE_SOAK_WATCH_H

#include "engine/soak_record.h"

struct soak_watcher;

struct soak_watcher *soak_watcher_new(void);
void soak_watcher_free(struct soak_watcher *w);

/* One sample of each process of the record that runs, with its descendants (workers stand under a guard of locktrail
 * and are not counted with it), and of the disk below `directory` for locktrail. Trends anew. One that grows for the
 * first time gets its found_at_ms and is told by `found`. A process that is gone meanwhile has no sample. Never fails:
 * what can't be read is left out. Takes some milliseconds; call it at a stocktaking, every ten seconds or oftener (a
 * trend needs 20 points: with one each minute a leak is found after 20 minutes). The disk is not walked each time where
 * it takes long, and has no sample where there are more than 100,000 files. Processor time has no trend: it may rise
 * with the load. */
void soak_watcher_take(struct soak_watcher *w, struct soak_record *record, const char *directory, int64_t at_ms,
                       void (*found)(const struct soak_process *process, enum soak_watch_kind kind, void *data),
                       void *data);

/* A new life of a process: its curves begin anew (what an earlier one has used is gone with it); found_at_ms stays. To
 * be called for locktrail too, when it resumes a soak. */
void soak_watcher_life(struct soak_watcher *w, struct soak_process *process);

/* "grows by 61 MB an hour (95 %: 58 to 63) since 00:04:10, from 41 MB to 52 MB": one line; "does not grow (0.3 MB an
 * hour, 95 %: -1.0 to 1.6)"; "too few samples for a trend". MB are 10^6 bytes. For the caller to free. */
char *soak_trend_describe(enum soak_watch_kind kind, const struct trend *trend);

#endif
