/* SPDX-License-Identifier: Apache-2.0 */
/* From the capture files of a directory to profiles on the disk and at an agent, interval by interval. */
#ifndef LOCKPROF_EXPORT_EXPORTER_H
#define LOCKPROF_EXPORT_EXPORTER_H

#include "lockprof/export/collect.h"
#include "lockprof/export/compress.h"
#include "lockprof/export/upload.h"

#include <stdbool.h>

struct exporter_options {
    const char *directory;     /* of the capture files; borrowed, as all here */
    const char *output;        /* prefix of the profiles' files; NULL: none are written */
    struct uploader *uploader; /* NULL: nothing is sent; stays the caller's */
    struct modules_options modules;
    enum compression compression;
    long pid; /* in the files' names; 0: that of the capture files' first process */
    int64_t interval_ms;
    int64_t start_ns; /* wall clock, of the first interval; 0: as the capture files say */
};

struct exporter_result {
    unsigned profiles; /* made and given on */
    size_t samples;    /* in the last one */
    size_t seen;       /* capture files */
    bool failed;       /* the last interval is on no disk and in no queue: its counts are still in the directory */
    char *path;        /* of the last profile's file, NULL where there is none; the caller frees it */
};

struct exporter;

struct exporter *exporter_new(const struct exporter_options *options);

/* Starts the thread that makes a profile every interval; it has all signals blocked. */
int exporter_start(struct exporter *exporter, struct err *e);

/* Ends the thread after what it is doing. Afterwards the exporter may be used by the caller. */
void exporter_stop(struct exporter *exporter);

/* Makes one profile of what is new, at `end_ns` (0: as the capture files say), and removes the capture files of ended
 * processes where `prune`. -1: failed, see exporter_result. */
int exporter_export(struct exporter *exporter, int64_t end_ns, bool prune, struct err *e);

/* Capture files that lie in the directory now; -1 where it can't be read. */
int exporter_count(struct exporter *exporter, size_t *count, struct err *e);

/* Processes that still write capture files, as collector_running. */
size_t exporter_running(struct exporter *exporter, int32_t *pids, size_t max);

void exporter_result(const struct exporter *exporter, struct exporter_result *out);
void exporter_free(struct exporter *exporter);

/* Wall clock in nanoseconds since 1970. */
int64_t exporter_now_ns(void);

#endif
