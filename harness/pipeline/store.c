/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/store.h"

#include "base/log.h"
#include "base/mem.h"
#include "pipeline/store_files.h"
#include "pipeline/store_internal.h"

#include <stdlib.h>
#include <string.h>

/* Senders and readers at once; as the intake. */
#define STORE_CONNECTIONS_MAX 256

uint64_t store_number_of(const struct store *store, const char *id)
{
    size_t size = strlen(store->prefix);
    if (strncmp(id, store->prefix, size) != 0 || id[size] != '-' || id[size + 1] < '1' || id[size + 1] > '9') {
        return 0;
    }
    return strtoull(id + size + 1, NULL, 10);
}

static void put_counts(struct json_out *out, void *data)
{
    const struct store *store = data;
    json_key(out, "store");
    json_object(out);
    json_put_uint(out, "uploads", store->index.count);
    json_put_uint(out, "bytes", store->index.bytes);
    json_put_uint(out, "dropped", store->index.dropped);
    json_object_end(out);
}

static void answer(struct store *store, struct http_request *request, const struct http_request_info *info)
{
    static const char *const endpoints[] = {STORE_LIST_PATH, STORE_DOWNLOAD_PREFIX, NULL};
    const struct route *route = route_find(info->path);
    if (route_is(info->path, STORE_LIST_PATH)) {
        store_list(store, request, info);
    } else if (store_is_download(info->path)) {
        store_download(store, request, info);
    } else if (route == NULL) {
        route_answer_unknown(request);
    } else if (strcmp(info->method, route->method) != 0) {
        route_answer_method(request, route->method);
    } else if (route->accepted == 0) {
        route_answer_info(request, endpoints, put_counts, store);
    } else {
        store_take(store, route, request, info);
    }
}

static void on_request(struct httpd *server, struct http_request *request, const struct http_request_info *info,
                       void *data)
{
    struct store *store = data;
    const struct route *route = route_find(info->path);
    (void)server;
    if (info->failed == NULL) {
        answer(store, request, info);
        return;
    }
    log_line(LOG_DEBUG, "store", "%s %.*s: %s", info->method, (int)strcspn(info->path, "?"), info->path, info->failed);
    /* Where the head broke off, the method is not known. */
    if (route != NULL && route->accepted != 0 &&
        (info->method[0] == '\0' || strcmp(info->method, route->method) == 0)) {
        store_take(store, route, request, info);
    }
}

static void store_free(struct store *store)
{
    mem_free_secret(store->api_key);
    mem_free_secret(store->application_key);
    free(store->directory);
    store_index_fini(&store->index);
    free(store);
}

struct store *store_start(uv_loop_t *loop, struct disk *disk, const struct store_options *options, store_fn fn,
                          void *data, struct err *e)
{
    struct timespec now;
    struct store *store = mem_calloc(1, sizeof *store);
    struct httpd_options http = {.listen = options->listen,
                                 .max_header = options->max_header,
                                 .max_body = options->max_body,
                                 .idle_timeout_ms = options->idle_timeout_ms,
                                 .max_connections = STORE_CONNECTIONS_MAX};
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(store->prefix, sizeof store->prefix, "%llx",
             (unsigned long long)now.tv_sec * 1000000000ULL + (unsigned long long)now.tv_nsec);
    store->loop = loop;
    store->disk = disk;
    store->directory = mem_strdup(options->directory);
    store->api_key = mem_strdup_null(options->api_key);
    store->application_key = mem_strdup_null(options->application_key);
    store->max_parts = options->max_parts;
    store->max_bytes = options->max_bytes;
    bool limited = options->max_uploads > 0 && options->max_uploads < STORE_UPLOADS_MAX;
    store->max_uploads = limited ? options->max_uploads : STORE_UPLOADS_MAX;
    store->passing = options->passing;
    store->fn = fn;
    store->data = data;
    store->server = httpd_start(loop, &http, on_request, store, e);
    if (store->server == NULL) {
        store_free(store);
        return NULL;
    }
    store->open = 1;
    if (options->passing) {
        store_files_clear(options->directory);
    }
    return store;
}

const char *store_url(const struct store *store)
{
    return httpd_url(store->server);
}

void store_release(struct store *store)
{
    if (--store->open > 0) {
        return;
    }
    void (*closed)(void *data) = store->closed;
    void *data = store->closed_data;
    store_free(store);
    closed(data);
}

static void on_server_closed(void *data)
{
    store_release(data);
}

void store_stop(struct store *store, void (*closed)(void *data), void *data)
{
    store->stopping = true;
    store->closed = closed;
    store->closed_data = data;
    httpd_stop(store->server, on_server_closed, store);
}
