/* SPDX-License-Identifier: Apache-2.0 */
/* Copies made readable for google/pprof, which knows gzip and nothing else, on a thread of libuv's pool; and the
 * removal of what the stage `ui` left. Internal to that stage. */
#ifndef LOCKTRAIL_ENGINE_SCREEN_FILES_H
#define LOCKTRAIL_ENGINE_SCREEN_FILES_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

/* Everything in it is its own. */
struct screen_files {
    char **files; /* decompressed, in the order of the copies */
    size_t count;
    char **left_out; /* "copies/backend/x.2.pprof: corrupt zstd data ..." */
    size_t left_out_count;
    char *sample_index; /* the type of which acquires are shown; NULL: pprof's default */
};

/* Once, from the loop. *e is NULL, or why nothing at all could be prepared (ERR_WRITE). The result is taken over. */
typedef void (*screen_files_fn)(struct screen_files *files, const struct err *e, void *data);

/* Writes `directory`/1.pprof and so on. What is no pprof profile or can't be read is left out. Paths are copied. */
void screen_files_make(uv_loop_t *loop, const char *directory, const char *const *copies, size_t count,
                       screen_files_fn fn, void *data);
void screen_files_fini(struct screen_files *files);

/* Removes two directories (NULL: none) with all that is in them, without following links. What can't be removed stays.
 */
void screen_files_remove(uv_loop_t *loop, const char *first, const char *second, void (*fn)(void *data), void *data);

/* Of the sample types of several files ("lock-acquire/count"): the one that counts acquires in each, or NULL. A type is
 * the same whether it is written with dashes or with underscores. The caller's to free. */
struct screen_types {
    const char *const *types;
    size_t count;
};
char *screen_sample_index(const struct screen_types *files, size_t count);

#endif
