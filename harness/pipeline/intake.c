/* SPDX-License-Identifier: Apache-2.0 */
/* Happy path: GET /info → 200; POST of an upload → read, answered (200 as an agent, 202 as the intake itself), handed
 * over. Failure modes: another path 404, another method 405; an upload that can't be read is answered 4xx and handed
 * over with the reason; so is one that broke off. ddtrace looks at no status of an upload, so that nothing of this
 * changes what it does. */
#include "pipeline/intake.h"

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "pipeline/intake_upload.h"

#include <stdlib.h>
#include <string.h>

/* As many workers as one coordinator is asked to run at once, each with one connection. */
#define INTAKE_CONNECTIONS_MAX 256

struct intake {
    struct httpd *server;
    unsigned max_parts;
    intake_fn fn;
    void *data;
    void (*closed)(void *data);
    void *closed_data;
};

static void answer_json(struct http_request *request, int status, const char *error)
{
    struct buf body = {0};
    struct json_out out = json_begin(&body, 0);
    json_object(&out);
    if (error != NULL) {
        json_put_string(&out, "error", error);
    }
    json_object_end(&out);
    http_answer(request, status, "application/json", body.data, body.size);
    buf_fini(&body);
}

struct route {
    const char *path, *method;
    int accepted; /* the status of a good upload; 0 where nothing is uploaded */
};

/* The trace-agent's path, and the path of Datadog's own intake, each with the status that it gives to a good upload (an
 * agent turns the intake's 202 into 200). */
static const struct route routes[] = {
    {"/info", "GET", 0},
    {"/profiling/v1/input", "POST", 200},
    {"/api/v2/profile", "POST", 202},
};

/* What clients look for before they send. Only what is really served is named. */
static void answer_info(struct http_request *request)
{
    struct buf body = {0};
    struct json_out out = json_begin(&body, 0);
    json_object(&out);
    json_put_string(&out, "version", "7.0.0-locktrail");
    json_key(&out, "endpoints");
    json_array(&out);
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        json_string(&out, routes[i].path);
    }
    json_array_end(&out);
    json_object_end(&out);
    http_answer(request, 200, "application/json", body.data, body.size);
    buf_fini(&body);
}

static const struct route *find_route(const char *path)
{
    size_t size = strcspn(path, "?");
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (strlen(routes[i].path) == size && memcmp(path, routes[i].path, size) == 0) {
            return &routes[i];
        }
    }
    return NULL;
}

static void take_upload(struct intake *intake, const struct route *route, struct http_request *request,
                        const struct http_request_info *info)
{
    struct intake_upload u;
    if (info->failed != NULL) {
        intake_upload_failed(info, &u);
    } else {
        intake_upload_read(info, intake->max_parts, route->accepted, &u);
        answer_json(request, u.upload.status, u.upload.rejected);
    }
    intake->fn(intake, &u.upload, intake->data);
    intake_upload_fini(&u);
}

static void on_request(struct httpd *server, struct http_request *request, const struct http_request_info *info,
                       void *data)
{
    struct intake *intake = data;
    const struct route *route = find_route(info->path);
    (void)server;
    if (info->failed != NULL) {
        log_line(LOG_DEBUG, "intake", "%s %s: %s", info->method, info->path, info->failed);
        /* Where the head broke off, the method is not known; nobody sends there anything but uploads. */
        if (route != NULL && route->accepted != 0 &&
            (info->method[0] == '\0' || strcmp(info->method, route->method) == 0)) {
            take_upload(intake, route, request, info);
        }
    } else if (route == NULL) {
        log_line(LOG_DEBUG, "intake", "%s %s: 404", info->method, info->path);
        answer_json(request, 404, "there is nothing at this path, see /info");
    } else if (strcmp(info->method, route->method) != 0) {
        http_answer_header(request, "Allow", route->method);
        answer_json(request, 405, "the path does not take this method");
    } else if (route->accepted == 0) {
        answer_info(request);
    } else {
        take_upload(intake, route, request, info);
    }
}

struct intake *intake_start(uv_loop_t *loop, const struct intake_options *options, intake_fn fn, void *data,
                            struct err *e)
{
    struct intake *intake = mem_calloc(1, sizeof *intake);
    struct httpd_options http = {.listen = options->listen,
                                 .max_header = options->max_header,
                                 .max_body = options->max_body,
                                 .idle_timeout_ms = options->idle_timeout_ms,
                                 .max_connections = INTAKE_CONNECTIONS_MAX};
    intake->max_parts = options->max_parts;
    intake->fn = fn;
    intake->data = data;
    intake->server = httpd_start(loop, &http, on_request, intake, e);
    if (intake->server == NULL) {
        free(intake);
        return NULL;
    }
    return intake;
}

const char *intake_url(const struct intake *intake)
{
    return httpd_url(intake->server);
}

unsigned intake_open_requests(const struct intake *intake)
{
    return httpd_open_requests(intake->server);
}

static void on_closed(void *data)
{
    struct intake *intake = data;
    intake->closed(intake->closed_data);
    free(intake);
}

void intake_stop(struct intake *intake, void (*closed)(void *data), void *data)
{
    intake->closed = closed;
    intake->closed_data = data;
    httpd_stop(intake->server, on_closed, intake);
}
