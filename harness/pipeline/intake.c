/* SPDX-License-Identifier: Apache-2.0 */
/* Happy path: GET /info → 200; POST of an upload → read, answered (200 as an agent, 202 as the intake itself), handed
 * over. Failure modes: another path 404, another method 405; an upload that can't be read is answered 4xx and handed
 * over with the reason; so is one that broke off. ddtrace looks at no status of an upload, so that nothing of this
 * changes what it does. */
#include "pipeline/intake.h"

#include "base/log.h"
#include "base/mem.h"
#include "pipeline/intake_upload.h"
#include "pipeline/route.h"

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

static void take_upload(struct intake *intake, const struct route *route, struct http_request *request,
                        const struct http_request_info *info)
{
    struct intake_upload u;
    if (info->failed != NULL) {
        intake_upload_failed(info, &u);
    } else {
        intake_upload_read(info, intake->max_parts, route->accepted, &u);
        route_answer(request, u.upload.status, u.upload.rejected);
    }
    intake->fn(intake, &u.upload, intake->data);
    intake_upload_fini(&u);
}

static void on_request(struct httpd *server, struct http_request *request, const struct http_request_info *info,
                       void *data)
{
    struct intake *intake = data;
    const struct route *route = route_find(info->path);
    (void)server;
    if (info->failed != NULL) {
        log_line(LOG_DEBUG, "intake", "%s %.*s: %s", info->method, (int)strcspn(info->path, "?"), info->path,
                 info->failed);
        /* Where the head broke off, the method is not known; nobody sends there anything but uploads. */
        if (route != NULL && route->accepted != 0 &&
            (info->method[0] == '\0' || strcmp(info->method, route->method) == 0)) {
            take_upload(intake, route, request, info);
        }
    } else if (route == NULL) {
        log_line(LOG_DEBUG, "intake", "%s %.*s: 404", info->method, (int)strcspn(info->path, "?"), info->path);
        route_answer_unknown(request);
    } else if (strcmp(info->method, route->method) != 0) {
        route_answer_method(request, route->method);
    } else if (route->accepted == 0) {
        route_answer_info(request, NULL, NULL, NULL);
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
