/* SPDX-License-Identifier: Apache-2.0 */
/* The opened modules of the images that were looked at last, with what names their locks: shared between capture files
 * whose maps are equal (forked children), and between the module lists of one file that only grew by dlopen. */
#ifndef LOCKPROF_EXPORT_IMAGES_H
#define LOCKPROF_EXPORT_IMAGES_H

#include "lockprof/export/tables.h"
#include "lockprof/resolve/names.h"

/* Sets of modules that are open at once. Each may hold tens of MiB of debug information; what an interval looks at
 * goes through them file by file, so that one would do but for programs that run side by side. */
#define IMAGES_MAX 4

struct image {
    struct modules *modules;
    struct namer *namer;
    uint32_t *mappings; /* by module: mapping + 1 of the tables, 0 not asked yet */
    char *key;          /* what makes maps equal */
    size_t key_size;
    uint64_t used; /* when, in look-ups */
};

struct images {
    struct image slots[IMAGES_MAX];
    uint64_t clock;
    const struct modules_options *options; /* borrowed */
};

void images_fini(struct images *images);

/* The image for maps of the file, opened where none is equal: the least used one is closed for it, so the result is
 * valid until the next call. NULL: the maps can't be used, *e says why. */
struct image *images_get(struct images *images, const struct capture_file *file, const struct capture_maps *maps,
                         struct err *e);

/* The newest maps of the file where nothing that `maps` lists has changed in them, else `maps` itself. */
const struct capture_maps *images_newest(const struct capture_file *file, const struct capture_maps *maps);

#endif
