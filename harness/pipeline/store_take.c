/* SPDX-License-Identifier: Apache-2.0 */
/* Happy path: an upload is read → its body goes to the disk → it is there: into the index, the sender is told, the
 * owner is told, the oldest are dropped. Failure modes: it can't be read (4xx), the disk is too far behind (503), its
 * file can't be written (500). */
#include "base/log.h"
#include "base/mem.h"
#include "pipeline/intake_upload.h"
#include "pipeline/store_files.h"
#include "pipeline/store_internal.h"

#include <stdlib.h>
#include <string.h>

#define EVENT_FILE "event.json"
/* A boundary has at most 70 characters (RFC 2046, section 5.1.1), and two before it. */
#define BOUNDARY_LINE_MAX 72

/* An upload on its way to the disk. What it was read into points into `headers`, `path` and `body`. */
struct taking {
    struct store *store;
    struct http_request *request; /* NULL where nobody is to be answered */
    struct http_headers headers;
    char *path;
    struct buf body;
    struct intake_upload read;
    struct store_item *item;
};

static void taking_free(struct taking *t)
{
    intake_upload_fini(&t->read);
    http_headers_fini(&t->headers);
    if (t->store->stopping) {
        buf_fini(&t->body);
    } else {
        httpd_give_back(t->store->server, &t->body);
    }
    store_item_free(t->item);
    free(t->path);
    free(t);
}

/* Answers, tells the owner, and ends. */
static void finish(struct taking *t, int status, const char *id, const struct err *error)
{
    struct store *store = t->store;
    if (!store->stopping) {
        if (t->request != NULL) {
            route_answer(t->request, status, error != NULL ? error->text : NULL);
        }
        store->fn(store, &t->read.upload, id, error, store->data);
    }
    taking_free(t);
    store_release(store);
}

static void on_removed(const struct buf *zip, const struct err *e, void *data)
{
    struct store *store = data;
    (void)zip;
    if (e != NULL) {
        log_line(LOG_WARN, "store", "%s", e->text);
    }
    store_release(store);
}

static void remove_item(struct store *store, struct store_item *item)
{
    store->open++;
    store_files_remove(store->loop, store->directory, item, on_removed, store);
}

/* One that was fetched has passed. */
static void tell_dropped(struct store *store, const struct store_item *item)
{
    bool matters = !store->passing || !item->fetched;
    struct err e;
    err_set(&e, ERR_MISSING, "upload %s was dropped, the oldest of more than %llu bytes or %zu uploads", item->id,
            (unsigned long long)store->max_bytes, store->max_uploads);
    log_line(matters && !store->told_dropped ? LOG_WARN : LOG_DEBUG, "store", "%s", e.text);
    if (store->passing && matters && !store->told_dropped)
        store->fn(store, NULL, item->id, &e, store->data);
    store->told_dropped = store->told_dropped || matters;
}

static void drop_oldest(struct store *store)
{
    struct store_item *item;
    while ((item = store_index_drop(&store->index, store->max_bytes, store->max_uploads)) != NULL) {
        tell_dropped(store, item);
        remove_item(store, item);
    }
}

static void on_written(int status, const struct err *e, void *data)
{
    struct taking *t = data;
    struct store *store = t->store;
    char *id = mem_strdup(t->item->id);
    if (status != 0) {
        t->read.upload.status = 500;
        finish(t, 500, id, e);
    } else {
        store_index_add(&store->index, t->item);
        t->item = NULL;
        drop_oldest(store);
        finish(t, t->read.upload.status, id, NULL);
    }
    free(id);
}

/* How many of the tags are kept. */
static size_t count_tags(const struct store_item *item, const struct upload *upload)
{
    size_t bytes = 0, count = 0;
    while (count < upload->tag_count && count < STORE_TAGS_MAX) {
        bytes += strlen(upload->tags[count].key) + strlen(upload->tags[count].value);
        if (bytes > STORE_TAG_BYTES_MAX) {
            break;
        }
        count++;
    }
    if (count < upload->tag_count) {
        log_line(LOG_WARN, "store", "upload %s: only the first %zu of its %zu tags can be asked for", item->id, count,
                 upload->tag_count);
    }
    return count;
}

static struct store_item *make_item(struct store *store, const struct upload *upload)
{
    struct store_item *item = mem_calloc(1, sizeof *item);
    item->number = ++store->number;
    item->id = mem_printf("%s-%llu", store->prefix, (unsigned long long)item->number);
    item->profile_id = mem_printf("profile-%s", item->id);
    item->start = mem_strdup(upload->start);
    item->end = mem_strdup(upload->end);
    intake_time_read(upload->start, &item->at); /* was read before, else the upload is rejected */
    item->tags = store_index_tags(&store->index, upload->tags, count_tags(item, upload));
    return item;
}

static void add_part(struct store_item *item, const struct multipart_part *part)
{
    const char *name = part->filename != NULL ? part->filename : part->name;
    bool event = strcmp(part->name, "event") == 0 || strcmp(name, EVENT_FILE) == 0;
    item->parts = mem_grow(item->parts, item->part_count, &item->part_capacity, sizeof *item->parts);
    char *file = store_file_name(event ? EVENT_FILE : name, item->parts, item->part_count);
    item->parts[item->part_count++] =
        (struct store_part){.file = file, .offset = part->offset, .size = part->body.size};
}

static void write_upload(struct taking *t)
{
    size_t count;
    const struct multipart_part *parts = multipart_parts(t->read.multipart, &count);
    t->item = make_item(t->store, &t->read.upload);
    t->item->bytes = t->body.size;
    for (size_t i = 0; i < count; i++) {
        add_part(t->item, &parts[i]);
    }
    char *path = store_files_path(t->store->directory, t->item);
    disk_put_borrowed(t->store->disk, path, t->body.data, t->body.size, on_written, t);
    free(path);
}

void store_take(struct store *store, const struct route *route, struct http_request *request,
                const struct http_request_info *info)
{
    struct taking *t = mem_calloc(1, sizeof *t);
    struct http_request_info own = *info;
    struct err e;
    store->open++;
    t->store = store;
    t->request = info->failed == NULL ? request : NULL;
    t->path = mem_strdup(info->path);
    for (size_t i = 0; i < info->headers->count; i++) {
        http_headers_add(&t->headers, info->headers->items[i].name, info->headers->items[i].value);
    }
    t->body = *info->body;
    *info->body = (struct buf){0};
    own.path = t->path;
    own.headers = &t->headers;
    own.body = &t->body;
    if (info->failed != NULL) {
        intake_upload_failed(&own, &t->read);
    } else {
        intake_upload_read(&own, store->max_parts, route->accepted, &t->read);
    }
    if (t->read.upload.rejected != NULL) {
        err_set(&e, ERR_INPUT, "%s", t->read.upload.rejected);
        finish(t, t->read.upload.status, "", &e);
    } else if (disk_full(store->disk)) {
        t->read.upload.status = 503;
        err_set(&e, ERR_WRITE, "%zu bytes wait for the disk, no more are taken", disk_pending(store->disk));
        finish(t, 503, "", &e);
    } else {
        write_upload(t);
    }
}

/* --- again ------------------------------------------------------------------------------------------------------- */

/* "multipart/form-data; ..." with the boundary of the body's first line that can be one; NULL where there is none. The
 * caller's. */
static char *type_of(const struct buf *body)
{
    const char *at = body->size > 0 ? body->data : "", *end = at + body->size;
    while (end - at > 2 && memcmp(at, "--", 2) != 0) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline != NULL ? newline + 1 : end;
    }
    const char *close = end - at > 2 ? memchr(at, '\r', (size_t)(end - at)) : NULL;
    return close != NULL && close - at <= BOUNDARY_LINE_MAX
               ? mem_printf("multipart/form-data; boundary=\"%.*s\"", (int)(close - at - 2), at + 2)
               : NULL;
}

int store_read_body(struct buf *body, void (*fn)(const struct upload *upload, void *data), void *data, struct err *e)
{
    struct http_headers headers = {0};
    struct intake_upload read;
    char *type = type_of(body);
    if (type == NULL) {
        return err_set(e, ERR_INPUT, "it is no upload: no line has a boundary");
    }
    http_headers_add(&headers, "Content-Type", type);
    http_headers_add(&headers, "Content-Length", "");
    struct http_request_info info = {.method = "POST", .path = "", .headers = &headers, .body = body};
    intake_upload_read(&info, STORE_PARTS_MAX, 200, &read);
    int result = 0;
    if (read.upload.rejected != NULL) {
        result = err_set(e, ERR_INPUT, "it is no upload: %s", read.upload.rejected);
    } else {
        fn(&read.upload, data);
    }
    intake_upload_fini(&read);
    http_headers_fini(&headers);
    free(type);
    return result;
}
