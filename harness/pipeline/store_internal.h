/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the store among one another: its server, taking uploads, list and download. */
#ifndef LOCKTRAIL_PIPELINE_STORE_INTERNAL_H
#define LOCKTRAIL_PIPELINE_STORE_INTERNAL_H

#include "pipeline/route.h"
#include "pipeline/store.h"
#include "pipeline/store_index.h"

/* Text of a request for a list: ours has half a KiB. */
#define STORE_REQUEST_MAX ((size_t)64 << 10)

/* Parts of an upload that is read again: more than any store takes. */
#define STORE_PARTS_MAX 1024

struct store {
    uv_loop_t *loop;
    struct disk *disk; /* borrowed */
    struct httpd *server;
    char *directory, *api_key, *application_key;
    unsigned max_parts;
    uint64_t max_bytes;
    size_t max_uploads;
    store_fn fn;
    void *data;
    struct store_index index;
    char prefix[32]; /* of this store's event ids: when it was started, so that another one in the directory has others
                      */
    uint64_t number; /* of the last upload */
    bool passing;
    bool told_dropped; /* a warning came already */
    unsigned open;     /* uploads that are being written and works on a thread, and the server */
    bool stopping;
    void (*closed)(void *data);
    void *closed_data;
};

/* What was open is over; frees the store with the last. */
void store_release(struct store *store);

/* Takes a request at an upload's path; answers it, later or now. */
void store_take(struct store *store, const struct route *route, struct http_request *request,
                const struct http_request_info *info);

/* The list and download API. Answers, later or now. */
#define STORE_LIST_PATH "/api/unstable/profiles/list"
#define STORE_DOWNLOAD_PREFIX "/api/ui/profiling/profiles/"
#define STORE_DOWNLOAD_SUFFIX "/download"
void store_list(struct store *store, struct http_request *request, const struct http_request_info *info);
void store_download(struct store *store, struct http_request *request, const struct http_request_info *info);
/* Whether it is the path of a download. */
bool store_is_download(const char *path);

/* Number of an event id of this store; 0 where it is none. */
uint64_t store_number_of(const struct store *store, const char *id);

#endif
