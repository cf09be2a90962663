/* SPDX-License-Identifier: Apache-2.0 */
/* locktrail's own backend: takes uploads as the intake does, keeps them in a directory, and gives them back by the list
 * and download API of Datadog's profile pages (docs/formats.md, "The store"), so that the same client reads both. */
#ifndef LOCKTRAIL_PIPELINE_STORE_H
#define LOCKTRAIL_PIPELINE_STORE_H

#include "io/disk.h"
#include "pipeline/intake.h"

struct store;

struct store_options {
    const char *listen;
    size_t max_body, max_header;
    unsigned max_parts;
    int64_t idle_timeout_ms;
    const char *directory; /* where uploads lie: DIRECTORY/ID.body, as they came; written without fsync */
    uint64_t max_bytes;    /* kept; the oldest are dropped above it (and above max_uploads), which a warning and
                              `store.dropped` in /info say. 0: no limit. The last upload stays whatever its size */
    size_t max_uploads;    /* likewise; 0: STORE_UPLOADS_MAX, which is also the most */
    bool passing;          /* a part of the way, and no place to look for old uploads: what an earlier store has left in
                              the directory is removed, and nothing is said of a dropped one that was fetched */
    const char *api_key,
        *application_key; /* wanted in DD-API-KEY and DD-APPLICATION-KEY of list and download; NULL: any */
};

/* For the journal: an upload is on the disk (`error` NULL) and only now its sender is told so, or it is not: rejected
 * (`upload->rejected`, its status as intake.h has it, `id` ""), 503 where the disk is too slow (`id` ""), 500 where it
 * can't be written. `id` is the event id. Of a `passing` store, once with `upload` NULL: the upload was dropped before
 * anybody had fetched it, and so may others be. `upload` is valid in the call; its body may be read, not taken. Not
 * called after store_stop. */
typedef void (*store_fn)(struct store *store, const struct upload *upload, const char *id, const struct err *error,
                         void *data);

/* Takes GET /info, POST /profiling/v1/input, POST /api/v2/profile; POST /api/unstable/profiles/list, GET
 * /api/ui/profiling/profiles/PROFILE_ID/download?eventId=EVENT_ID (a zip). Strings are copied; `disk` is borrowed until
 * the store is closed. NULL and *e as httpd_start. */
struct store *store_start(uv_loop_t *loop, struct disk *disk, const struct store_options *options, store_fn fn,
                          void *data, struct err *e);
const char *store_url(const struct store *store);
/* An upload that a store has left: the whole of a file DIRECTORY/ID.body, whose head is not kept, so that the boundary
 * is read from the body itself. `fn` gets it once. Code ERR_INPUT: it is no upload. Pure; no store need run. */
int store_read_body(struct buf *body, void (*fn)(const struct upload *upload, void *data), void *data, struct err *e);

/* Ends what is open, waits for what is being written, calls `closed` from the loop, frees. */
void store_stop(struct store *store, void (*closed)(void *data), void *data);

#endif
