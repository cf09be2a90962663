/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/route.h"

#include <string.h>

/* An agent turns the intake's 202 into 200. */
static const struct route routes[] = {
    {"/info", "GET", 0},
    {"/profiling/v1/input", "POST", 200},
    {"/api/v2/profile", "POST", 202},
};

bool route_is(const char *path, const char *wanted)
{
    size_t size = strcspn(path, "?");
    return strlen(wanted) == size && memcmp(path, wanted, size) == 0;
}

const struct route *route_find(const char *path)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (route_is(path, routes[i].path)) {
            return &routes[i];
        }
    }
    return NULL;
}

void route_answer(struct http_request *request, int status, const char *error)
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

void route_answer_unknown(struct http_request *request)
{
    route_answer(request, 404, "there is nothing at this path, see /info");
}

void route_answer_method(struct http_request *request, const char *allowed)
{
    http_answer_header(request, "Allow", allowed);
    route_answer(request, 405, "the path does not take this method");
}

void route_answer_info(struct http_request *request, const char *const *endpoints,
                       void (*more)(struct json_out *out, void *data), void *data)
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
    for (; endpoints != NULL && *endpoints != NULL; endpoints++) {
        json_string(&out, *endpoints);
    }
    json_array_end(&out);
    if (more != NULL) {
        more(&out, data);
    }
    json_object_end(&out);
    http_answer(request, 200, "application/json", body.data, body.size);
    buf_fini(&body);
}
