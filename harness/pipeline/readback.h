/* SPDX-License-Identifier: Apache-2.0 */
/* The uploads of a run, read back from where a person would find them: of one that is over, or while it goes on.
 *
 * Happy path: list → each upload that is new is fetched → until all that were expected are there: READBACK_OVER.
 * Failure modes: not there yet (asked again with backoff until the deadline; what is missing then is told, and is a
 * matter for the judgement, not an error); 429 (waits as X-RateLimit-Reset says); 401, 403 (keys: an error that says
 * which); an answer that has not the form that is known (an error that says what was expected and what came, never a
 * loss); a connection that fails (tried again until the deadline, then an error).
 *
 * Following: list → each upload that is new is fetched → again after a moment, until readback_stop. What passes (a
 * connection that fails, 408, 425, 429, 5xx, a download that is not there yet) is told and tried again without end. */
#ifndef LOCKTRAIL_PIPELINE_READBACK_H
#define LOCKTRAIL_PIPELINE_READBACK_H

#include "base/buf.h"
#include "base/err.h"
#include "io/http_client.h"

#include <stdbool.h>
#include <stdint.h>

struct readback;

enum readback_kind {
    READBACK_PROFILES_API, /* Datadog's, which locktrail's own store speaks too */
    READBACK_DIRECTORY,    /* files that someone else puts there */
    READBACK_TEST_AGENT    /* GET /test/session/requests of ddapm-test-agent */
};

/* One process whose uploads are looked for: those with its name in the tag locktrail_worker, or, where the name is that
 * of a mirror ("native.1.tee+serverless-compat"), with what stands before the '+'. */
struct readback_wanted {
    const char *instance;
    unsigned expected; /* how many uploads passed the last hop on the way there; 0: not known, one pass is made. A
                          doubled one (same start, same bytes) stands in for no missing one; once all are there, one
                          pass more is made for doubles that are late */
    const char *const *hashes; /* SHA-256 (hex) of the profiles that passed it, or none: to tell how many of `expected`
                                  are uploads that passed twice, and, in a READBACK_DIRECTORY, whose a file is */
    size_t hash_count;
};

struct readback_options {
    enum readback_kind kind;
    const char *url; /* "https://app.datadoghq.com", "http://127.0.0.1:40123" (list and download are below it) */
    const char *unix_socket;               /* or NULL */
    const char *api_key, *application_key; /* NULL: not sent. Never part of a text */
    const char *directory;                 /* READBACK_DIRECTORY */
    const char *service, *env, *run_id;
    int64_t from_ms, to_ms; /* wall clock, since 1970: the run's beginning and end; the query is a minute wider */
    const struct readback_wanted *wanted;
    size_t wanted_count;
    int64_t deadline_ms; /* from readback_start; "not there yet" becomes "not there" */
    int64_t timeout_ms;  /* for one request */
    /* All uploads of the run, of whatever process (as their tag locktrail_worker says), as they come: READBACK_UPLOAD
     * until readback_stop. READBACK_PROFILES_API only. `wanted`, `to_ms` and `deadline_ms` are not looked at; the time
     * that is looked at begins at from_ms, or where readback_since has moved it to. Memory is bounded by the uploads in
     * that time. */
    bool follow;
    int64_t poll_ms; /* from one look to the next; 0: 250 ms, of a site 2 s */
    int64_t late_ms; /* so long before the beginning an upload may have begun that is looked for all the same: some of
                        its intervals. At least 10 s */
};

enum readback_event_kind {
    READBACK_UPLOAD,   /* one upload, fetched; those that came in one pass from the oldest on */
    READBACK_PROGRESS, /* `text`: "5 of 7 uploads are there, asking again in 2 s" */
    READBACK_OVER /* the last event. `error` NULL: everything that is there was fetched (`missing` uploads are not), or
                     a following one was stopped */
};

/* A profile of an upload. Borrowed. */
struct readback_profile {
    const char *name; /* "profile.pprof" */
    const void *bytes;
    size_t size;
};

struct readback_event {
    enum readback_event_kind kind;
    const char *instance;    /* READBACK_UPLOAD */
    const char *id;          /* event id, or the file's name */
    const char *runtime_id;  /* "" unknown */
    const char *start, *end; /* ISO 8601; "" unknown */
    const struct readback_profile *profiles;
    size_t profile_count;
    const char *text;
    unsigned missing;
    const struct err *error;
};

/* One that was read back, as an upload that lends what the event has. Returns its profiles, for the caller to free. */
struct upload;
struct upload_profile *readback_as_upload(const struct readback_event *event, struct upload *out);

typedef void (*readback_fn)(struct readback *readback, const struct readback_event *event, void *data);

/* `options` is copied but for nothing: all strings too. Events never come from within. All on the loop's thread. */
struct readback *readback_start(uv_loop_t *loop, const struct readback_options *options, readback_fn fn, void *data,
                                struct err *e);
/* Of one that follows: uploads that began late_ms before that moment (milliseconds since 1970) need not be looked for.
 * It may be moved down again as far as what came is remembered, for some minutes. Also from within an event. */
void readback_since(struct readback *readback, int64_t ms);
/* The user wants an end: READBACK_OVER comes with ERR_INTERRUPTED, of one that follows without an error. */
void readback_stop(struct readback *readback);
/* After READBACK_OVER, also from within it. */
void readback_free(struct readback *readback, void (*closed)(void *data), void *data);

#endif
