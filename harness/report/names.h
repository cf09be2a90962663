/* SPDX-License-Identifier: Apache-2.0 */
/* What `locktrail inspect` says of one file: what it is, and the lock names in it. */
#ifndef LOCKTRAIL_REPORT_NAMES_H
#define LOCKTRAIL_REPORT_NAMES_H

#include "base/buf.h"
#include "profile/profile.h"

#include <stdbool.h>
#include <stddef.h>

#define INSPECT_SCHEMA "locktrail/inspect/1"

enum names_order { NAMES_BY_ACQUIRES, NAMES_BY_WAIT, NAMES_BY_SAMPLES, NAMES_BY_NAME, NAMES_ORDER_COUNT };

/* "acquires", "wait", "samples", "name"; false, and *out untouched, for others. */
const char *names_order_name(enum names_order order);
bool names_order_parse(const char *text, enum names_order *out);

/* One file. `profile` is NULL where it can't be read; then `error` says why. All borrowed. */
struct names_file {
    const char *path;
    size_t size; /* bytes */
    const struct profile *profile;
    const char *error;
};

/* Appends the table, TEXT_WIDTH columns wide; a file that can't be read gets its first line and the reason. */
void report_names(const struct names_file *file, enum names_order order, struct buf *out);

/* Appends one JSON document with all files, and a newline. */
void report_names_json(const struct names_file *files, size_t count, enum names_order order, struct buf *out);

#endif
