/* SPDX-License-Identifier: Apache-2.0 */
/* One attempt to send a profile: HTTP POST with a multipart body of event.json and the profile's bytes. */
#ifndef LOCKPROF_EXPORT_POST_H
#define LOCKPROF_EXPORT_POST_H

#include "base/buf.h"
#include "lockprof/export/endpoint.h"

#include <stdatomic.h>
#include <stdint.h>

/* Longest that one attempt takes. An agent answers in milliseconds; an intake over a slow line in seconds. */
#define POST_TIMEOUT_MS 30000
#define POST_CONNECT_TIMEOUT_MS 5000

struct post {
    const struct endpoint *endpoint;
    const char *api_key; /* of an agentless endpoint; never in an error's text */
    const char *event;
    const struct buf *bytes;
    const atomic_llong *deadline_ms; /* monotonic: then the attempt is broken off; may change meanwhile */
};

struct post_failure {
    bool again;         /* the same may succeed later: no connection, 408, 429, 5xx */
    long retry_after_s; /* as the answer asked; 0: it did not */
    struct err error;
};

/* Keeps the connection between attempts. NULL only without memory. One thread at a time. */
struct poster;
struct poster *poster_new(void);
void poster_free(struct poster *poster);

/* 0 where it was taken (2xx), else -1 and *failure. */
int poster_send(struct poster *poster, const struct post *post, struct post_failure *failure);

/* Milliseconds of CLOCK_MONOTONIC. */
long long post_now_ms(void);

#endif
