/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/export/event.h"

#include "base/json.h"
#include "lockprof/export/version.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define NS_PER_S 1000000000

static void add_tag(struct buf *out, const char *key, const char *value)
{
    if (!value || !value[0])
        return;
    buf_printf(out, "%s%s:", out->size > 0 ? "," : "", key);
    for (const char *at = value; *at; at++)
        buf_add_char(out, *at == ',' ? '_' : *at);
}

static void add_given_tags(struct buf *out, const char *tags)
{
    const char *between = strchr(tags, ',') ? "," : " ";
    for (const char *at = tags; *at;) {
        size_t size = strcspn(at, between);
        const char *tag = at;
        at += size + (at[size] != '\0');
        while (size > 0 && *tag == ' ') {
            tag++;
            size--;
        }
        while (size > 0 && tag[size - 1] == ' ')
            size--;
        if (size == 0 || *tag == ':')
            continue;
        if (out->size > 0)
            buf_add_char(out, ',');
        buf_add(out, tag, size);
    }
}

void event_tags(const struct event_identity *id, struct buf *out)
{
    char pid[24];
    snprintf(pid, sizeof pid, "%ld", id->pid);
    add_tag(out, "service", id->service);
    add_tag(out, "env", id->env);
    add_tag(out, "version", id->version);
    add_tag(out, "runtime-id", id->runtime_id);
    add_tag(out, "host", id->host);
    add_tag(out, "language", "c");
    add_tag(out, "pid", pid);
    add_tag(out, "profiler_version", LOCKPROF_VERSION);
    if (id->tags)
        add_given_tags(out, id->tags);
}

static void put_time(struct json_out *j, const char *key, int64_t ns)
{
    char text[64], day[32];
    time_t seconds = (time_t)(ns / NS_PER_S);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, sizeof text, "%s.%09dZ", day, (int)(ns % NS_PER_S));
    json_put_string(j, key, text);
}

void event_json(const char *tags, int64_t start_ns, int64_t end_ns, struct buf *out)
{
    struct json_out j = json_begin(out, 0);
    json_object(&j);
    json_key(&j, "attachments");
    json_array(&j);
    json_string(&j, EVENT_ATTACHMENT);
    json_array_end(&j);
    json_put_string(&j, "tags_profiler", tags);
    put_time(&j, "start", start_ns);
    put_time(&j, "end", end_ns);
    json_put_string(&j, "family", "native");
    json_put_string(&j, "version", "4");
    json_object_end(&j);
}

void event_new_uuid(char out[EVENT_UUID_SIZE])
{
    unsigned char b[16] = {0};
    /* 16 bytes come whole, but for a kernel that has only just started. */
    if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        memcpy(b, &now, sizeof b);
    }
    b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
    snprintf(out, EVENT_UUID_SIZE, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}
