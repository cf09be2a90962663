/* SPDX-License-Identifier: Apache-2.0 */
/* Standard output that nobody may read for a while: what a tap says must not hold up what it passes on. Internal to the
 * command tap. */
#ifndef LOCKTRAIL_COMMANDS_TAP_OUTPUT_H
#define LOCKTRAIL_COMMANDS_TAP_OUTPUT_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes that wait for the reader; what comes on top is left out and counted. */
#define TAP_OUTPUT_MAX ((size_t)1 << 20)
/* How long the rest waits for a reader at the end. */
#define TAP_OUTPUT_END_MS 5000

struct tap_output {
    struct buf pending;
    uint64_t left_out; /* texts */
    bool failed;       /* nobody reads any more: `error` */
    struct err error;
};

/* Takes a whole text, or none of it. */
void tap_output_add(struct tap_output *o, const struct buf *text);

/* Writes what the reader takes at once. */
void tap_output_flush(struct tap_output *o);

/* Writes the rest, or gives it up after TAP_OUTPUT_END_MS; frees. */
void tap_output_end(struct tap_output *o);

#endif
