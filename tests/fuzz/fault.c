/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the profile of an upload, under a plan of two faults that the first bytes choose. Whatever comes, the
 * effect is one that a tap can carry out, and the same again. */
#include "pipeline/fault.h"

#include "base/mem.h"
#include "pipeline/intake_upload.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

#define CHOSEN 8 /* bytes that choose the plan */

static const char head[] = "--b\r\nContent-Disposition: form-data; name=\"event\"; filename=\"event.json\"\r\n\r\n"
                           "{\"attachments\":[\"p\"],\"start\":\"2026-11-25T16:23:31Z\",\"end\":"
                           "\"2026-11-25T16:23:32Z\",\"family\":\"python\",\"version\":\"4\"}\r\n"
                           "--b\r\nContent-Disposition: form-data; name=\"p\"; filename=\"p\"\r\n\r\n";
static const char tail[] = "\r\n--b--\r\n";

static void check(int good)
{
    if (!good) {
        abort();
    }
}

static struct scenario_fault choose(const unsigned char *bytes)
{
    static char to[] = "to", from[] = "_", lock[] = "m/lock";
    static char *locks[] = {lock};
    struct scenario_fault f = {.at = STAGE_UPLOAD,
                               .rate = bytes[1] / 255.0,
                               .length = bytes[2],
                               .rule = (enum rewrite_rule)(bytes[2] % 6),
                               .status = 503,
                               .delay_ms = 3,
                               .codec = (enum codec_word)(bytes[2] % 4)};
    f.has_mechanism = bytes[0] & 1;
    if (f.has_mechanism) {
        f.mechanism = (enum mechanism)(MECHANISM_LABEL_DROPPED + (bytes[0] >> 1) % 9);
    } else {
        f.change = (enum fault_change)(CHANGE_STATUS + (bytes[0] >> 1) % (CHANGE_COUNT - CHANGE_STATUS));
    }
    f.to = bytes[3] & 1 ? to : NULL;
    f.from = from;
    f.locks = bytes[3] & 2 ? locks : NULL;
    f.lock_count = bytes[3] & 2 ? 1 : 0;
    return f;
}

static void check_body(const struct buf *came, const struct fault_effect *effect)
{
    size_t front = sizeof head - 1, back = sizeof tail - 1;
    check(effect->body.size >= front + back && effect->what.size > 0);
    check(memcmp(effect->body.data, came->data, front) == 0);
    check(memcmp(effect->body.data + effect->body.size - back, tail, back) == 0);
}

static void apply(const struct fault_plan *plan, const struct upload *upload)
{
    struct fault_effect effect, again;
    fault_apply(plan, upload, "native.1.tee", &effect);
    fault_apply(plan, upload, "native.1.tee", &again);
    check(effect.deliveries == 1 || effect.deliveries == 2);
    check(effect.content_length == -1 || effect.content_length >= 0);
    check(effect.body.size == again.body.size &&
          (effect.body.size == 0 || memcmp(effect.body.data, again.body.data, again.body.size) == 0));
    if (effect.changed) {
        check_body(upload->body, &effect);
    }
    fault_effect_fini(&effect);
    fault_effect_fini(&again);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
    if (size < CHOSEN) {
        return 0;
    }
    struct scenario_fault faults[] = {choose(bytes), choose(bytes + CHOSEN / 2)};
    struct fault_plan *plan = fault_plan_new(faults, 2, STAGE_UPLOAD, bytes[0]);
    struct http_headers headers = {0};
    struct buf body = {0};
    buf_add(&body, head, sizeof head - 1);
    buf_add(&body, bytes + CHOSEN, size - CHOSEN);
    buf_add(&body, tail, sizeof tail - 1);
    http_headers_add(&headers, "Content-Type", "multipart/form-data; boundary=b");
    http_headers_add(&headers, "Content-Length", "1");
    struct http_request_info info = {
        .method = "POST", .path = "/profiling/v1/input", .headers = &headers, .body = &body};
    struct intake_upload upload;
    intake_upload_read(&info, 10, 200, &upload);
    apply(plan, &upload.upload);
    intake_upload_fini(&upload);
    http_headers_fini(&headers);
    buf_fini(&body);
    fault_plan_free(plan);
    return 0;
}
