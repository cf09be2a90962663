/* SPDX-License-Identifier: Apache-2.0 */
/* The list and download API of a profile store, as Datadog's profile pages use it (docs/formats.md, "The store"). */
#include "base/mem.h"
#include "pipeline/store_files.h"
#include "pipeline/store_internal.h"

#include <stdlib.h>
#include <string.h>

/* --- keys --- */

/* Answers and gives false where the key is wanted and is not there or another one. Neither is ever part of a text. */
static bool check_key(struct http_request *request, const struct http_headers *headers, const char *name,
                      const char *wanted)
{
    const char *found = http_headers_get(headers, name);
    if (wanted == NULL || (found != NULL && strcmp(found, wanted) == 0)) {
        return true;
    }
    char *why = mem_printf("%s %s", name, found == NULL ? "is missing" : "is not the key of this store");
    route_answer(request, found == NULL ? 401 : 403, why);
    free(why);
    return false;
}

static bool check_keys(const struct store *store, struct http_request *request, const struct http_headers *headers)
{
    return check_key(request, headers, "DD-API-KEY", store->api_key) &&
           check_key(request, headers, "DD-APPLICATION-KEY", store->application_key);
}

/* --- list --- */

static void put_item(struct json_out *j, const struct store_item *item)
{
    json_object(j);
    json_put_string(j, "id", item->id);
    json_put_string(j, "type", "profile");
    json_key(j, "attributes");
    json_object(j);
    json_put_string(j, "id", item->profile_id);
    json_put_string(j, "service", store_item_tag(item, "service"));
    json_put_string(j, "timestamp", item->start);
    json_put_string(j, "start", item->start);
    json_put_string(j, "end", item->end);
    json_key(j, "tags");
    json_array(j);
    for (size_t i = 0; i < item->tags->count; i++) {
        char *tag = mem_printf("%s:%s", item->tags->items[i].key, item->tags->items[i].value);
        json_string(j, tag);
        free(tag);
    }
    json_array_end(j);
    json_object_end(j);
    json_object_end(j);
}

static void answer_list(struct store *store, struct http_request *request, const struct store_query *query)
{
    size_t count, matched;
    struct buf body = {0};
    const struct store_item **items = store_index_select(&store->index, query, &count, &matched);
    struct json_out j = json_begin(&body, 0);
    json_object(&j);
    json_key(&j, "data");
    json_array(&j);
    for (size_t i = 0; i < count; i++) {
        put_item(&j, items[i]);
    }
    json_array_end(&j);
    json_key(&j, "meta");
    json_object(&j);
    json_put_uint(&j, "matched", matched);
    json_object_end(&j);
    json_object_end(&j);
    http_answer(request, 200, "application/json", body.data, body.size);
    buf_fini(&body);
    free(items);
}

void store_list(struct store *store, struct http_request *request, const struct http_request_info *info)
{
    struct store_query query;
    struct err e;
    if (strcmp(info->method, "POST") != 0) {
        route_answer_method(request, "POST");
    } else if (!check_keys(store, request, info->headers)) {
        return;
    } else if (info->body->size > STORE_REQUEST_MAX) {
        err_set(&e, ERR_INPUT, "the request has %zu bytes, more than the %zu allowed", info->body->size,
                STORE_REQUEST_MAX);
        route_answer(request, 413, e.text);
    } else if (store_query_read(info->body->data != NULL ? info->body->data : "", info->body->size, &query, &e) != 0) {
        route_answer(request, 400, e.text);
    } else {
        answer_list(store, request, &query);
        store_query_fini(&query);
    }
}

/* --- download --- */

bool store_is_download(const char *path)
{
    size_t size = strcspn(path, "?"), prefix = strlen(STORE_DOWNLOAD_PREFIX), suffix = strlen(STORE_DOWNLOAD_SUFFIX);
    return size > prefix + suffix && memcmp(path, STORE_DOWNLOAD_PREFIX, prefix) == 0 &&
           memcmp(path + size - suffix, STORE_DOWNLOAD_SUFFIX, suffix) == 0;
}

/* The store's own ids need no percent encoding, so what has one is no id of its. */
static char *copy_profile_id(const char *path)
{
    const char *from = path + strlen(STORE_DOWNLOAD_PREFIX);
    return mem_strndup(from, strcspn(path, "?") - strlen(STORE_DOWNLOAD_PREFIX) - strlen(STORE_DOWNLOAD_SUFFIX));
}

/* NULL where the query has none. */
static char *copy_event_id(const char *path)
{
    static const char name[] = "eventId=";
    const char *at = path + strcspn(path, "?");
    while (*at != '\0') {
        at++;
        size_t size = strcspn(at, "&");
        if (strncmp(at, name, sizeof name - 1) == 0) {
            return mem_strndup(at + sizeof name - 1, size - (sizeof name - 1));
        }
        at += size;
    }
    return NULL;
}

struct downloading {
    struct store *store;
    struct http_request *request;
};

static void on_packed(const struct buf *zip, const struct err *e, void *data)
{
    struct downloading *d = data;
    struct store *store = d->store;
    if (!store->stopping && e != NULL) {
        route_answer(d->request, e->code == ERR_MISSING ? 404 : 500, e->text);
    } else if (!store->stopping) {
        http_answer(d->request, 200, "application/zip", zip->data, zip->size);
    }
    free(d);
    store_release(store);
}

static void begin_download(struct store *store, struct http_request *request, const struct store_item *item)
{
    struct downloading *d = mem_calloc(1, sizeof *d);
    *d = (struct downloading){.store = store, .request = request};
    store->open++;
    store_files_pack(store->loop, store->directory, item, on_packed, d);
}

void store_download(struct store *store, struct http_request *request, const struct http_request_info *info)
{
    if (strcmp(info->method, "GET") != 0) {
        route_answer_method(request, "GET");
        return;
    }
    if (!check_keys(store, request, info->headers)) {
        return;
    }
    char *profile_id = copy_profile_id(info->path);
    char *event_id = copy_event_id(info->path);
    struct store_item *item =
        event_id != NULL ? store_index_find(&store->index, store_number_of(store, event_id), event_id) : NULL;
    if (event_id == NULL) {
        route_answer(request, 400, "expected ?eventId=EVENT_ID, the `id` of an element of the list's `data`");
    } else if (item == NULL || strcmp(item->profile_id, profile_id) != 0) {
        route_answer(request, 404, "there is no such profile");
    } else {
        item->fetched = true;
        begin_download(store, request, item);
    }
    free(profile_id);
    free(event_id);
}
