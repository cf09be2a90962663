/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the directory that is read back: finding them, and whose they are. Internal to the read-back's directory. */
#ifndef LOCKTRAIL_PIPELINE_READBACK_FILES_H
#define LOCKTRAIL_PIPELINE_READBACK_FILES_H

#include "pipeline/readback_internal.h"

#define READBACK_FILES_MAX 100000

/* A file as it was seen. */
struct readback_file {
    char *name; /* "FILE" or "FOLDER/FILE" */
    uint64_t size;
    int64_t mtime_ns;
};
struct readback_files {
    struct readback_file *items;
    size_t count, capacity;
};
void readback_files_fini(struct readback_files *files);

/* Finds *.pprof and *.zip in the directory and one level below, sorted by name; names that begin with a dot are those
 * of files in the making. Blocks. Codes ERR_MISSING (no such directory), ERR_INPUT (can't be read, more than
 * READBACK_FILES_MAX). *out is empty then. */
int readback_files_find(const char *directory, struct readback_files *out, struct err *e);

/* Whose hashes are known. */
struct readback_owners {
    struct table hashes; /* of all, and "INSTANCE_NUMBER:HASH" */
    size_t *first;       /* instance, by the number of a plain hash */
    size_t first_capacity;
};
void readback_owners_fill(struct readback_owners *o, const struct readback_options *options);
void readback_owners_fini(struct readback_owners *o);

/* Whether the bytes of one of its profiles are known: they passed the last hop of this run. Pure. */
bool readback_owners_know(const struct readback_owners *o, const struct readback_upload *upload);

/* Whose an upload is: by content hash (where several have it, the one that its name says), else by the tag
 * locktrail_worker of an archive's event, else by the name INSTANCE.SEQ.pprof, else by the folder INSTANCE, else the
 * only instance that is wanted. Code ERR_INPUT: none of them; names the file. Pure. */
int readback_owner_of(const struct readback *r, const struct readback_owners *o, const char *name,
                      const struct readback_upload *upload, size_t *out, struct err *e);

#endif
