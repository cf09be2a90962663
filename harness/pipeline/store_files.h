/* SPDX-License-Identifier: Apache-2.0 */
/* A store's uploads on the disk. Internal to the store. */
#ifndef LOCKTRAIL_PIPELINE_STORE_FILES_H
#define LOCKTRAIL_PIPELINE_STORE_FILES_H

#include "base/buf.h"
#include "io/disk.h"
#include "pipeline/store_index.h"

/* The name under which a part lies in its upload's directory: of letters, digits, '.', '-' and '_' (others become '_'),
 * not beginning with a dot, at most this long, and different from those of the `count` parts before it. For the caller
 * to free. Pure. */
#define STORE_NAME_MAX 100
char *store_file_name(const char *name, const struct store_part *parts, size_t count);

/* Describes an upload as DIRECTORY/ID.json has it. Pure. */
void store_files_describe(const struct store_item *item, const struct upload *upload, struct buf *out);

/* Reads all parts and packs them into a zip on a thread of libuv's pool, then `fn` on the loop. *e is NULL, or has code
 * ERR_MISSING where a part is not there any more. `zip` is valid in the call. */
typedef void (*store_files_fn)(const struct buf *zip, const struct err *e, void *data);
void store_files_pack(uv_loop_t *loop, const char *directory, const struct store_item *item, store_files_fn fn,
                      void *data);

/* Removes the files of an item (taken, freed), on such a thread; then `fn` with `zip` NULL. */
void store_files_remove(uv_loop_t *loop, const char *directory, struct store_item *item, store_files_fn fn, void *data);

#endif
