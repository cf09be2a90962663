/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts a stream of bytes into lines. Pure. */
#ifndef LOCKTRAIL_IO_LINES_H
#define LOCKTRAIL_IO_LINES_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* `line` has no newline, is zero-terminated, and is valid during the call. It is NULL for a line
 * above `max` bytes: that is reported once, with its length so far, and the rest of it is skipped.
 */
typedef void (*lines_fn)(const char *line, size_t size, void *data);

struct lines {
    size_t max;       /* longest line in bytes; set by the owner, the rest begins as zero */
    struct buf begun; /* of the line whose end has not come; never above `max` bytes */
    bool skipping;    /* the rest of a line that was too long */
};

/* The next bytes, in pieces of any size. Writes into them: newlines become zeros. */
void lines_feed(struct lines *l, char *bytes, size_t size, lines_fn fn, void *data);

/* The stream has ended: hands over a last line without a newline. */
void lines_end(struct lines *l, lines_fn fn, void *data);

void lines_fini(struct lines *l);

#endif
