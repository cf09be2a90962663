/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/soak_serve.h"

#include "base/mem.h"
#include "io/httpd.h"

#include <stdlib.h>
#include <string.h>

/* A scraper's head has some hundred bytes, and no body. */
#define HEADER_MAX 16384
#define BODY_MAX 65536
/* Prometheus scrapes each minute and keeps its connection. */
#define IDLE_TIMEOUT_MS 120000
/* Some scrapers and a browser. */
#define CONNECTIONS_MAX 16
#define PATH "/metrics"

struct soak_serve {
    struct httpd *server;
    char *url;
    soak_metrics_fn write;
    void *data;
    void (*closed)(void *data);
    void *closed_data;
};

static void answer_text(struct http_request *request, int status, const char *text)
{
    http_answer(request, status, "text/plain; charset=utf-8", text, strlen(text));
}

static bool is_metrics(const char *path)
{
    size_t size = strlen(PATH);
    return strncmp(path, PATH, size) == 0 && (path[size] == '\0' || path[size] == '?');
}

static bool wants_open(const struct http_headers *headers)
{
    const char *accept = http_headers_get(headers, "Accept");
    return accept && strcasestr(accept, "application/openmetrics-text");
}

static void on_request(struct httpd *server, struct http_request *request, const struct http_request_info *info,
                       void *data)
{
    struct soak_serve *s = data;
    struct buf text = {0};
    (void)server;
    if (info->failed)
        return;
    if (!is_metrics(info->path)) {
        answer_text(request, 404, "there is only " PATH "\n");
    } else if (strcmp(info->method, "GET") != 0) {
        http_answer_header(request, "Allow", "GET");
        answer_text(request, 405, "there is only GET\n");
    } else {
        bool open = wants_open(info->headers);
        s->write(open, &text, s->data);
        http_answer(request, 200, open ? SOAK_METRICS_OPEN : SOAK_METRICS_TEXT, text.data, text.size);
        buf_fini(&text);
    }
}

struct soak_serve *soak_serve_start(uv_loop_t *loop, const char *address, soak_metrics_fn write, void *data,
                                    struct err *e)
{
    struct httpd_options options = {.listen = address,
                                    .max_header = HEADER_MAX,
                                    .max_body = BODY_MAX,
                                    .idle_timeout_ms = IDLE_TIMEOUT_MS,
                                    .max_connections = CONNECTIONS_MAX};
    struct soak_serve *s = mem_calloc(1, sizeof *s);
    s->write = write;
    s->data = data;
    s->server = httpd_start(loop, &options, on_request, s, e);
    if (!s->server) {
        free(s);
        return NULL;
    }
    s->url = mem_printf("%s" PATH, httpd_url(s->server));
    return s;
}

const char *soak_serve_url(const struct soak_serve *s)
{
    return s->url;
}

static void on_closed(void *data)
{
    struct soak_serve *s = data;
    void (*closed)(void *data) = s->closed;
    void *closed_data = s->closed_data;
    free(s->url);
    free(s);
    closed(closed_data);
}

void soak_serve_stop(struct soak_serve *s, void (*closed)(void *data), void *data)
{
    s->closed = closed;
    s->closed_data = data;
    httpd_stop(s->server, on_closed, s);
}
