/* SPDX-License-Identifier: Apache-2.0 */
/* A browser's driver as HTTP client: commands and answers of W3C WebDriver. Internal to the stage `ui`. */
#ifndef LOCKTRAIL_ENGINE_SCREEN_DRIVER_H
#define LOCKTRAIL_ENGINE_SCREEN_DRIVER_H

#include "base/json.h"
#include "io/http_client.h"

/* Largest answer: a picture of SCREEN_SIZE_MAX pixels to each side has some MiB, the names of the largest profile that
 * is read have 100 MB. */
#define SCREEN_ANSWER_MAX ((size_t)128 << 20)

struct screen_driver {
    struct http_client *client;
    char *url;          /* of the driver: "http://127.0.0.1:9515" */
    char *session;      /* its id; NULL: none is open */
    int64_t timeout_ms; /* for one command */
    struct buf body;    /* of the command under way */
    struct http_headers headers;
    void (*fn)(const struct json *value, const struct err *e, void *data);
    void *data;
};

/* `value` is the answer's, NULL with *e: no answer, no JSON, or what the driver itself says is wrong. Borrowed. */
typedef void (*screen_driver_fn)(const struct json *value, const struct err *e, void *data);

/* `port` is one of 127.0.0.1. */
int screen_driver_init(struct screen_driver *d, uv_loop_t *loop, unsigned port, int64_t timeout_ms, struct err *e);

/* One at a time. `path` is behind the session ("/url"), or behind the driver's address where there is none
 * ("/session"). `body` is taken (empty afterwards; JSON); an empty one is sent as none with GET and DELETE, else as {}.
 * `fn` never comes from within. */
void screen_driver_call(struct screen_driver *d, const char *method, const char *path, struct buf *body,
                        screen_driver_fn fn, void *data);

/* What is under way ends with ERR_INTERRUPTED; then `closed`, and everything is freed. */
void screen_driver_close(struct screen_driver *d, void (*closed)(void *data), void *data);

#endif
