/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded intake: answers as a Datadog agent does (GET /info, POST /profiling/v1/input) and hands over each
 * upload. */
#ifndef LOCKTRAIL_PIPELINE_INTAKE_H
#define LOCKTRAIL_PIPELINE_INTAKE_H

#include "base/buf.h"
#include "base/err.h"
#include "io/httpd.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct intake;

struct intake_options {
    const char *listen; /* as httpd_options.listen */
    size_t max_body, max_header;
    unsigned max_parts;
    int64_t idle_timeout_ms;
};

/* One `key:value` of event.json's tags_profiler. */
struct upload_tag {
    char *key, *value;
};

/* An attachment that is a profile: a part named in the event's `attachments` (or, without such a list, every part but
 * `event`) other than code-provenance.json. Usually one. */
struct upload_profile {
    const char *name; /* "profile.pprof" */
    const void *bytes;
    size_t size;
    size_t offset; /* where they begin in the request's body */
};

/* An upload as it came. Everything is valid only during the callback. */
struct upload {
    const struct http_headers *headers;
    const char *path;
    struct buf *body;     /* the whole request body; may be taken for forwarding */
    const char *rejected; /* NULL for a good one, else why; it was answered with `status` */
    int status;
    const char *event; /* event.json's text, NULL where there is none */
    size_t event_size;
    const char *start, *end; /* ISO 8601 as sent; "" where missing */
    const struct upload_tag *tags;
    size_t tag_count;
    const char *runtime_id; /* from the tags, "" where missing */
    const struct upload_profile *profiles;
    size_t profile_count;
};

/* Called for every POST to an input path, good or not, after the answer was decided: 200 for a good one at the agent's
 * path
 * (/profiling/v1/input), 202 at the intake's (/api/v2/profile); 400, 411, 413, 415, 431, 501 with {"error": ...} for a
 * rejected one, 0 where nobody was there to take an answer. Not called after intake_stop. */
typedef void (*intake_fn)(struct intake *intake, const struct upload *upload, void *data);

struct intake *intake_start(uv_loop_t *loop, const struct intake_options *options, intake_fn fn, void *data,
                            struct err *e);
const char *intake_url(const struct intake *intake);
unsigned intake_open_requests(const struct intake *intake);
void intake_stop(struct intake *intake, void (*closed)(void *data), void *data);

/* The pure part, for tests and fuzzing: checks event.json (object; `version` "4", `family`, `start`, `end` strings in
 * time order, `attachments`, where it is there, an array of different names, `tags_profiler`, where it is there, a text
 * of comma-separated key:value; that the attachments are among the parts is checked with the upload). Code ERR_INPUT,
 * *out is empty then. */
struct intake_event {
    char *start, *end, *family;
    char **attachments;
    size_t attachment_count;
    struct upload_tag *tags;
    size_t tag_count;
};
int intake_event_read(const char *text, size_t size, struct intake_event *out, struct err *e);
void intake_event_fini(struct intake_event *event);

#endif
