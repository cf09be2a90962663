/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/intake_upload.h"

#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define EVENT_PART "event"
#define EVENT_FILE "event.json"
#define PROVENANCE_PART "code-provenance.json"

static int reject(struct intake_upload *u, int status, const char *why)
{
    u->rejected = mem_strdup(why);
    u->upload.rejected = u->rejected;
    u->upload.status = status;
    return -1;
}

static int reject_err(struct intake_upload *u, int status, const struct err *e)
{
    return reject(u, status, e->text);
}

static const char *part_name(const struct multipart_part *part)
{
    return part->filename != NULL ? part->filename : part->name;
}

static bool is_called(const struct multipart_part *part, const char *name)
{
    return strcmp(part->name, name) == 0 || (part->filename != NULL && strcmp(part->filename, name) == 0);
}

static bool is_event(const struct multipart_part *part)
{
    return is_called(part, EVENT_PART) || is_called(part, EVENT_FILE);
}

/* What a body needs before it can be taken apart. */
static int check_headers(struct intake_upload *u, const struct http_headers *h)
{
    const char *encoding = http_headers_get(h, "Content-Encoding");
    if (http_headers_get(h, "Content-Length") == NULL && http_headers_get(h, "Transfer-Encoding") == NULL) {
        return reject(u, 411, "neither Content-Length nor Transfer-Encoding");
    }
    if (http_headers_get(h, "Content-Type") == NULL) {
        return reject(u, 415, "no Content-Type, expected multipart/form-data");
    }
    if (encoding != NULL && strcasecmp(encoding, "identity") != 0) {
        return reject(u, 415, "Content-Encoding is not identity, the body can't be taken apart");
    }
    return 0;
}

static int read_parts(struct intake_upload *u, const struct http_request_info *info, unsigned max_parts)
{
    struct err e;
    struct multipart_limits limits = {.max_parts = max_parts, .max_body = info->body->size, .whole = info->body->data};
    const char *type = http_headers_get(info->headers, "Content-Type");
    u->multipart = multipart_new(type, &limits, &e);
    if (u->multipart == NULL) {
        return reject_err(u, strncasecmp(type, "multipart/form-data", 19) == 0 ? 400 : 415, &e);
    }
    if (multipart_feed(u->multipart, info->body->data, info->body->size, &e) != 0 ||
        multipart_end(u->multipart, &e) != 0) {
        err_wrap(&e, "multipart body");
        return reject_err(u, 400, &e);
    }
    return 0;
}

/* Which of two parts of one name is meant, nobody could tell. */
static int check_names(struct intake_upload *u)
{
    size_t count;
    const struct multipart_part *parts = multipart_parts(u->multipart, &count);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(part_name(&parts[i]), part_name(&parts[k])) == 0) {
                struct err e;
                err_set(&e, ERR_INPUT, "part %zu has the name of part %zu, \"%s\"", i + 1, k + 1, part_name(&parts[i]));
                return reject_err(u, 400, &e);
            }
        }
    }
    return 0;
}

static int reject_without(struct intake_upload *u, const char *what)
{
    size_t count;
    const struct multipart_part *parts = multipart_parts(u->multipart, &count);
    struct buf why = {0};
    buf_printf(&why, "no %s among the parts (", what);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&why, "%s%s", i > 0 ? ", " : "", part_name(&parts[i]));
    }
    buf_add_str(&why, count > 0 ? ")" : "there are none)");
    reject(u, 400, why.data);
    buf_fini(&why);
    return -1;
}

static void find_runtime_id(struct intake_upload *u)
{
    for (size_t i = 0; i < u->event.tag_count; i++) {
        if (strcmp(u->event.tags[i].key, "runtime-id") == 0) {
            u->upload.runtime_id = u->event.tags[i].value;
            return;
        }
    }
}

static int read_event(struct intake_upload *u)
{
    size_t count;
    struct err e;
    const struct multipart_part *parts = multipart_parts(u->multipart, &count);
    const struct multipart_part *event = NULL;
    for (size_t i = 0; i < count && event == NULL; i++) {
        event = is_event(&parts[i]) ? &parts[i] : NULL;
    }
    if (event == NULL) {
        return reject_without(u, "part \"" EVENT_PART "\"");
    }
    u->upload.event = event->body.data != NULL ? event->body.data : "";
    u->upload.event_size = event->body.size;
    if (intake_event_read(u->upload.event, u->upload.event_size, &u->event, &e) != 0) {
        err_wrap(&e, EVENT_FILE);
        return reject_err(u, 400, &e);
    }
    u->upload.start = u->event.start;
    u->upload.end = u->event.end;
    u->upload.tags = u->event.tags;
    u->upload.tag_count = u->event.tag_count;
    find_runtime_id(u);
    return 0;
}

static bool is_attached(const struct intake_event *event, const struct multipart_part *part)
{
    for (size_t i = 0; i < event->attachment_count; i++) {
        if (is_called(part, event->attachments[i])) {
            return true;
        }
    }
    return event->attachments == NULL;
}

static int check_attachments(struct intake_upload *u)
{
    size_t count;
    const struct multipart_part *parts = multipart_parts(u->multipart, &count);
    for (size_t i = 0; i < u->event.attachment_count; i++) {
        bool found = false;
        for (size_t k = 0; k < count && !found; k++) {
            found = is_called(&parts[k], u->event.attachments[i]);
        }
        if (!found) {
            char *what =
                mem_printf("attachment \"%s\" (attachments[%zu] of " EVENT_FILE ")", u->event.attachments[i], i);
            reject_without(u, what);
            free(what);
            return -1;
        }
    }
    return 0;
}

static int find_profiles(struct intake_upload *u)
{
    size_t count, found = 0;
    const struct multipart_part *parts = multipart_parts(u->multipart, &count);
    u->profiles = mem_calloc(count + 1, sizeof *u->profiles);
    for (size_t i = 0; i < count; i++) {
        if (!is_event(&parts[i]) && !is_called(&parts[i], PROVENANCE_PART) && is_attached(&u->event, &parts[i])) {
            u->profiles[found++] =
                (struct upload_profile){.name = part_name(&parts[i]),
                                        .bytes = parts[i].body.data != NULL ? parts[i].body.data : "",
                                        .size = parts[i].body.size,
                                        .offset = (size_t)parts[i].offset};
        }
    }
    u->upload.profiles = u->profiles;
    u->upload.profile_count = found;
    return found > 0 ? 0 : reject_without(u, "profile");
}

static void begin(const struct http_request_info *info, struct intake_upload *out)
{
    *out = (struct intake_upload){.upload = {.headers = info->headers,
                                             .path = info->path,
                                             .body = info->body,
                                             .start = "",
                                             .end = "",
                                             .runtime_id = ""}};
}

void intake_upload_read(const struct http_request_info *info, unsigned max_parts, int accepted,
                        struct intake_upload *out)
{
    begin(info, out);
    if (check_headers(out, info->headers) == 0 && read_parts(out, info, max_parts) == 0 && check_names(out) == 0 &&
        read_event(out) == 0 && check_attachments(out) == 0 && find_profiles(out) == 0) {
        out->upload.status = accepted;
    }
}

void intake_upload_failed(const struct http_request_info *info, struct intake_upload *out)
{
    begin(info, out);
    reject(out, info->failed_status, info->failed);
}

void intake_upload_fini(struct intake_upload *u)
{
    intake_event_fini(&u->event);
    multipart_free(u->multipart);
    free(u->profiles);
    free(u->rejected);
}
