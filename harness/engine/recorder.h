/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads of the run's workers, wherever they pass, become copies of their process and stage. */
#ifndef LOCKTRAIL_ENGINE_RECORDER_H
#define LOCKTRAIL_ENGINE_RECORDER_H

#include "engine/host.h"
#include "engine/worker.h"
#include "pipeline/intake.h"

struct recorder;

struct recorder *recorder_new(struct host *host);

/* Whoever may send: uploads are matched to them by their tags, else by their process id. Borrowed until recorder_free.
 */
void recorder_set_workers(struct recorder *r, struct worker **workers, size_t count);

/* The process that an upload comes from, or NULL. Borrowed. */
const char *recorder_sender(const struct recorder *r, const struct upload *upload);

/* What was recorded of one upload. */
struct recorded {
    const char *instance; /* "" where it is nobody's */
    unsigned first;       /* sequence number of its first profile at that stage; 0: it was not kept */
    size_t profiles;
    const char *rejected; /* why it was not kept, else NULL; borrowed from the upload, or static */
};

/* Keeps an upload as copies of `stage`. `suffix` is put behind the process's name ("" for the first agent's way). One
 * that can't be kept is put aside with the reason; at the stage `upload` that is told as something that happened to the
 * run. */
struct recorded recorder_take(struct recorder *r, enum stage stage, const char *suffix, const struct upload *upload);

/* The same for one of which the process is known (it was read back). */
struct recorded recorder_take_for(struct recorder *r, enum stage stage, const char *instance,
                                  const struct upload *upload);

/* Every process that has copies at a stage, with their hashes (SHA-256, hex). Borrowed, valid until the next upload. */
struct recorder_lane {
    char *instance;
    enum stage stage;
    unsigned sequence; /* of its last copy */
    char **hashes;     /* of those that are on the disk */
    size_t hash_count, hash_capacity;
};
const struct recorder_lane *recorder_lanes(const struct recorder *r, size_t *count);

/* Calls `fn` when everything that was taken is on the disk: from the loop, or from within where it is already. */
void recorder_settle(struct recorder *r, void (*fn)(void *data), void *data);

/* Only when settled. Writes what is still to be told to the journal. */
void recorder_free(struct recorder *r);

#endif
