/* SPDX-License-Identifier: Apache-2.0 */
/* event.json: what an upload says of its profile, as agents and intakes take it (docs/formats.md). */
#ifndef LOCKPROF_EXPORT_EVENT_H
#define LOCKPROF_EXPORT_EVENT_H

#include "base/buf.h"

#include <stdint.h>

/* The profile's part of the upload, by the name under which lock profiles travel. */
#define EVENT_ATTACHMENT "lock.pprof"

/* Borrowed texts; NULL or "": left out. */
struct event_identity {
    const char *service, *env, *version, *host;
    const char *runtime_id; /* a UUID, of one run */
    const char *tags;       /* DD_TAGS: key:value, divided by commas or blanks; a tag without a key is left out */
    long pid;
};

/* key:value,key:value ... A comma in a value becomes an underscore, since it would begin another tag. */
void event_tags(const struct event_identity *identity, struct buf *out);

/* `tags` as event_tags made them; times since 1970. */
void event_json(const char *tags, int64_t start_ns, int64_t end_ns, struct buf *out);

/* A random UUID (RFC 9562, version 4). */
#define EVENT_UUID_SIZE 37
void event_new_uuid(char out[EVENT_UUID_SIZE]);

#endif
