/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the copies that a soak keeps: found again, and the one that only takes room away. */
#ifndef LOCKTRAIL_ENGINE_SOAK_KEEP_FILES_H
#define LOCKTRAIL_ENGINE_SOAK_KEEP_FILES_H

#include "base/err.h"
#include "trail/words.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why a copy is kept: `kept` in its .json. */
#define KEPT_LOSS "loss"
#define KEPT_SAMPLE "sample"

/* A profile with its description. */
struct kept_file {
    enum stage stage;
    const char *instance;
    unsigned sequence;
    uint64_t bytes; /* of both files */
    bool loss;      /* also where nobody can say: losses are not thrown away */
};

/* Calls `fn` for each copy below DIRECTORY/copies. Other files there, which a kill in the middle of a write leaves, are
 * removed. Blocking. ERR_INPUT. */
int keep_files_list(const char *directory, void (*fn)(const struct kept_file *file, void *data), void *data,
                    struct err *e);

/* Makes DIRECTORY/filler so large; 0: it goes. Its room is taken from the disk where the file system can promise that.
 * Blocking, but fast: nothing is written. ERR_WRITE. */
int keep_files_fill(const char *directory, uint64_t bytes, struct err *e);

#endif
