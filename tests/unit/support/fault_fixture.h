/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of faults: an upload in its body as a profiler sends it, and profiles with many samples. */
#ifndef LOCKTRAIL_TESTS_FAULT_FIXTURE_H
#define LOCKTRAIL_TESTS_FAULT_FIXTURE_H

#include "edit_fixture.h"
#include "pipeline/fault.h"
#include "pipeline/intake_upload.h"

#define FAULT_EVENT                                                                                                    \
    "--b-1\r\nContent-Disposition: form-data; name=\"event\"; filename=\"event.json\"\r\n"                             \
    "Content-Type: application/json\r\n\r\n"                                                                           \
    "{\"attachments\":[\"profile.pprof\"],\"tags_profiler\":\"runtime-id:r-1\","                                       \
    "\"start\":\"2026-11-25T16:23:31.7Z\",\"end\":\"2026-11-25T16:23:32.4Z\",\"family\":\"python\","                   \
    "\"version\":\"4\"}\r\n"                                                                                           \
    "--b-1 \r\ncontent-disposition:form-data;name=code-provenance.json\r\n\r\nnot\r\n--b-2 looked at\r\n"
#define FAULT_PROFILE                                                                                                  \
    "--b-1\r\nContent-Disposition: form-data; name=\"profile.pprof\"; filename=\"profile.pprof\"\r\n\r\n"
#define FAULT_END "\r\n--b-1--\r\nepilogue"

struct fault_fixture {
    struct http_headers headers;
    struct buf body;
    struct intake_upload read;
};

/* `profile` is copied. */
static inline void fault_fixture_begin(struct fault_fixture *f, const void *profile, size_t size)
{
    *f = (struct fault_fixture){0};
    http_headers_add(&f->headers, "Host", "127.0.0.1:8126");
    http_headers_add(&f->headers, "User-Agent", "DDProf/1");
    http_headers_add(&f->headers, "DD-API-KEY", "k");
    http_headers_add(&f->headers, "Connection", "keep-alive");
    http_headers_add(&f->headers, "Content-Type", "multipart/form-data; boundary=b-1");
    http_headers_add(&f->headers, "Content-Length", "1");
    buf_add_str(&f->body, FAULT_EVENT FAULT_PROFILE);
    buf_add(&f->body, profile, size);
    buf_add_str(&f->body, FAULT_END);
    struct http_request_info info = {
        .method = "POST", .path = "/profiling/v1/input", .headers = &f->headers, .body = &f->body};
    intake_upload_read(&info, 10, 200, &f->read);
}

static inline void fault_fixture_end(struct fault_fixture *f)
{
    intake_upload_fini(&f->read);
    http_headers_fini(&f->headers);
    buf_fini(&f->body);
}

/* 100 samples each of m.py:1:alpha, m.py:2:beta_lock, m.py:3:_S__gamma and m.c:4:s->alpha; 10 without a label. */
static inline void fault_build_many(enum profile_encoding encoding, struct buf *out)
{
    static const char *const labels[] = {"m.py:1:alpha", "m.py:2:beta_lock", "m.py:3:_S__gamma", "m.c:4:s->alpha"};
    struct pprof_build *b = pprof_build_new();
    pprof_build_lock_types(b);
    for (int i = 0; i < 410; i++) {
        pprof_build_lock(b, i < 400 ? labels[i % 4] : NULL, 1, i, 0, 0);
    }
    pprof_build_bytes(b, encoding, out);
    pprof_build_free(b);
}

static inline struct scenario_fault fault_of(enum mechanism mechanism)
{
    return (struct scenario_fault){.at = STAGE_UPLOAD, .has_mechanism = true, .mechanism = mechanism, .rate = 1};
}

static inline struct scenario_fault fault_change_of(enum fault_change change)
{
    return (struct scenario_fault){.at = STAGE_UPLOAD, .change = change, .rate = 1};
}

#endif
