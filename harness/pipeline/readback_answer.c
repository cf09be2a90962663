/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/readback_answer.h"

#include "base/json.h"
#include "base/mem.h"
#include "pipeline/intake.h"
#include "pipeline/intake_time.h"
#include "profile/profile.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define EVENT_FILE "event.json"
#define PROVENANCE_FILE "code-provenance.json"
/* 9999-12-31T23:59:59.999Z: the last that can be asked for. */
#define TIME_MAX_MS INT64_C(253402300799999)

/* --- lists --- */

void readback_items_fini(struct readback_items *items)
{
    for (size_t i = 0; i < items->count; i++) {
        struct readback_item *item = &items->items[i];
        free(item->event_id);
        free(item->profile_id);
        free(item->start);
        free(item->end);
        free(item->runtime_id);
    }
    free(items->items);
    *items = (struct readback_items){0};
}

/* A text that a C string can hold, or `otherwise`. */
static const char *get_text(const struct json *j, const char *key, const char *otherwise)
{
    const struct json *text = json_get(j, key);
    return text != NULL && text->type == JSON_STRING && strlen(text->string) == text->size ? text->string : otherwise;
}

static bool is_id(const char *text)
{
    return text != NULL && text[0] != '\0' && strlen(text) <= READBACK_ID_MAX;
}

static char *find_runtime_id(const struct json *attributes)
{
    static const char key[] = "runtime-id:";
    const struct json *tags = json_get(attributes, "tags");
    for (size_t i = 0; tags != NULL && tags->type == JSON_ARRAY && i < tags->size; i++) {
        const struct json *tag = &tags->items[i];
        if (tag->type == JSON_STRING && strncmp(tag->string, key, sizeof key - 1) == 0) {
            return mem_strdup(tag->string + sizeof key - 1);
        }
    }
    return mem_strdup("");
}

static void read_timestamp(const struct json *attributes, struct readback_item *out)
{
    const struct json *j = json_get(attributes, "timestamp");
    struct intake_time at;
    const char *text = get_text(attributes, "timestamp", NULL);
    if (text != NULL && intake_time_read(text, &at) == 0) {
        out->has_time = true;
        out->time_ms = intake_time_ms(&at);
    } else if (j != NULL && j->type == JSON_NUMBER && j->is_integer && j->integer >= 0 && j->integer <= TIME_MAX_MS) {
        out->has_time = true;
        out->time_ms = j->integer;
    }
}

static int read_item(const struct json *j, size_t index, struct readback_item *out, struct err *e)
{
    const struct json *attributes = json_get(j, "attributes");
    const char *event_id = get_text(j, "id", NULL);
    /* One client of the real API reads `profile-id`. */
    const char *profile_id = get_text(attributes, "id", get_text(attributes, "profile-id", NULL));
    if (!is_id(event_id)) {
        return err_set(e, ERR_INPUT, "data[%zu].id is no text of 1 to %d bytes", index, READBACK_ID_MAX);
    }
    if (!is_id(profile_id)) {
        return err_set(e, ERR_INPUT,
                       "data[%zu].attributes: neither \"id\" nor \"profile-id\" is a text of 1 to %d bytes", index,
                       READBACK_ID_MAX);
    }
    *out = (struct readback_item){.event_id = mem_strdup(event_id),
                                  .profile_id = mem_strdup(profile_id),
                                  .start = mem_strdup(get_text(attributes, "start", "")),
                                  .end = mem_strdup(get_text(attributes, "end", "")),
                                  .runtime_id = find_runtime_id(attributes)};
    read_timestamp(attributes, out);
    return 0;
}

static int read_items(const struct json *root, struct readback_items *out, struct err *e)
{
    const struct json *data = json_get(root, "data");
    if (data == NULL || data->type != JSON_ARRAY) {
        return err_set(e, ERR_INPUT, "there is no list \"data\"");
    }
    out->items = mem_calloc(data->size + 1, sizeof *out->items);
    for (size_t i = 0; i < data->size; i++) {
        if (read_item(&data->items[i], i, &out->items[i], e) != 0) {
            return -1;
        }
        out->count++;
    }
    return 0;
}

int readback_items_read(const char *text, size_t size, struct readback_items *out, struct err *e)
{
    struct json *root = NULL;
    *out = (struct readback_items){0};
    if (json_read(text, size, &root, e) != 0) {
        return -1;
    }
    int result = read_items(root, out, e);
    json_free(root);
    if (result != 0) {
        readback_items_fini(out);
    }
    return result;
}

/* --- archives --- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static bool ends_in(const char *text, const char *suffix)
{
    size_t size = strlen(text), end = strlen(suffix);
    return size > end && strcmp(text + size - end, suffix) == 0;
}

static bool is_attached(const struct intake_event *event, const char *name)
{
    for (size_t i = 0; i < event->attachment_count; i++) {
        if (strcmp(event->attachments[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool reads_as_profile(const struct buf *bytes)
{
    struct profile *p = NULL;
    struct err ignored;
    if (profile_read(bytes->data, bytes->size, &profile_limits_default, &p, &ignored) != 0) {
        return false;
    }
    profile_free(p);
    return true;
}

static bool is_profile(const struct intake_event *event, const char *name, const struct buf *bytes)
{
    if (strcmp(name, EVENT_FILE) == 0 || strcmp(name, PROVENANCE_FILE) == 0) {
        return false;
    }
    return is_attached(event, name) || ends_in(name, ".pprof") || reads_as_profile(bytes);
}

static void find_event(const struct zip_content *files, struct intake_event *out)
{
    struct err ignored;
    *out = (struct intake_event){0};
    for (size_t i = 0; i < files->count; i++) {
        const struct buf *bytes = &files->files[i].bytes;
        if (strcmp(base_name(files->files[i].name), EVENT_FILE) == 0) {
            intake_event_read(bytes->data, bytes->size, out, &ignored);
            return;
        }
    }
}

static char *copy_tag(const struct intake_event *event, const char *key)
{
    for (size_t i = 0; i < event->tag_count; i++) {
        if (strcmp(event->tags[i].key, key) == 0) {
            return mem_strdup(event->tags[i].value);
        }
    }
    return mem_strdup("");
}

int readback_upload_read(const void *archive, size_t size, struct readback_upload *out, struct err *e)
{
    static const struct zip_limits limits = {
        .max_entries = READBACK_ENTRIES_MAX, .max_entry = READBACK_FILE_MAX, .max_total = READBACK_ARCHIVE_MAX};
    struct intake_event event;
    *out = (struct readback_upload){0};
    if (zip_unpack(archive, size, &limits, &out->files, e) != 0) {
        return -1;
    }
    find_event(&out->files, &event);
    out->profiles = mem_calloc(out->files.count + 1, sizeof *out->profiles);
    for (size_t i = 0; i < out->files.count; i++) {
        const struct buf *bytes = &out->files.files[i].bytes;
        const char *name = base_name(out->files.files[i].name);
        if (is_profile(&event, name, bytes)) {
            out->profiles[out->profile_count++] =
                (struct readback_profile){.name = name, .bytes = bytes->data, .size = bytes->size};
        }
    }
    out->start = mem_strdup(event.start != NULL ? event.start : "");
    out->end = mem_strdup(event.end != NULL ? event.end : "");
    out->runtime_id = copy_tag(&event, "runtime-id");
    out->worker = copy_tag(&event, "locktrail_worker");
    intake_event_fini(&event);
    if (out->profile_count > 0) {
        return 0;
    }
    err_set(e, ERR_INPUT, "there is no profile among the %zu files in it", out->files.count);
    readback_upload_fini(out);
    return -1;
}

void readback_upload_fini(struct readback_upload *u)
{
    zip_content_fini(&u->files);
    free(u->profiles);
    free(u->start);
    free(u->end);
    free(u->runtime_id);
    free(u->worker);
    *u = (struct readback_upload){0};
}

/* --- texts --- */

/* The length of the secret that begins at `at`, or 0. */
static size_t secret_at(const char *at, size_t left, const char *const *secrets)
{
    for (; *secrets != NULL; secrets++) {
        size_t size = strlen(*secrets);
        if (size > 0 && size <= left && memcmp(at, *secrets, size) == 0) {
            return size;
        }
    }
    return 0;
}

void readback_excerpt(const void *bytes, size_t size, const char *const *secrets, struct buf *out)
{
    const char *at = bytes;
    size_t before = out->size;
    for (size_t i = 0; i < size;) {
        size_t secret = secret_at(at + i, size - i, secrets);
        if (out->size - before >= READBACK_EXCERPT_MAX) {
            buf_add_str(out, "...");
            return;
        }
        if (secret > 0) {
            buf_add_str(out, "[redacted]");
        } else {
            buf_add_char(out, at[i] >= ' ' && at[i] < 0x7f ? at[i] : '.');
        }
        i += secret > 0 ? secret : 1;
    }
}

void readback_url_encode(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x80 && (isalnum(c) || strchr("-._~", c) != NULL)) {
            buf_add_char(out, *text);
        } else {
            buf_printf(out, "%%%02X", c);
        }
    }
}
