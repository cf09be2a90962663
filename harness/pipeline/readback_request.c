/* SPDX-License-Identifier: Apache-2.0 */
/* One request of the read-back, and what its answer means. */
#include "pipeline/readback_internal.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void readback_add_excerpt(const struct readback *r, const struct buf *body, struct err *e)
{
    const char *secrets[3] = {0};
    size_t count = 0;
    struct buf text = {0};
    if (r->api_key != NULL) {
        secrets[count++] = r->api_key;
    }
    if (r->application_key != NULL) {
        secrets[count] = r->application_key;
    }
    struct err whole = *e;
    buf_add_str(&text, "");
    readback_excerpt(body->data, body->size, secrets, &text);
    if (text.size > 0) {
        err_set(e, whole.code, "%s; the answer begins with '%s'", whole.text, text.data);
    } else {
        err_set(e, whole.code, "%s; the answer is empty", whole.text);
    }
    buf_fini(&text);
}

/* Which keys are meant, as far as it can be told: the one that is not set, or the one that the answer speaks of. */
static const char *which_keys(const struct readback *r, const struct buf *body)
{
    if (r->api_key == NULL) {
        return r->application_key == NULL ? "DD_API_KEY and DD_APP_KEY are not set" : "DD_API_KEY is not set";
    }
    if (r->application_key == NULL) {
        return "DD_APP_KEY is not set";
    }
    if (body->size > 0 && strcasestr(body->data, "application") != NULL) {
        return "the key in DD_APP_KEY is not accepted";
    }
    if (body->size > 0 && (strcasestr(body->data, "api key") != NULL || strcasestr(body->data, "api-key") != NULL)) {
        return "the key in DD_API_KEY is not accepted";
    }
    return "the keys in DD_API_KEY and DD_APP_KEY are not accepted by this site";
}

/* Seconds until the limit is lifted, as Datadog says it. 0 where it does not, or says what can't be. */
static int64_t read_reset(const struct http_result *result)
{
    const char *text = http_headers_get(result->headers, "X-RateLimit-Reset");
    char *end;
    if (text == NULL || text[0] < '0' || text[0] > '9') {
        return 0;
    }
    long long seconds = strtoll(text, &end, 10);
    return *end == '\0' && seconds > 0 && seconds <= 86400 ? seconds * 1000 : 0;
}

static bool may_pass(int status)
{
    return status == 408 || status == 425 || status == 429 || status >= 500;
}

enum readback_verdict readback_judge(const struct readback *r, const char *what, const struct http_result *result,
                                     int64_t *wait_ms, struct err *e)
{
    if (result->error != NULL) {
        *e = *result->error;
        return e->code == ERR_INPUT || e->code == ERR_INTERNAL ? READBACK_FINAL : READBACK_LATER;
    }
    if (result->status == 200 && result->cut) {
        err_set(e, ERR_INPUT, "%s: the answer has more than the %zu bytes allowed", what, result->body->size);
        return READBACK_FINAL;
    }
    if (result->status == 200) {
        return READBACK_GOOD;
    }
    if (result->status == 401 || result->status == 403) {
        err_set(e, ERR_USAGE, "%s: answered %d, %s", what, result->status, which_keys(r, result->body));
        readback_add_excerpt(r, result->body, e);
        return READBACK_FINAL;
    }
    err_set(e, ERR_MISSING, "%s: answered %d, expected 200", what, result->status);
    if (result->status == 429) {
        err_set(e, ERR_MISSING, "%s: answered 429, too many requests", what);
        *wait_ms = read_reset(result);
    } else {
        readback_add_excerpt(r, result->body, e);
    }
    if (may_pass(result->status)) {
        return READBACK_LATER;
    }
    return result->status == 404 ? READBACK_ABSENT : READBACK_FINAL;
}

char *readback_send(struct readback *r, const char *method, const char *path, const struct buf *body, size_t answer_max,
                    http_client_fn fn, void *data)
{
    struct http_headers headers = {0};
    char *url = mem_printf("%s%s", r->url, path);
    if (r->api_key != NULL) {
        http_headers_add(&headers, "DD-API-KEY", r->api_key);
    }
    if (r->application_key != NULL) {
        http_headers_add(&headers, "DD-APPLICATION-KEY", r->application_key);
    }
    if (body != NULL) {
        http_headers_add(&headers, "Content-Type", "application/json");
    }
    http_client_send(r->client,
                     &(struct http_call){.method = method,
                                         .url = url,
                                         .unix_socket = r->unix_socket,
                                         .headers = &headers,
                                         .body = body != NULL ? body->data : NULL,
                                         .body_size = body != NULL ? body->size : 0,
                                         .timeout_ms = r->timeout_ms,
                                         .answer_max = answer_max},
                     fn, data);
    http_headers_fini(&headers);
    char *what = mem_printf("%s %.*s", method, (int)strcspn(url, "?"), url);
    free(url);
    return what;
}
