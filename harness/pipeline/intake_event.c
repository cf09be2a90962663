/* SPDX-License-Identifier: Apache-2.0 */
/* event.json, as libdatadog's exporter, dd-trace-go, dd-java-agent and dd-trace for Node send it. */
#include "pipeline/intake.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "pipeline/intake_time.h"

#include <stdlib.h>
#include <string.h>

/* What the profiles in the event are described by: the only version that any client has sent since 2022. */
#define EVENT_VERSION "4"

static const char *type_name(const struct json *j)
{
    static const char *const names[] = {
        [JSON_NULL] = "null",     [JSON_BOOL] = "a boolean", [JSON_NUMBER] = "a number",
        [JSON_STRING] = "a text", [JSON_ARRAY] = "an array", [JSON_OBJECT] = "an object"};
    return j != NULL ? names[j->type] : "nothing";
}

/* A text that a C string can hold: without a zero in it. */
static int check_text(const char *where, const struct json *j, struct err *e)
{
    if (j == NULL || j->type != JSON_STRING) {
        return err_set(e, ERR_INPUT, "%s: expected a text, found %s", where, type_name(j));
    }
    if (strlen(j->string) != j->size) {
        return err_set(e, ERR_INPUT, "%s: the text has a zero byte", where);
    }
    return 0;
}

static int read_text(const struct json *root, const char *key, char **out, struct err *e)
{
    const struct json *j = json_get(root, key);
    if (check_text(key, j, e) != 0) {
        return -1;
    }
    *out = mem_strdup(j->string);
    return 0;
}

static int read_version(const struct json *root, struct err *e)
{
    const struct json *j = json_get(root, "version");
    if (check_text("version", j, e) != 0) {
        return -1;
    }
    if (strcmp(j->string, EVENT_VERSION) != 0) {
        return err_set(e, ERR_INPUT, "version: expected \"" EVENT_VERSION "\", found \"%s\"", j->string);
    }
    return 0;
}

static int read_times(const struct json *root, struct intake_event *out, struct err *e)
{
    struct intake_time start, end;
    if (read_text(root, "start", &out->start, e) != 0 || read_text(root, "end", &out->end, e) != 0) {
        return -1;
    }
    if (intake_time_read(out->start, &start) != 0) {
        return err_set(e, ERR_INPUT, "start: '%s' is no ISO 8601 time with its zone", out->start);
    }
    if (intake_time_read(out->end, &end) != 0) {
        return err_set(e, ERR_INPUT, "end: '%s' is no ISO 8601 time with its zone", out->end);
    }
    if (intake_time_compare(&start, &end) > 0) {
        return err_set(e, ERR_INPUT, "end: '%s' is before the start '%s'", out->end, out->start);
    }
    return 0;
}

static int read_attachments(const struct json *root, struct intake_event *out, struct err *e)
{
    const struct json *j = json_get(root, "attachments");
    if (j == NULL) {
        return 0;
    }
    if (j->type != JSON_ARRAY) {
        return err_set(e, ERR_INPUT, "attachments: expected an array, found %s", type_name(j));
    }
    out->attachments = mem_calloc(j->size + 1, sizeof *out->attachments);
    for (size_t i = 0; i < j->size; i++) {
        char where[64];
        snprintf(where, sizeof where, "attachments[%zu]", i);
        if (check_text(where, &j->items[i], e) != 0) {
            return -1;
        }
        for (size_t k = 0; k < out->attachment_count; k++) {
            if (strcmp(out->attachments[k], j->items[i].string) == 0) {
                return err_set(e, ERR_INPUT, "%s: \"%s\" stands twice", where, j->items[i].string);
            }
        }
        out->attachments[out->attachment_count++] = mem_strdup(j->items[i].string);
    }
    return 0;
}

/* `capacity` is the caller's. A value may have further colons (URLs); a tag without any is one without a value. */
static int add_tag(struct intake_event *out, size_t *capacity, const char *tag, size_t size, struct err *e)
{
    const char *colon = memchr(tag, ':', size);
    size_t key_size = colon != NULL ? (size_t)(colon - tag) : size;
    if (key_size == 0) {
        return err_set(e, ERR_INPUT, "tags_profiler: the tag '%.*s' has no key", (int)size, tag);
    }
    out->tags = mem_grow(out->tags, out->tag_count, capacity, sizeof *out->tags);
    out->tags[out->tag_count++] =
        (struct upload_tag){.key = mem_strndup(tag, key_size),
                            .value = colon != NULL ? mem_strndup(colon + 1, size - key_size - 1) : mem_strdup("")};
    return 0;
}

static int read_tags(const struct json *root, struct intake_event *out, struct err *e)
{
    const struct json *j = json_get(root, "tags_profiler");
    size_t capacity = 0;
    if (j == NULL) {
        return 0;
    }
    if (check_text("tags_profiler", j, e) != 0) {
        return -1;
    }
    for (const char *at = j->string; *at != '\0';) {
        size_t size = strcspn(at, ",");
        if (size > 0 && add_tag(out, &capacity, at, size, e) != 0) {
            return -1;
        }
        at += size;
        at += *at == ',';
    }
    return 0;
}

static int read_event(const struct json *root, struct intake_event *out, struct err *e)
{
    if (root->type != JSON_OBJECT) {
        return err_set(e, ERR_INPUT, "expected an object, found %s", type_name(root));
    }
    if (read_version(root, e) != 0 || read_text(root, "family", &out->family, e) != 0 ||
        read_times(root, out, e) != 0 || read_attachments(root, out, e) != 0) {
        return -1;
    }
    return read_tags(root, out, e);
}

int intake_event_read(const char *text, size_t size, struct intake_event *out, struct err *e)
{
    struct json *root = NULL;
    *out = (struct intake_event){0};
    if (json_read(text, size, &root, e) != 0) {
        return -1;
    }
    int result = read_event(root, out, e);
    json_free(root);
    if (result != 0) {
        intake_event_fini(out);
    }
    return result;
}

void intake_event_fini(struct intake_event *event)
{
    for (size_t i = 0; i < event->attachment_count; i++) {
        free(event->attachments[i]);
    }
    for (size_t i = 0; i < event->tag_count; i++) {
        free(event->tags[i].key);
        free(event->tags[i].value);
    }
    free(event->attachments);
    free(event->tags);
    free(event->start);
    free(event->end);
    free(event->family);
    *event = (struct intake_event){0};
}
