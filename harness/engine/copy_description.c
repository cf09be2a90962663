/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/copy_description.h"

#include "engine/journal.h"

#include <stdlib.h>
#include <strings.h>

/* Headers whose values are secrets. */
static bool is_secret(const char *header)
{
    static const char *const secrets[] = {"dd-api-key",    "dd-application-key",  "x-api-key",
                                          "authorization", "proxy-authorization", "cookie"};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        if (strcasecmp(header, secrets[i]) == 0)
            return true;
    return false;
}

static void put_headers(struct json_out *out, const struct http_headers *headers)
{
    json_key(out, "headers");
    json_array(out);
    for (size_t i = 0; i < headers->count; i++) {
        json_array(out);
        json_string(out, headers->items[i].name);
        json_string(out, is_secret(headers->items[i].name) ? "[redacted]" : headers->items[i].value);
        json_array_end(out);
    }
    json_array_end(out);
}

static void put_event(struct json_out *out, const struct upload *upload)
{
    json_key(out, "event");
    if (upload->event)
        json_string_n(out, upload->event, upload->event_size);
    else
        json_null(out);
}

static void put_path(struct json_out *out, const struct upload *upload)
{
    char *path = http_path_shown(upload->path);
    json_put_string(out, "path", path);
    free(path);
}

static void put_received(struct json_out *out)
{
    char now[JOURNAL_TIME_SIZE];
    journal_time(now);
    json_put_string(out, "received", now);
}

struct json_out copy_description_begin(struct buf *text, const struct copy_origin *origin, const struct upload *upload)
{
    struct json_out out = json_begin(text, 2);
    json_object(&out);
    json_put_string(&out, "stage", stage_name(origin->stage));
    json_put_string(&out, "instance", origin->instance);
    if (origin->sequence != 0)
        json_put_uint(&out, "sequence", origin->sequence);
    json_put_string(&out, "attachment", origin->attachment);
    json_put_uint(&out, "size", origin->size);
    put_received(&out);
    json_put_string(&out, "start", upload->start);
    json_put_string(&out, "end", upload->end);
    json_put_string(&out, "runtime_id", upload->runtime_id);
    put_path(&out, upload);
    if (upload->status != 0)
        json_put_int(&out, "status", upload->status);
    if (upload->headers)
        put_headers(&out, upload->headers);
    put_event(&out, upload);
    return out;
}

void copy_description_end(struct json_out *out)
{
    json_object_end(out);
    buf_add_char(out->buf, '\n');
}

void copy_description_rejected(struct buf *text, const struct upload *upload)
{
    struct json_out out = json_begin(text, 2);
    json_object(&out);
    json_put_string(&out, "reason", upload->rejected);
    json_put_int(&out, "status", upload->status);
    put_path(&out, upload);
    put_received(&out);
    put_headers(&out, upload->headers);
    put_event(&out, upload);
    copy_description_end(&out);
}
