/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/tapping_internal.h"

#include "base/mem.h"
#include "engine/orders.h"
#include "io/disk.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file of exchanges has at most half of an eighth of --max-disk; of a larger one the beginning says enough. */
#define LINES_MAX ((size_t)256 << 20)
#define META_MAX ((size_t)1 << 20)
/* The largest that --max-body allows. */
#define BODY_MAX ((size_t)1 << 30)

static bool exists(const char *directory, const char *name)
{
    char *path = mem_printf("%s/%s", directory, name);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

bool tapping_is_directory(const char *directory)
{
    return exists(directory, TAPPING_MARK);
}

/* --- exchanges -------------------------------------------------------------------------------------------------- */

static void count_line(struct tapping *t, const struct json *line, bool end_of_way)
{
    t->counts.requests++;
    if (!json_get_bool(line, "upload", false))
        return;
    int64_t status = json_get_int(line, "status", 0), next = json_get_int(line, "next_status", 0);
    int64_t answer = end_of_way ? status : next;
    t->counts.uploads++;
    if (status == 0 || answer == 0)
        t->counts.failed++;
    else if (answer < 200 || answer > 299)
        t->counts.refused++;
    const struct json *profiles = json_get(line, "profiles");
    for (size_t i = 0; profiles && profiles->type == JSON_ARRAY && i < profiles->size; i++) {
        t->counts.profiles++;
        t->counts.equal += json_get_bool(&profiles->items[i], "equal", false);
    }
}

/* A torn last line is what a kill leaves. */
static void count_lines(struct tapping *t, const struct buf *text, bool end_of_way)
{
    const char *at = text->data ? text->data : "", *end = at + text->size, *newline;
    for (; at < end && (newline = memchr(at, '\n', (size_t)(end - at))); at = newline + 1) {
        struct json *line = NULL;
        struct err e;
        if (json_read(at, (size_t)(newline - at), &line, &e) == 0)
            count_line(t, line, end_of_way);
        json_free(line);
    }
}

static bool is_lines(const char *name)
{
    size_t size = strlen(name);
    return strncmp(name, "exchanges.", 10) == 0 && size >= 15 && strcmp(name + size - 6, ".jsonl") == 0;
}

/* --- copies ----------------------------------------------------------------------------------------------------- */

/* The process that an upload named, from the description beside it; NULL where there is none. The caller's. */
static char *instance_of(const char *path)
{
    struct buf text = {0};
    struct json *meta = NULL;
    struct err e;
    char *instance = NULL;
    char *json = mem_printf("%.*s.json", (int)(strlen(path) - strlen(".pprof")), path);
    if (disk_read_now(json, META_MAX, &text, &e) == 0 &&
        json_read(text.data ? text.data : "", text.size, &meta, &e) == 0 && json_get_string(meta, "instance", "")[0])
        instance = mem_strdup(json_get_string(meta, "instance", ""));
    json_free(meta);
    buf_fini(&text);
    free(json);
    return instance;
}

static void take_profile(struct tapping *t, const void *bytes, size_t size, const char *instance)
{
    struct profile *profile = NULL;
    struct err e;
    if (profile_read(bytes, size, &profile_limits_default, &profile, &e) < 0) {
        t->counts.unreadable++;
        return;
    }
    struct tapping_judged judged = {0};
    t->counts.read++;
    tapping_names_add(&t->names, profile, 0);
    if (t->judge)
        tapping_judge_add(t->judge, instance, profile, 0, &judged);
    tapping_judged_fini(&judged);
    profile_free(profile);
}

static bool ends_in(const char *name, const char *end)
{
    size_t size = strlen(name), end_size = strlen(end);
    return size > end_size && strcmp(name + size - end_size, end) == 0;
}

typedef void (*entry_fn)(struct tapping *t, const char *path, const char *name);

static int each_entry(struct tapping *t, const char *directory, entry_fn fn, struct err *e)
{
    struct dirent **names;
    int count = scandir(directory, &names, NULL, versionsort);
    if (count < 0)
        return errno == ENOENT ? 0 : err_sys(e, ERR_INPUT, errno, "can't list %s", directory);
    for (int i = 0; i < count; i++) {
        char *path = mem_printf("%s/%s", directory, names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            fn(t, path, names[i]->d_name);
        free(path);
        free(names[i]);
    }
    free(names);
    return 0;
}

static void on_copy(struct tapping *t, const char *path, const char *name)
{
    struct buf bytes = {0};
    struct err e;
    if (!ends_in(name, ".pprof"))
        return;
    char *instance = instance_of(path);
    t->counts.kept++;
    if (disk_read_now(path, PROFILE_RAW_SIZE_MAX, &bytes, &e) == 0)
        take_profile(t, bytes.data ? bytes.data : "", bytes.size, instance);
    else
        t->counts.unreadable++;
    t->counts.disk_bytes += bytes.size;
    buf_fini(&bytes);
    free(instance);
}

static void take_stored(const struct upload *upload, void *data)
{
    struct tapping *t = data;
    const char *instance = NULL;
    for (size_t i = 0; i < upload->tag_count; i++)
        if (strcmp(upload->tags[i].key, TAG_WORKER) == 0)
            instance = upload->tags[i].value;
    for (size_t i = 0; i < upload->profile_count; i++)
        take_profile(t, upload->profiles[i].bytes, upload->profiles[i].size, instance);
}

/* The store keeps each upload's body. */
static void on_stored(struct tapping *t, const char *path, const char *name)
{
    struct buf body = {0};
    struct err e;
    if (!ends_in(name, ".body"))
        return;
    if (disk_read_now(path, BODY_MAX, &body, &e) < 0 || store_read_body(&body, take_stored, t, &e) < 0)
        t->counts.unreadable++;
    t->counts.disk_bytes += body.size;
    buf_fini(&body);
}

static void on_lines(struct tapping *t, const char *path, const char *name)
{
    struct buf text = {0};
    struct err e;
    if (is_lines(name) && disk_read_now(path, LINES_MAX, &text, &e) == 0)
        count_lines(t, &text, t->store_only);
    buf_fini(&text);
}

int tapping_read_again(const char *directory, void (*at_end)(const struct tapping *t, void *data), void *data,
                       struct err *e)
{
    struct tapping *t = mem_calloc(1, sizeof *t);
    char *ledger = mem_printf("%s/ledger.jsonl", directory), *copies = mem_printf("%s/copies", directory);
    char *store = mem_printf("%s/store", directory);
    t->store_only = !exists(directory, "copies");
    int result = exists(directory, "ledger.jsonl") ? tapping_judge_read(ledger, &t->judge, e) : 0;
    if (result == 0)
        result = each_entry(t, directory, on_lines, e);
    if (result == 0)
        result = each_entry(t, copies, on_copy, e);
    if (result == 0)
        result = each_entry(t, store, on_stored, e);
    if (result == 0)
        at_end(t, data);
    tapping_names_fini(&t->names);
    tapping_judge_free(t->judge);
    free(ledger);
    free(copies);
    free(store);
    free(t);
    return result;
}
