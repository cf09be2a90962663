/* SPDX-License-Identifier: Apache-2.0 */
/* ddapm-test-agent as a backend: it forwards no profile, and gives back the requests that it got (seen with 1.69.1). */
#include "pipeline/readback_test_agent.h"

#include "base/base64.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/hash.h"
#include "pipeline/intake_upload.h"
#include "pipeline/readback_internal.h"

#include <stdlib.h>
#include <string.h>

#define REQUESTS_PATH "/test/session/requests"
#define INPUT_PATH "/profiling/v1/input"
/* 200 uploads of nearly 1 MB in base64. */
#define REQUESTS_ANSWER_MAX ((size_t)256 << 20)
/* Parts of one upload; clients send three. */
#define UPLOAD_PARTS_MAX 64

/* --- its answer --- */

static bool is_upload(const struct json *request)
{
    const char *url = json_get_string(request, "url", "");
    const char *scheme = strstr(url, "://");
    const char *path = scheme != NULL ? strchr(scheme + 3, '/') : url;
    return strcmp(json_get_string(request, "method", ""), "POST") == 0 && path != NULL &&
           strncmp(path, INPUT_PATH, strlen(INPUT_PATH)) == 0 && strchr("?", path[strlen(INPUT_PATH)]) != NULL;
}

static void copy_headers(const struct json *headers, struct http_headers *out)
{
    for (size_t i = 0; headers != NULL && headers->type == JSON_OBJECT && i < headers->size; i++) {
        if (headers->items[i].type == JSON_STRING) {
            http_headers_add(out, headers->keys[i], headers->items[i].string);
        }
    }
}

static int read_request(const struct json *request, size_t index, readback_request_fn fn, void *data, struct err *e)
{
    const struct json *body = json_get(request, "body"), *headers = json_get(request, "headers");
    struct buf bytes = {0};
    struct http_headers kept = {0};
    struct intake_upload upload;
    if (request->type != JSON_OBJECT || json_get_string(request, "url", NULL) == NULL) {
        return err_set(e, ERR_INPUT, "[%zu] is no object with a text \"url\"", index);
    }
    if (!is_upload(request)) {
        return 0;
    }
    if (headers == NULL || headers->type != JSON_OBJECT) {
        return err_set(e, ERR_INPUT, "[%zu].headers is no object", index);
    }
    if (body == NULL || body->type != JSON_STRING || base64_read(body->string, body->size, &bytes) != 0) {
        buf_fini(&bytes);
        return err_set(e, ERR_INPUT, "[%zu].body is not base64", index);
    }
    copy_headers(headers, &kept);
    struct http_request_info info = {.method = "POST", .path = INPUT_PATH, .headers = &kept, .body = &bytes};
    intake_upload_read(&info, UPLOAD_PARTS_MAX, 200, &upload);
    int result = fn(&upload.upload, data, e);
    intake_upload_fini(&upload);
    http_headers_fini(&kept);
    buf_fini(&bytes);
    return result;
}

int readback_requests_read(const char *text, size_t size, readback_request_fn fn, void *data, struct err *e)
{
    struct json *root = NULL;
    if (json_read(text, size, &root, e) != 0) {
        return -1;
    }
    int result = root->type == JSON_ARRAY ? 0 : err_set(e, ERR_INPUT, "it is no list");
    for (size_t i = 0; result == 0 && i < root->size; i++) {
        result = read_request(&root->items[i], i, fn, data, e);
    }
    json_free(root);
    return result;
}

/* --- passes --- */

struct test_agent {
    char *what;
    struct table met;  /* bodies of this pass, by hash; a body that was met again is a doubled upload */
    size_t *met_times; /* by number in `met` */
    size_t met_capacity;
    bool told; /* of one that can't be read */
};

static const char *find_tag(const struct upload *upload, const char *key)
{
    for (size_t i = 0; i < upload->tag_count; i++) {
        if (strcmp(upload->tags[i].key, key) == 0) {
            return upload->tags[i].value;
        }
    }
    return "";
}

/* "HASH.2" for the second that has these bytes. */
static char *make_id(struct test_agent *t, const struct buf *body)
{
    char hash[HASH_TEXT_SIZE];
    hash_text(body->data, body->size, hash);
    size_t before = t->met.count, number = table_put_text(&t->met, hash);
    t->met_times = mem_grow(t->met_times, number, &t->met_capacity, sizeof *t->met_times);
    t->met_times[number] = t->met.count > before ? 1 : t->met_times[number] + 1;
    return mem_printf("%.16s.%zu", hash, t->met_times[number]);
}

static void make_upload(const struct upload *from, struct readback_upload *out)
{
    *out = (struct readback_upload){
        .start = mem_strdup(from->start), .end = mem_strdup(from->end), .runtime_id = mem_strdup(from->runtime_id)};
    out->profiles = mem_calloc(from->profile_count + 1, sizeof *out->profiles);
    out->profile_count = from->profile_count;
    for (size_t i = 0; i < from->profile_count; i++) {
        out->profiles[i] = (struct readback_profile){
            .name = from->profiles[i].name, .bytes = from->profiles[i].bytes, .size = from->profiles[i].size};
    }
}

static int on_upload(const struct upload *upload, void *data, struct err *e)
{
    struct readback *r = data;
    struct test_agent *t = r->state;
    struct readback_upload own;
    int result = 0;
    if (upload->rejected != NULL && !t->told) {
        t->told = true;
        log_line(LOG_WARN, "readback", "the test agent has an upload that can't be read: %s", upload->rejected);
    }
    const char *worker = find_tag(upload, "locktrail_worker"), *run = find_tag(upload, "locktrail_run");
    if (upload->rejected != NULL || (r->run_id != NULL && strcmp(run, r->run_id) != 0)) {
        return 0;
    }
    char *id = make_id(t, upload->body);
    make_upload(upload, &own);
    for (size_t i = 0; i < r->instance_count && result == 0 && !readback_ended(r); i++) {
        if (strcmp(r->instances[i].worker, worker) == 0) {
            result = readback_deliver(r, i, id, &own, e);
        }
    }
    readback_upload_fini(&own);
    free(id);
    return result;
}

static void on_requests(const struct http_result *result, void *data)
{
    struct readback *r = data;
    struct test_agent *t = r->state;
    struct err e;
    int64_t wait_ms = 0;
    if (readback_ended(r)) {
        return;
    }
    enum readback_verdict verdict = readback_judge(r, t->what, result, &wait_ms, &e);
    if (verdict == READBACK_GOOD) {
        table_fini(&t->met);
        if (readback_requests_read(result->body->data != NULL ? result->body->data : "", result->body->size, on_upload,
                                   r, &e) != 0) {
            struct err why = e;
            err_set(&e, ERR_INPUT,
                    "%s: the answer has not the form that is known, expected " READBACK_REQUESTS_FORM ": %s", t->what,
                    why.text);
            readback_add_excerpt(r, result->body, &e);
            verdict = READBACK_FINAL;
        }
    }
    for (size_t i = 0; i < r->instance_count && verdict == READBACK_GOOD; i++) {
        r->instances[i].asked = true;
    }
    readback_passed(r, &(struct readback_pass){.error = verdict != READBACK_GOOD ? &e : NULL,
                                               .final = verdict == READBACK_FINAL || verdict == READBACK_ABSENT,
                                               .wait_ms = wait_ms});
}

static void test_agent_pass(struct readback *r)
{
    struct test_agent *t = r->state;
    free(t->what);
    t->what = readback_send(r, "GET", REQUESTS_PATH, NULL, REQUESTS_ANSWER_MAX, on_requests, r);
}

static void test_agent_open(struct readback *r, const struct readback_options *options)
{
    (void)options;
    r->state = mem_calloc(1, sizeof(struct test_agent));
}

static void test_agent_free(struct readback *r)
{
    struct test_agent *t = r->state;
    table_fini(&t->met);
    free(t->met_times);
    free(t->what);
    free(t);
}

const struct readback_source readback_test_agent = {
    .open = test_agent_open, .pass = test_agent_pass, .free = test_agent_free};
