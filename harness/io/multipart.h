/* SPDX-License-Identifier: Apache-2.0 */
/* A streaming reader of multipart/form-data bodies (RFC 7578, RFC 2046 section 5.1). Pure: no loop, no I/O; fuzzed. */
#ifndef LOCKTRAIL_IO_MULTIPART_H
#define LOCKTRAIL_IO_MULTIPART_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

struct multipart;

/* Longest boundary (RFC 2046: 70 characters), and the largest head of one part: names and types have 300 bytes. */
#define MULTIPART_BOUNDARY_MAX 70
#define MULTIPART_HEAD_MAX 8192

struct multipart_part {
    char *name;         /* form field: "event", "profile.pprof" */
    char *filename;     /* NULL where the part has none */
    char *content_type; /* NULL where the part has none */
    struct buf body;
    uint64_t offset; /* of the body's first byte in what was fed */
};

struct multipart_limits {
    unsigned max_parts;
    size_t max_body; /* bytes of all parts together */
    /* The whole body, of which everything that is fed is a piece, and which outlives the parts: their bodies point into
     * it, without a zero behind. NULL: they are copied. */
    const char *whole;
};

/* `content_type` is the request's header. Errors: not multipart/form-data, no boundary, boundary too long or of wrong
 * characters. Code ERR_INPUT. */
struct multipart *multipart_new(const char *content_type, const struct multipart_limits *limits, struct err *e);

/* Feeds the next bytes, in pieces of any size. Errors name the offset in the body and what was expected; after one,
 * every later call fails with the same. */
int multipart_feed(struct multipart *m, const void *bytes, size_t size, struct err *e);

/* The body has ended: an error if its closing boundary has not come. */
int multipart_end(struct multipart *m, struct err *e);

/* Parts that are complete so far; borrowed. */
const struct multipart_part *multipart_parts(const struct multipart *m, size_t *count);

void multipart_free(struct multipart *m);

#endif
