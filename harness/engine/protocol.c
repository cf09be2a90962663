/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/protocol.h"

#include "base/mem.h"
#include "profile/label.h"

#include <stdlib.h>
#include <string.h>

/* How much of a bad line an error quotes. */
#define EXCERPT_BYTES 60

static int required_string(const struct message *m, const char *key, const char **out, struct err *e)
{
    const struct json *value = json_get(m->tree, key);
    if (!value || value->type != JSON_STRING) {
        err_set(e, ERR_INPUT, "\"%s\" is missing or not a string", key);
        return -1;
    }
    *out = value->string;
    return 0;
}

static int read_hello(struct message *m, struct err *e)
{
    if (required_string(m, "runtime", &m->runtime, e) < 0)
        return -1;
    m->version = json_get_string(m->tree, "version", "");
    int64_t protocol = json_get_int(m->tree, "protocol", 0);
    if (protocol != PROTOCOL_VERSION)
        return err_set(e, ERR_INPUT, "protocol %lld, this locktrail speaks %d", (long long)protocol, PROTOCOL_VERSION);
    return 0;
}

/* "" stands for a site that the worker can't tell. */
static int read_site(struct message *m, const char *site, struct err *e)
{
    struct label label;
    if (site[0] == '\0') {
        m->lock_file = mem_strdup("");
        return 0;
    }
    if (!label_parse(site, strlen(site), &label) || label.name_size > 0 || label.file_size == 0)
        return err_set(e, ERR_INPUT, "site \"%.60s\" is not FILE:LINE", site);
    m->lock_file = mem_strndup(label.file, label.file_size);
    m->lock.line = label.line;
    return 0;
}

/* A further site is any text of one line: FILE:LINE, MODULE+0xOFFSET. */
static bool is_site(const char *text)
{
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7F)
            return false;
    return text[0] != '\0';
}

static int read_sites(struct message *m, struct err *e)
{
    const struct json *sites = json_get(m->tree, "sites");
    if (!sites)
        return 0;
    if (sites->type != JSON_ARRAY)
        return err_set(e, ERR_INPUT, "\"sites\" is not an array");
    if (sites->size > LEDGER_SITES_MAX)
        return err_set(e, ERR_INPUT, "\"sites\" has %zu texts, more than %d", sites->size, LEDGER_SITES_MAX);
    m->lock.sites = mem_calloc(sites->size, sizeof *m->lock.sites);
    for (size_t i = 0; i < sites->size; i++) {
        if (sites->items[i].type != JSON_STRING || !is_site(sites->items[i].string))
            return err_set(e, ERR_INPUT, "\"sites\" has something else than texts of one line");
        m->lock.sites[m->lock.site_count++] = sites->items[i].string;
    }
    return 0;
}

static int read_further_site(struct message *m, struct err *e)
{
    if (required_string(m, "id", &m->id, e) < 0 || required_string(m, "site", &m->site, e) < 0)
        return -1;
    return is_site(m->site) ? 0 : err_set(e, ERR_INPUT, "\"site\" is no text of one line");
}

static int read_lock(struct message *m, struct err *e)
{
    const char *id, *name, *pattern, *site, *rendering, *mangled = NULL;
    if (required_string(m, "id", &id, e) < 0 || required_string(m, "name", &name, e) < 0 ||
        required_string(m, "pattern", &pattern, e) < 0 || required_string(m, "site", &site, e) < 0 ||
        required_string(m, "rendering", &rendering, e) < 0 || read_site(m, site, e) < 0 || read_sites(m, e) < 0)
        return -1;
    if (!rendering_parse(rendering, &m->lock.rendering, &mangled))
        return err_set(e, ERR_INPUT, "rendering \"%.60s\" is none of exact, generic, mangled:NAME", rendering);
    /* The strings are the tree's: the ledger copies what it keeps. */
    m->lock.id = (char *)id;
    m->lock.name = (char *)name;
    m->lock.pattern = (char *)pattern;
    m->lock.file = m->lock_file;
    m->lock.mangled = (char *)mangled;
    m->lock.contends = json_get_bool(m->tree, "contends", true);
    m->lock.counted = json_get_bool(m->tree, "counted", true);
    m->lock.qualified = json_get_bool(m->tree, "qualified", false);
    return 0;
}

static int read_counts(struct message *m, const char *key, const struct json **out, uint64_t *total, struct err *e)
{
    const struct json *object = json_get(m->tree, key);
    if (!object)
        return 0;
    if (object->type != JSON_OBJECT)
        return err_set(e, ERR_INPUT, "\"%s\" is not an object", key);
    for (size_t i = 0; i < object->size; i++) {
        const struct json *count = &object->items[i];
        if (count->type != JSON_NUMBER || !count->is_integer || count->integer < 0)
            return err_set(e, ERR_INPUT, "\"%s\" of \"%.60s\" is not a count", key, object->keys[i]);
        if (total)
            *total += (uint64_t)count->integer;
    }
    if (out)
        *out = object;
    return 0;
}

static int read_all_counts(struct message *m, struct err *e)
{
    static const char *const keys[] = {"waits", "wait_ns", "depth"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (read_counts(m, keys[i], NULL, NULL, e) < 0)
            return -1;
    return read_counts(m, "acquires", &m->acquires, &m->total_acquires, e);
}

static int read_at(struct message *m, struct err *e)
{
    const struct json *at = json_get(m->tree, "at");
    if (!at)
        return 0;
    if (at->type != JSON_NUMBER || !at->is_integer || at->integer < 0)
        return err_set(e, ERR_INPUT, "\"at\" is not a time in nanoseconds since 1970");
    m->at_ns = at->integer;
    return 0;
}

static int read_progress(struct message *m, struct err *e)
{
    if (required_string(m, "phase", &m->phase, e) < 0)
        return -1;
    m->done = json_get_double(m->tree, "done", -1);
    if (!(m->done >= 0 && m->done <= 1))
        return err_set(e, ERR_INPUT, "\"done\" is missing or not a number from 0 to 1");
    return read_at(m, e) < 0 ? -1 : read_all_counts(m, e);
}

static int read_done(struct message *m, struct err *e)
{
    m->interrupted = json_get_bool(m->tree, "interrupted", false);
    if (!json_get(m->tree, "acquires"))
        return err_set(e, ERR_INPUT, "\"acquires\" is missing");
    if (read_at(m, e) < 0 || read_all_counts(m, e) < 0)
        return -1;
    const struct json *phases = json_get(m->tree, "phases");
    if (phases && phases->type != JSON_ARRAY)
        return err_set(e, ERR_INPUT, "\"phases\" is not an array");
    return 0;
}

static int read_profile(struct message *m, struct err *e)
{
    return required_string(m, "path", &m->path, e);
}

static int read_error(struct message *m, struct err *e)
{
    m->phase = json_get_string(m->tree, "phase", "");
    m->thread = json_get_string(m->tree, "thread", "");
    m->traceback = json_get_string(m->tree, "traceback", "");
    return required_string(m, "error", &m->error, e);
}

static const struct {
    const char *name;
    enum message_type type;
    int (*read)(struct message *m, struct err *e);
} message_types[] = {
    {"hello", MESSAGE_HELLO, read_hello},       {"lock", MESSAGE_LOCK, read_lock},
    {"site", MESSAGE_SITE, read_further_site},  {"progress", MESSAGE_PROGRESS, read_progress},
    {"profile", MESSAGE_PROFILE, read_profile}, {"done", MESSAGE_DONE, read_done},
    {"error", MESSAGE_ERROR, read_error},
};

static int read_typed(struct message *m, struct err *e)
{
    const char *type;
    if (m->tree->type != JSON_OBJECT)
        return err_set(e, ERR_INPUT, "not a JSON object");
    if (required_string(m, "type", &type, e) < 0)
        return -1;
    for (size_t i = 0; i < sizeof message_types / sizeof *message_types; i++) {
        if (strcmp(type, message_types[i].name) == 0) {
            m->type = message_types[i].type;
            return message_types[i].read(m, e);
        }
    }
    return err_set(e, ERR_INPUT, "unknown type \"%.40s\", expected hello, lock, site, progress, profile, done or error",
                   type);
}

/* Quotes the line's beginning with everything unprintable as a dot, since it may be anything. */
static void quote_line(const char *line, size_t size, char out[EXCERPT_BYTES + 4])
{
    size_t kept = size < EXCERPT_BYTES ? size : EXCERPT_BYTES;
    for (size_t i = 0; i < kept; i++)
        out[i] = line[i] >= ' ' && line[i] < 127 ? line[i] : '.';
    strcpy(out + kept, size > kept ? "..." : "");
}

int message_read(const char *line, size_t size, struct message *out, struct err *e)
{
    struct message m = {0};
    if (json_read(line, size, &m.tree, e) == 0 && read_typed(&m, e) == 0) {
        *out = m;
        return 0;
    }
    char quoted[EXCERPT_BYTES + 4];
    quote_line(line, size, quoted);
    message_fini(&m);
    return err_wrap(e, "not a protocol line \"%s\"", quoted);
}

void message_fini(struct message *m)
{
    json_free(m->tree);
    free(m->lock_file);
    free(m->lock.sites);
    *m = (struct message){0};
}

/* The member of that key; workers write their objects in one order, so it is looked for at `place` first. */
static const struct json *find_near(const struct json *object, const char *key, size_t place)
{
    if (object && place < object->size && strcmp(object->keys[place], key) == 0)
        return &object->items[place];
    return json_get(object, key);
}

static void take_count(const struct message *m, const char *key, size_t place, uint64_t *out)
{
    const struct json *value = find_near(json_get(m->tree, key), m->acquires->keys[place], place);
    if (value)
        *out = (uint64_t)value->integer;
}

size_t message_counted(const struct message *m)
{
    return m->acquires ? m->acquires->size : 0;
}

const char *message_count(const struct message *m, size_t place, struct lock_count *count)
{
    count->known = true;
    take_count(m, "acquires", place, &count->acquires);
    take_count(m, "waits", place, &count->waits);
    take_count(m, "wait_ns", place, &count->wait_ns);
    take_count(m, "depth", place, &count->depth);
    return m->acquires->keys[place];
}
