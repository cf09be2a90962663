/* SPDX-License-Identifier: Apache-2.0 */
/* Zip archives in memory, as downloads from a profile store are: files packed into one, and read back with bounds. The
 * only place that knows libzip. Any thread. */
#ifndef LOCKTRAIL_PIPELINE_ZIP_H
#define LOCKTRAIL_PIPELINE_ZIP_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>

/* Longest name of a file in an archive. Profiles' have 30 bytes. */
#define ZIP_NAME_MAX 255

/* A file to be packed. Borrowed. */
struct zip_part {
    const char *name;
    const void *bytes;
    size_t size;
};

/* Appends an archive of the parts to *out. They are not compressed: profiles are already. The same parts give the same
 * bytes. Errors (code ERR_INPUT): two parts of one name, an empty or too long one. *out is unchanged then. */
int zip_pack(const struct zip_part *parts, size_t count, struct buf *out, struct err *e);

struct zip_limits {
    size_t max_entries;
    size_t max_entry; /* bytes of one, decompressed */
    size_t max_total; /* of all */
};

/* The files of an archive, in its order; directories are passed over. */
struct zip_content {
    struct zip_content_file {
        char *name; /* as in the archive: may be a path, and is to be trusted with nothing */
        struct buf bytes;
    } * files;
    size_t count, capacity;
};

/* Reads all of it. Errors (code ERR_INPUT): not an archive or cut off, an entry that is encrypted, corrupt (CRC-32) or
 * of an unknown compression, a limit (said with its value; nothing above it is decompressed). *out is empty then. */
int zip_unpack(const void *bytes, size_t size, const struct zip_limits *limits, struct zip_content *out, struct err *e);
void zip_content_fini(struct zip_content *c);

#endif
