/* SPDX-License-Identifier: Apache-2.0 */
/* What ddapm-test-agent answers at GET /test/session/requests: [{"headers": {...}, "body": BASE64, "url": ...,
 * "method": ...}], of all that it was sent, the last 200 or so. Internal to the read-back. Pure; fuzzed. */
#ifndef LOCKTRAIL_PIPELINE_READBACK_TEST_AGENT_H
#define LOCKTRAIL_PIPELINE_READBACK_TEST_AGENT_H

#include "pipeline/intake.h"

/* Calls `fn` for each POST to /profiling/v1/input, good or not, in order; -1 from it ends the reading with its error.
 * `upload->body` is the request's. Errors (code ERR_INPUT): another form, told as what was expected where. */
#define READBACK_REQUESTS_FORM "[{\"method\": ..., \"url\": ..., \"headers\": {...}, \"body\": BASE64}]"
typedef int (*readback_request_fn)(const struct upload *upload, void *data, struct err *e);
int readback_requests_read(const char *text, size_t size, readback_request_fn fn, void *data, struct err *e);

#endif
