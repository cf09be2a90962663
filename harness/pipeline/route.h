/* SPDX-License-Identifier: Apache-2.0 */
/* The paths at which uploads are taken, and the answers that everything which takes uploads gives alike: intake, tap,
 * store. Internal to the pipeline. */
#ifndef LOCKTRAIL_PIPELINE_ROUTE_H
#define LOCKTRAIL_PIPELINE_ROUTE_H

#include "base/json.h"
#include "io/httpd.h"

/* GET /info; POST /profiling/v1/input, the trace-agent's; POST /api/v2/profile, Datadog's own intake's. */
struct route {
    const char *path, *method;
    int accepted; /* the status of a good upload: 200 of an agent, 202 of the intake; 0 where nothing is uploaded */
};

/* The route of a request's path, whose query is passed over; NULL where it is none of them. */
const struct route *route_find(const char *path);

/* Whether the path, without its query, is this one. */
bool route_is(const char *path, const char *wanted);

/* {"error": ERROR}, or {} where `error` is NULL. */
void route_answer(struct http_request *request, int status, const char *error);

/* 404; 405, which says the method that is taken. */
void route_answer_unknown(struct http_request *request);
void route_answer_method(struct http_request *request, const char *allowed);

/* Answers GET /info: what clients look for before they send. `endpoints` (NULL-terminated, or NULL) are served beside
 * the uploads' paths, `more` (or NULL) adds members. */
void route_answer_info(struct http_request *request, const char *const *endpoints,
                       void (*more)(struct json_out *out, void *data), void *data);

#endif
