/* SPDX-License-Identifier: Apache-2.0 */
/* Makes an ELF file with nothing but sections, for libdw to read. */
#ifndef LOCKPROF_RESOLVE_DEBUG_FILES_IMAGE_H
#define LOCKPROF_RESOLVE_DEBUG_FILES_IMAGE_H

#include "base/buf.h"

struct image_section {
    const char *name;
    const void *bytes;
    size_t size;
};

/* Appends the file to an empty `out`. Sections lie in it at multiples of 8. */
void image_write(struct buf *out, const struct image_section *sections, size_t count);

#endif
