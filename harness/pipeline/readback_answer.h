/* SPDX-License-Identifier: Apache-2.0 */
/* What a backend answers, taken apart: lists of uploads, and the archives in which one comes. Internal to the
 * read-back. Pure; fuzzed. */
#ifndef LOCKTRAIL_PIPELINE_READBACK_ANSWER_H
#define LOCKTRAIL_PIPELINE_READBACK_ANSWER_H

#include "pipeline/readback.h"
#include "pipeline/zip.h"

/* Longest id; those seen have 64 bytes. */
#define READBACK_ID_MAX 256
/* Largest profile and archive that are read back: what an intake's default takes in one upload, and some of these. */
#define READBACK_FILE_MAX ((size_t)64 << 20)
#define READBACK_ARCHIVE_MAX ((size_t)256 << 20)
/* Files in one archive: one of ours has three, clients of other languages send ten. */
#define READBACK_ENTRIES_MAX 64

/* One element of a list's `data`. */
struct readback_item {
    char *event_id, *profile_id;
    char *start, *end, *runtime_id; /* "" where the list does not say */
    bool has_time;
    int64_t time_ms; /* its timestamp, since 1970; what lists are sorted by */
};
struct readback_items {
    struct readback_item *items;
    size_t count;
};

/* Reads a list. Errors (code ERR_INPUT) say at which member what was expected; *out is empty then. */
#define READBACK_LIST_FORM "{\"data\": [{\"id\": ..., \"attributes\": {\"id\": ...}}]}"
int readback_items_read(const char *text, size_t size, struct readback_items *out, struct err *e);
void readback_items_fini(struct readback_items *items);

/* One upload. `profiles` are borrowed from `files`, or from the bytes that it was made of. */
struct readback_upload {
    struct zip_content files;
    struct readback_profile *profiles;
    size_t profile_count;
    char *start, *end, *runtime_id, *worker; /* of event.json, the last from its tag `locktrail_worker`; "" unknown */
};

/* From the archive of a download. A profile in it is what the event attaches, what is called *.pprof, or what reads as
 * a profile; never event.json and code-provenance.json. Names are those behind the last '/'. An event.json that can't
 * be read tells nothing. Errors as zip_unpack, and an archive without a profile; *out is empty then. */
int readback_upload_read(const void *archive, size_t size, struct readback_upload *out, struct err *e);
void readback_upload_fini(struct readback_upload *u);

/* Appends the beginning of an answer as a person may see it: one line, printable, with every one of the NULL-terminated
 * `secrets` replaced. */
#define READBACK_EXCERPT_MAX 120
void readback_excerpt(const void *bytes, size_t size, const char *const *secrets, struct buf *out);

/* Appends `text` with all but letters, digits and -._~ percent-encoded (RFC 3986 section 2.3). */
void readback_url_encode(struct buf *out, const char *text);

#endif
