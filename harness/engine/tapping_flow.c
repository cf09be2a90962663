/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/tapping_flow.h"

#include "base/mem.h"
#include "engine/copy_description.h"
#include "engine/journal.h"
#include "engine/orders.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct flow *flow_new(void *owner, uint64_t number)
{
    struct flow *flow = mem_calloc(1, sizeof *flow);
    flow->owner = owner;
    flow->number = number;
    return flow;
}

static void free_part(struct flow_part *part)
{
    free(part->name);
    free(part->unreadable);
    profile_free(part->profile);
    tapping_judged_fini(&part->judged);
    buf_fini(&part->bytes);
    buf_fini(&part->meta);
}

void flow_free(struct flow *flow)
{
    for (size_t i = 0; i < flow->part_count; i++)
        free_part(&flow->parts[i]);
    free(flow->parts);
    free(flow->rejected);
    free(flow->runtime_id);
    free(flow->service);
    free(flow->instance);
    free(flow->start);
    free(flow->end);
    free(flow->method);
    free(flow->path);
    free(flow->error);
    free(flow);
}

/* --- what is known ---------------------------------------------------------------------------------------------- */

static void keep(char **text, const char *value)
{
    free(*text);
    *text = value ? mem_strdup(value) : NULL;
}

static const char *tag(const struct upload *upload, const char *key)
{
    for (size_t i = 0; i < upload->tag_count; i++)
        if (strcmp(upload->tags[i].key, key) == 0)
            return upload->tags[i].value;
    return NULL;
}

void flow_take_upload(struct flow *flow, const struct upload *upload)
{
    flow->told = true;
    keep(&flow->rejected, upload->rejected);
    keep(&flow->runtime_id, upload->runtime_id);
    keep(&flow->service, tag(upload, "service"));
    keep(&flow->instance, tag(upload, TAG_WORKER));
    keep(&flow->start, upload->start);
    keep(&flow->end, upload->end);
    flow->part_count = upload->profile_count;
    flow->parts = mem_calloc(upload->profile_count, sizeof *flow->parts);
    for (size_t i = 0; i < upload->profile_count; i++) {
        flow->parts[i].flow = flow;
        flow->parts[i].name = mem_strdup(upload->profiles[i].name);
        flow->parts[i].size = upload->profiles[i].size;
    }
}

void flow_take_exchange(struct flow *flow, const struct tap_exchange *x)
{
    uint64_t end = x->answered_ns ? x->answered_ns : x->complete_ns;
    flow->done = true;
    keep(&flow->method, x->method);
    free(flow->path);
    flow->path = http_path_shown(x->path);
    keep(&flow->error, x->error);
    flow->size = x->body_size;
    flow->answer_size = x->answer_size;
    flow->next_status = x->next_status;
    flow->status = x->status;
    flow->ms = end > x->received_ns ? (double)(end - x->received_ns) / 1e6 : 0;
}

void flow_take_bytes(struct flow *flow, size_t index, const struct upload *upload)
{
    struct flow_part *part = &flow->parts[index];
    struct copy_origin origin = {.stage = STAGE_UPLOAD,
                                 .instance = flow->instance ? flow->instance : "",
                                 .sequence = (unsigned)flow->number,
                                 .attachment = part->name,
                                 .size = part->size};
    buf_add(&part->bytes, upload->profiles[index].bytes, part->size);
    part->meta_out = copy_description_begin(&part->meta, &origin, upload);
}

static const char *bytes_of(const struct flow_part *part)
{
    return part->bytes.data ? part->bytes.data : "";
}

void flow_hash(struct flow_part *part)
{
    hash_text(bytes_of(part), part->bytes.size, part->hash);
}

void flow_read(struct flow_part *part)
{
    struct err e;
    if (part->hash[0] == '\0')
        flow_hash(part);
    if (profile_read(bytes_of(part), part->bytes.size, &profile_limits_default, &part->profile, &e) < 0)
        part->unreadable = mem_strdup(e.text);
}

/* --- what is said ----------------------------------------------------------------------------------------------- */

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

void flow_end_description(struct flow_part *part, struct buf *out)
{
    const struct flow *flow = part->flow;
    struct json_out *j = &part->meta_out;
    json_put_int(j, "answered", flow->status);
    json_put_int(j, "next_status", flow->next_status);
    json_put_string(j, "error", flow->error);
    json_put_double(j, "ms", flow->ms);
    json_put_string(j, "sha256", part->hash);
    copy_description_end(j);
    *out = part->meta;
    part->meta = (struct buf){0};
}

static void copy_path(const struct flow_part *part, char out[FLOW_COPY_SIZE])
{
    out[0] = '\0';
    if (part->copy > 0)
        snprintf(out, FLOW_COPY_SIZE, "copies/%" PRIu64 ".pprof", part->copy);
}

static void put_part(struct json_out *j, const struct flow_part *part)
{
    char path[FLOW_COPY_SIZE];
    copy_path(part, path);
    json_object(j);
    json_put_string(j, "name", part->name);
    json_put_uint(j, "size", part->size);
    json_put_string(j, "sha256", part->hash);
    json_put_string(j, "copy", path);
    json_put_bool(j, "equal", part->equal);
    json_put_bool(j, "read", part->profile != NULL);
    json_put_string(j, "unreadable", part->unreadable);
    json_object_end(j);
}

void flow_line(const struct flow *flow, struct buf *out)
{
    char now[JOURNAL_TIME_SIZE];
    struct json_out writer = json_begin(out, 0), *j = &writer;
    journal_time(now);
    json_object(j);
    json_put_uint(j, "number", flow->number);
    json_put_string(j, "time", now);
    json_put_string(j, "method", or_empty(flow->method));
    json_put_string(j, "path", or_empty(flow->path));
    json_put_uint(j, "size", flow->size);
    json_put_uint(j, "answer_size", flow->answer_size);
    json_put_int(j, "status", flow->status);
    json_put_int(j, "next_status", flow->next_status);
    json_put_string(j, "error", flow->error);
    json_put_double(j, "ms", flow->ms);
    json_put_bool(j, "upload", flow->told);
    if (flow->told) {
        json_put_string(j, "rejected", flow->rejected);
        json_put_string(j, "runtime_id", or_empty(flow->runtime_id));
        json_put_string(j, "service", or_empty(flow->service));
        json_put_string(j, "start", or_empty(flow->start));
        json_put_string(j, "end", or_empty(flow->end));
        json_key(j, "profiles");
        json_array(j);
        for (size_t i = 0; i < flow->part_count; i++)
            put_part(j, &flow->parts[i]);
        json_array_end(j);
    }
    json_object_end(j);
    buf_add_char(out, '\n');
}

void flow_show(const struct flow *flow, struct tapping_profile *profiles, char (*copies)[FLOW_COPY_SIZE],
               struct tapping_upload *out)
{
    for (size_t i = 0; i < flow->part_count; i++) {
        const struct flow_part *part = &flow->parts[i];
        copy_path(part, copies[i]);
        profiles[i] = (struct tapping_profile){.name = part->name,
                                               .size = part->size,
                                               .hash = part->hash,
                                               .copy = copies[i],
                                               .equal = part->equal,
                                               .profile = part->profile,
                                               .unreadable = part->unreadable,
                                               .judged = part->judged.judged ? &part->judged : NULL};
    }
    *out = (struct tapping_upload){.number = flow->number,
                                   .method = or_empty(flow->method),
                                   .path = or_empty(flow->path),
                                   .runtime_id = or_empty(flow->runtime_id),
                                   .service = or_empty(flow->service),
                                   .start = or_empty(flow->start),
                                   .end = or_empty(flow->end),
                                   .size = flow->size,
                                   .answer_size = flow->answer_size,
                                   .next_status = flow->next_status,
                                   .status = flow->status,
                                   .error = flow->error,
                                   .rejected = flow->rejected,
                                   .ms = flow->ms,
                                   .profiles = profiles,
                                   .profile_count = flow->part_count};
}
