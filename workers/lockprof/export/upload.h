/* SPDX-License-Identifier: Apache-2.0 */
/* Sends profiles from a thread of its own, so that a slow agent delays nothing. What can't be sent stays on the disk,
 * and is said on standard error with its path and the reason.
 *
 * A profile is tried again after a lost connection, 408, 429 and 5xx, with pauses that double and vary, until
 * `tries` attempts have failed; any other answer ends it at once. Profiles wait in a bounded queue; one that comes when
 * it is full is not sent. */
#ifndef LOCKPROF_EXPORT_UPLOAD_H
#define LOCKPROF_EXPORT_UPLOAD_H

#include "lockprof/export/endpoint.h"
#include "lockprof/export/write_file.h"

#include <stdint.h>

/* A quarter of an hour of profiles at the usual minute; a profile has some 100 KiB. */
#define UPLOAD_QUEUE_MAX 16
#define UPLOAD_QUEUE_BYTES ((size_t)64 << 20)
/* With the pauses below: a minute and a half, in which an agent has long been started anew. */
#define UPLOAD_TRIES 8
#define UPLOAD_PAUSE_FIRST_MS 1000
#define UPLOAD_PAUSE_MAX_MS 30000

struct uploader_options {
    struct endpoint endpoint; /* borrowed texts, as all here */
    const char *api_key;      /* of an agentless endpoint */
    const char *tags;         /* event_tags */
    const char *kept_prefix;  /* where a profile without a file of its own is kept; NULL: nowhere, it is lost */
    const char *last_resort;  /* directory for it where that fails; may be NULL */
    long pid;
    unsigned tries, pause_first_ms, pause_max_ms; /* 0: the constants above */
};

struct uploader_result {
    size_t sent;
    size_t kept;        /* on the disk */
    size_t last_resort; /* of these in that directory */
    size_t lost;        /* neither sent nor kept: said on standard error */
};

struct uploader;

/* Starts the thread, which has all signals blocked. */
int uploader_new(struct uploader **out, const struct uploader_options *options, struct err *e);

/* Takes the bytes over (the buffer is empty afterwards). `path` is the profile's file, NULL where it has none. Never
 * waits. */
void uploader_send(struct uploader *uploader, struct buf *bytes, const char *path, unsigned sequence, int64_t start_ns,
                   int64_t end_ns);

/* Goes on for at most so long with what is queued, keeps the rest, and frees the uploader. */
struct uploader_result uploader_finish(struct uploader *uploader, unsigned deadline_ms);

#endif
