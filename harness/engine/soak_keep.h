/* SPDX-License-Identifier: Apache-2.0 */
/* Which copies of a soak stay on the disk: every copy of an upload with a loss, and of the others a sample that gets
 * thinner as time goes on (of each part of the soak about as many), all within a quota. When it is full, samples go
 * first; losses beyond it are counted. */
#ifndef LOCKTRAIL_ENGINE_SOAK_KEEP_H
#define LOCKTRAIL_ENGINE_SOAK_KEEP_H

#include "base/err.h"
#include "engine/soak_record.h"
#include "io/disk.h"

/* Good uploads that are kept as a sample at most. When there are as many, every second one goes, and half as many come.
 */
#define SOAK_SAMPLES_MAX 128

/* Of a file system: each file takes up to one more than it has bytes, which counts for small profiles. */
#define SOAK_COPY_BLOCK UINT64_C(4096)

struct soak_keep;

/* `quota`: bytes of all copies on the disk, with the rest of their last blocks. Takes up what an earlier locktrail has
 * left in DIRECTORY/copies (--resume). `disk` and `record` (its `copies`) are borrowed. */
struct soak_keep *soak_keep_new(struct disk *disk, const char *directory, uint64_t quota, struct soak_record *record,
                                struct err *e);

/* One upload's copies, as they came. */
struct soak_copy_set {
    const char *instance;
    unsigned number; /* of the process's uploads: as it is told in evidence */
    struct {
        const void *bytes; /* NULL: none at that stage */
        size_t size;
        const char *description; /* the text of its .json */
    } stages[STAGE_COUNT];
};

/* Keeps all of it or none. `paths` gets, for each stage, the path below the run directory
 * (copies/STAGE/INSTANCE.NUMBER.pprof) for the caller to free, or NULL. */
void soak_keep_loss(struct soak_keep *k, const struct soak_copy_set *set, char *paths[STAGE_COUNT]);
/* Keeps it where it is this one's turn. */
void soak_keep_sample(struct soak_keep *k, const struct soak_copy_set *set);

/* The highest number of a process's uploads that was handed over, now or before --resume; 0: none. */
unsigned soak_keep_last(struct soak_keep *k, const char *instance);

/* A disturbance takes room away: so many bytes of the quota count as used (a file of that size lies in the directory
 * meanwhile); 0 gives them back. */
int soak_keep_fill(struct soak_keep *k, uint64_t bytes, struct err *e);

void soak_keep_free(struct soak_keep *k);

#endif
