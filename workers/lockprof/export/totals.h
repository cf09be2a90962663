/* SPDX-License-Identifier: Apache-2.0 */
/* Lock profiles read back: what each lock has in all of them together. */
#ifndef LOCKPROF_EXPORT_TOTALS_H
#define LOCKPROF_EXPORT_TOTALS_H

#include "base/err.h"
#include "lockprof/export/collect.h"
#include "lockprof/export/intern.h"

#include <stdint.h>

/* Largest profile after decompression, and largest file: as harness/profile. Read at once, it takes some times that. */
#define TOTALS_SIZE_MAX ((size_t)512 << 20)

struct total {
    char *label; /* "lock name" */
    int64_t values[VALUE_TYPES];
};

/* `{0}` is valid and empty. */
struct totals {
    struct total *items;
    size_t count, capacity;
    bool has[VALUE_TYPES]; /* the sample types of some file */
    struct intern index;
};

/* Adds a pprof file (plain, gzip, zstd or lz4). ERR_INPUT says what is wrong with it; *totals is unchanged then. */
int totals_add_file(struct totals *totals, const char *path, struct err *e);
void totals_fini(struct totals *totals);

#endif
