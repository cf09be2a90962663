/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/screen_driver.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* The driver's own timeouts end a command; this one is for a driver that does not answer. */
#define DRIVER_GRACE_MS 5000

int screen_driver_init(struct screen_driver *d, uv_loop_t *loop, unsigned port, int64_t timeout_ms, struct err *e)
{
    *d = (struct screen_driver){.client = http_client_new(loop, e), .timeout_ms = timeout_ms};
    if (!d->client)
        return -1;
    d->url = mem_printf("http://127.0.0.1:%u", port);
    http_headers_add(&d->headers, "Content-Type", "application/json; charset=utf-8");
    return 0;
}

/* "session not created: Chrome failed to start", without the stack that follows. */
static int driver_says(const struct json *value, int status, struct err *e)
{
    const char *error = json_get_string(value, "error", NULL);
    const char *message = json_get_string(value, "message", "");
    if (!error)
        return err_set(e, ERR_INTERNAL, "the browser's driver answers with status %d", status);
    if (strncmp(message, error, strlen(error)) == 0) /* chromedriver says it twice */
        message += strlen(error) + strspn(message + strlen(error), ": ");
    int size = (int)strcspn(message, "\n");
    return err_set(e, ERR_INTERNAL, "the browser's driver says: %s%s%.*s", error, size > 0 ? ": " : "", size, message);
}

static int read_answer(const struct http_result *result, struct json **document, const struct json **value,
                       struct err *e)
{
    if (result->error) {
        *e = *result->error;
        return -1;
    }
    if (result->cut)
        return err_set(e, ERR_INTERNAL, "the browser's driver answers with more than %zu MiB", SCREEN_ANSWER_MAX >> 20);
    if (json_read(result->body->data ? result->body->data : "", result->body->size, document, e) < 0) {
        e->code = ERR_INTERNAL;
        return err_wrap(e, "the browser's driver answers with status %d and no JSON", result->status);
    }
    *value = json_get(*document, "value");
    if (result->status != 200 || json_get(*value, "error"))
        return driver_says(*value, result->status, e);
    if (!*value)
        return err_set(e, ERR_INTERNAL, "the browser's driver answers without a `value`");
    return 0;
}

static void on_answer(const struct http_result *result, void *data)
{
    struct screen_driver *d = data;
    struct json *document = NULL;
    const struct json *value = NULL;
    struct err e;
    bool good = read_answer(result, &document, &value, &e) == 0;
    buf_fini(&d->body);
    d->fn(good ? value : NULL, good ? NULL : &e, d->data);
    json_free(document);
}

void screen_driver_call(struct screen_driver *d, const char *method, const char *path, struct buf *body,
                        screen_driver_fn fn, void *data)
{
    char *url = d->session ? mem_printf("%s/session/%s%s", d->url, d->session, path) : mem_printf("%s%s", d->url, path);
    d->body = *body;
    *body = (struct buf){0};
    d->fn = fn;
    d->data = data;
    if (d->body.size == 0 && strcmp(method, "POST") == 0)
        buf_add_str(&d->body, "{}");
    struct http_call call = {.method = method,
                             .url = url,
                             .headers = d->body.size > 0 ? &d->headers : NULL,
                             .body = d->body.data,
                             .body_size = d->body.size,
                             .timeout_ms = d->timeout_ms + DRIVER_GRACE_MS,
                             .answer_max = SCREEN_ANSWER_MAX};
    http_client_send(d->client, &call, on_answer, d);
    free(url);
}

void screen_driver_close(struct screen_driver *d, void (*closed)(void *data), void *data)
{
    http_client_close(d->client, closed, data);
    d->client = NULL;
    http_headers_fini(&d->headers);
    free(d->url);
    free(d->session);
    d->url = d->session = NULL;
}
