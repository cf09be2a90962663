/* SPDX-License-Identifier: Apache-2.0 */
/* The .json beside a copy that came in an upload: whose it is, when and how it came; secrets in headers redacted. Pure
 * but for the clock. */
#ifndef LOCKTRAIL_ENGINE_COPY_DESCRIPTION_H
#define LOCKTRAIL_ENGINE_COPY_DESCRIPTION_H

#include "base/json.h"
#include "pipeline/intake.h"
#include "trail/words.h"

struct copy_origin {
    enum stage stage;
    const char *instance;   /* "" where nobody knows */
    unsigned sequence;      /* 0: not known yet, and not told */
    const char *attachment; /* name of its part: "profile.pprof" */
    size_t size;
};

/* Begins the object with what is known when the upload comes (`received` is now; `status` only where it is decided).
 * The caller adds the rest (sha256, what became of it) and calls copy_description_end. */
struct json_out copy_description_begin(struct buf *text, const struct copy_origin *origin, const struct upload *upload);
void copy_description_end(struct json_out *out);

/* The whole description of an upload that was rejected. */
void copy_description_rejected(struct buf *text, const struct upload *upload);

#endif
