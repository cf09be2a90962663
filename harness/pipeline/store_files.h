/* SPDX-License-Identifier: Apache-2.0 */
/* A store's uploads on the disk. Internal to the store. */
#ifndef LOCKTRAIL_PIPELINE_STORE_FILES_H
#define LOCKTRAIL_PIPELINE_STORE_FILES_H

#include "base/buf.h"
#include "io/disk.h"
#include "pipeline/store_index.h"

/* The name of a part in a download: of letters, digits, '.', '-' and '_' (others become '_'), not beginning with a dot,
 * at most this long, and different from those of the `count` parts before it. For the caller to free. Pure. */
#define STORE_NAME_MAX 100
char *store_file_name(const char *name, const struct store_part *parts, size_t count);

/* An upload lies in one file, its request's body as it came: new files cost more than bytes. For the caller to free. */
char *store_files_path(const char *directory, const struct store_item *item);

/* Reads the file and packs its parts into a zip on a thread of libuv's pool, then `fn` on the loop. *e is NULL, or has
 * code ERR_MISSING where the file is not there any more. `zip` is valid in the call. */
typedef void (*store_files_fn)(const struct buf *zip, const struct err *e, void *data);
void store_files_pack(uv_loop_t *loop, const char *directory, const struct store_item *item, store_files_fn fn,
                      void *data);

/* Removes every upload in a directory; one that is not there has none. Blocking. */
void store_files_clear(const char *directory);

/* Removes the file of an item (taken, freed), on such a thread; then `fn` with `zip` NULL. */
void store_files_remove(uv_loop_t *loop, const char *directory, struct store_item *item, store_files_fn fn, void *data);

#endif
