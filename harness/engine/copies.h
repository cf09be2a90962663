/* SPDX-License-Identifier: Apache-2.0 */
/* Puts captured profiles into the run directory: copies/STAGE/INSTANCE.SEQ.pprof with a .json
 * beside each. */
#ifndef LOCKTRAIL_ENGINE_COPIES_H
#define LOCKTRAIL_ENGINE_COPIES_H

#include "engine/host.h"
#include "io/hash.h"
#include "pipeline/intake.h"
#include "trail/words.h"

#include <stdbool.h>
#include <stddef.h>

/* Largest local profile that is taken over; the intake's default bound for an upload is the same.
 */
#define COPIES_FILE_MAX ((size_t)64 << 20)
/* Local files of one process: at one each second this is more than a day. Further ones are
 * reported. */
#define COPIES_FILES_MAX 100000

/* Writes each profile of a good upload as a copy of `stage`; *sequence is the last number of the instance at that stage
 * and grows. Each has its `copy` event behind it, all of them a `stored` event; one that can't be written is a problem.
 * `fn` comes once, when that is over, with the profiles' hashes (SHA-256, hex; valid during the call): from the loop,
 * but for an upload without a profile, where it comes from within. */
typedef void (*copies_stored_fn)(bool good, char (*hashes)[HASH_TEXT_SIZE], size_t count, void *data);
void copies_store_upload(struct host *host, enum stage stage, const char *instance, unsigned *sequence,
                         const struct upload *upload, copies_stored_fn fn, void *data);

/* Puts a rejected upload aside: copies/STAGE/rejected/N.body and N.json with the reason. */
void copies_store_rejected(struct host *host, enum stage stage, unsigned number, const struct upload *upload);

/* Whether a file of this name in a worker's directory is a local profile. ddtrace up to 3.x wrote PREFIX.PID without a
 * suffix of its own; the companions that newer versions write are JSON. */
bool copies_is_local(const char *name);

/* Moves the *.pprof files below `directory` (of a process that has ended) to copies/STAGE, in the
 * order in which they were written, on a thread of libuv's pool. Then `fn` on the loop, with the
 * number of copies; *e is NULL or the first thing that went wrong. */
typedef void (*copies_fn)(size_t count, const struct err *e, void *data);
void copies_collect_local(struct host *host, const char *directory, enum stage stage, const char *instance,
                          copies_fn fn, void *data);

#endif
