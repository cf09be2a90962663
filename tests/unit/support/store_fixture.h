/* SPDX-License-Identifier: Apache-2.0 */
/* client_fixture.h with a store in the same loop, and uploads for it. */
#ifndef LOCKTRAIL_TEST_STORE_FIXTURE_H
#define LOCKTRAIL_TEST_STORE_FIXTURE_H

#include "client_fixture.h"

#include "base/json.h"
#include "pipeline/store.h"
#include "pipeline/zip.h"

#include <sys/stat.h>

#define STORE_TYPE "multipart/form-data; boundary=b"
#define LIST_PATH "/api/unstable/profiles/list"

struct store_fixture {
    struct client_fixture *client;
    struct disk *disk;
    struct store *store;
    struct store_options options;
    char directory[64]; /* of the store; removed with all that is in it */
    struct buf told;    /* "ID|RUNTIME_ID|ERROR\n" for each upload */
    size_t uploads;
};

static inline void on_stored(struct store *store, const struct upload *upload, const char *id, const struct err *error,
                             void *data)
{
    struct store_fixture *f = data;
    assert_ptr_equal(store, f->store);
    f->uploads++;
    if (upload == NULL) {
        buf_printf(&f->told, "%s\n", error->text);
        return;
    }
    buf_printf(&f->told, "%s|%s|%d %s\n", id, upload->runtime_id, upload->status, error != NULL ? error->text : "-");
}

static inline void store_open(struct store_fixture *f)
{
    struct err e = {0};
    f->store = store_start(&f->client->http.loop, f->disk, &f->options, on_stored, f, &e);
    assert_string_equal(e.text, "");
    assert_non_null(f->store);
}

static inline void on_store_closed(void *data)
{
    struct store_fixture *f = data;
    f->store = NULL;
}

static inline void store_close(struct store_fixture *f)
{
    if (f->store != NULL) {
        store_stop(f->store, on_store_closed, f);
        WAIT(&f->client->http, f->store == NULL);
    }
}

static inline void on_disk_closed(void *data)
{
    struct store_fixture *f = data;
    f->disk = NULL;
}

/* The store is not started yet. */
static inline int store_setup(void **state)
{
    void *client;
    struct store_fixture *f = mem_calloc(1, sizeof *f);
    client_setup(&client);
    f->client = client;
    f->disk = disk_new(&f->client->http.loop);
    strcpy(f->directory, "/tmp/locktrail-store-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    f->options = (struct store_options){.listen = "127.0.0.1:0",
                                        .max_body = 1 << 20,
                                        .max_header = 4096,
                                        .max_parts = 8,
                                        .idle_timeout_ms = 30000,
                                        .directory = f->directory};
    *state = f;
    return 0;
}

/* At most two levels deep, as a store leaves it. */
static inline void remove_tree(const char *path)
{
    DIR *d = opendir(path);
    assert_non_null(d);
    for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
        char *below = mem_printf("%s/%s", path, entry->d_name);
        struct stat info;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            assert_int_equal(lstat(below, &info), 0);
            if (S_ISDIR(info.st_mode)) {
                remove_tree(below);
            } else {
                assert_int_equal(unlink(below), 0);
            }
        }
        free(below);
    }
    closedir(d);
    assert_int_equal(rmdir(path), 0);
}

static inline int store_teardown(void **state)
{
    struct store_fixture *f = *state;
    void *client = f->client;
    store_close(f);
    disk_close(f->disk, on_disk_closed, f);
    WAIT(&f->client->http, f->disk == NULL);
    client_teardown(&client);
    remove_tree(f->directory);
    buf_fini(&f->told);
    free(f);
    return 0;
}

/* --- uploads ---------------------------------------------------------------------------------------------------- */

static inline void body_part(struct buf *body, const char *name, const void *bytes, size_t size)
{
    buf_printf(body, "--b\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"%s\"\r\n\r\n", name, name);
    buf_add(body, bytes, size);
    buf_add_str(body, "\r\n");
}

/* One upload as a client sends it: event, code-provenance.json, profile.pprof. `tags` is tags_profiler, `start` and
 * `end` are seconds of one minute. */
static inline struct buf make_upload(const char *tags, int start, int end, const void *profile, size_t size)
{
    struct buf body = {0}, event = {0};
    buf_printf(&event,
               "{\"attachments\":[\"code-provenance.json\",\"profile.pprof\"],\"tags_profiler\":\"%s\","
               "\"start\":\"2026-11-25T16:23:%02d.500Z\",\"end\":\"2026-11-25T16:23:%02d.500Z\","
               "\"family\":\"python\",\"version\":\"4\"}",
               tags, start, end);
    body_part(&body, "event", event.data, event.size);
    body_part(&body, "code-provenance.json", "{}", 2);
    body_part(&body, "profile.pprof", profile, size);
    buf_add_str(&body, "--b--\r\n");
    buf_fini(&event);
    return body;
}

/* What the client said last is in f->client. `type` may be NULL. */
static inline void store_call(struct store_fixture *f, const char *method, const char *path, const char *type,
                              const void *body, size_t size)
{
    struct http_headers h = {0};
    char *url = mem_printf("%s%s", store_url(f->store), path);
    if (type != NULL) {
        http_headers_add(&h, "Content-Type", type);
    }
    f->client->call = (struct http_call){
        .method = method, .url = url, .headers = &h, .body = body, .body_size = size, .timeout_ms = 30000};
    call_now(f->client);
    assert_null(f->client->error);
    http_headers_fini(&h);
    free(url);
}

static inline void store_upload(struct store_fixture *f, const char *tags, int start, const void *profile, size_t size)
{
    struct buf body = make_upload(tags, start, start + 1, profile, size);
    store_call(f, "POST", "/profiling/v1/input", STORE_TYPE, body.data, body.size);
    assert_int_equal(f->client->status, 200);
    buf_fini(&body);
}

/* The tree of the last answer, the caller's. */
static inline struct json *answer_tree(const struct store_fixture *f)
{
    struct json *j = NULL;
    struct err e = {0};
    assert_int_equal(json_read(f->client->body.data, f->client->body.size, &j, &e), 0);
    return j;
}

#endif
