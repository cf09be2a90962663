/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/store_files.h"

#include "base/json.h"
#include "base/mem.h"
#include "io/hash.h"
#include "pipeline/zip.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_taken(const char *name, const struct store_part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(parts[i].file, name) == 0) {
            return true;
        }
    }
    return false;
}

char *store_file_name(const char *name, const struct store_part *parts, size_t count)
{
    char *safe = name[0] != '\0' ? mem_strndup(name, strnlen(name, STORE_NAME_MAX)) : mem_strdup("_");
    for (char *at = safe; *at != '\0'; at++) {
        bool dot = *at == '.' && at != safe;
        if (!dot && *at != '-' && *at != '_' && ((unsigned char)*at >= 0x80 || !isalnum((unsigned char)*at))) {
            *at = '_';
        }
    }
    /* The number goes in front, so that the suffix stays what it is. One of as many numbers as there are parts is free.
     */
    char *free_name = mem_strdup(safe);
    for (size_t i = 2; i <= count + 2 && is_taken(free_name, parts, count); i++) {
        free(free_name);
        free_name = mem_printf("%zu-%.*s", i, STORE_NAME_MAX - 20, safe);
    }
    free(safe);
    return free_name;
}

void store_files_describe(const struct store_item *item, const struct upload *upload, struct buf *out)
{
    struct json_out j = json_begin(out, 2);
    json_object(&j);
    json_put_string(&j, "id", item->id);
    json_put_string(&j, "profile_id", item->profile_id);
    json_put_string(&j, "path", upload->path);
    json_put_int(&j, "status", upload->status);
    json_put_string(&j, "start", item->start);
    json_put_string(&j, "end", item->end);
    json_put_string(&j, "runtime_id", upload->runtime_id);
    json_key(&j, "tags");
    json_array(&j);
    for (size_t i = 0; i < item->tag_count; i++) {
        char *tag = mem_printf("%s:%s", item->tags[i].key, item->tags[i].value);
        json_string(&j, tag);
        free(tag);
    }
    json_array_end(&j);
    json_key(&j, "parts");
    json_array(&j);
    for (size_t i = 0; i < item->part_count; i++) {
        json_object(&j);
        json_put_string(&j, "file", item->parts[i].file);
        json_put_uint(&j, "size", item->parts[i].size);
        json_object_end(&j);
    }
    json_array_end(&j);
    json_object_end(&j);
    buf_add_char(out, '\n');
}

/* --- on a thread --- */

struct work {
    uv_work_t work;
    char *directory, *id;
    struct store_part *parts; /* the work's own */
    size_t part_count;
    struct store_item *item; /* to be freed; NULL for a download */
    struct buf zip;
    bool failed;
    struct err error;
    store_files_fn fn;
    void *data;
};

static void do_pack(uv_work_t *work)
{
    struct work *w = work->data;
    struct buf *bytes = mem_calloc(w->part_count + 1, sizeof *bytes);
    struct zip_part *parts = mem_calloc(w->part_count + 1, sizeof *parts);
    for (size_t i = 0; i < w->part_count && !w->failed; i++) {
        char *path = mem_printf("%s/%s/%s", w->directory, w->id, w->parts[i].file);
        w->failed = disk_read_now(path, w->parts[i].size, &bytes[i], &w->error) != 0;
        parts[i] = (struct zip_part){w->parts[i].file, bytes[i].data, bytes[i].size};
        free(path);
    }
    w->failed = w->failed || zip_pack(parts, w->part_count, &w->zip, &w->error) != 0;
    for (size_t i = 0; i < w->part_count; i++) {
        buf_fini(&bytes[i]);
    }
    free(bytes);
    free(parts);
}

static void remove_path(struct work *w, char *path, int (*remove)(const char *path))
{
    if (remove(path) != 0 && errno != ENOENT && errno != ENOTDIR && !w->failed) {
        w->failed = true;
        err_sys(&w->error, ERR_WRITE, errno, "cannot remove %s", path);
    }
    free(path);
}

static void do_remove(uv_work_t *work)
{
    struct work *w = work->data;
    for (size_t i = 0; i < w->part_count; i++) {
        remove_path(w, mem_printf("%s/%s/%s", w->directory, w->id, w->parts[i].file), unlink);
    }
    remove_path(w, mem_printf("%s/%s", w->directory, w->id), rmdir);
    remove_path(w, mem_printf("%s/%s.json", w->directory, w->id), unlink);
}

/* --- on the loop --- */

static void on_done(uv_work_t *work, int status)
{
    struct work *w = work->data;
    assert(status == 0);
    (void)status;
    w->fn(w->item == NULL ? &w->zip : NULL, w->failed ? &w->error : NULL, w->data);
    for (size_t i = 0; i < w->part_count; i++) {
        free(w->parts[i].file);
    }
    free(w->parts);
    free(w->directory);
    free(w->id);
    buf_fini(&w->zip);
    store_item_free(w->item);
    free(w);
}

static struct work *work_new(const char *directory, const struct store_item *item, store_files_fn fn, void *data)
{
    struct work *w = mem_calloc(1, sizeof *w);
    w->work.data = w;
    w->directory = mem_strdup(directory);
    w->id = mem_strdup(item->id);
    w->parts = mem_calloc(item->part_count + 1, sizeof *w->parts);
    w->part_count = item->part_count;
    for (size_t i = 0; i < item->part_count; i++) {
        w->parts[i] = (struct store_part){.file = mem_strdup(item->parts[i].file), .size = item->parts[i].size};
    }
    w->fn = fn;
    w->data = data;
    return w;
}

void store_files_pack(uv_loop_t *loop, const char *directory, const struct store_item *item, store_files_fn fn,
                      void *data)
{
    struct work *w = work_new(directory, item, fn, data);
    uv_queue_work(loop, &w->work, do_pack, on_done);
}

void store_files_remove(uv_loop_t *loop, const char *directory, struct store_item *item, store_files_fn fn, void *data)
{
    struct work *w = work_new(directory, item, fn, data);
    w->item = item;
    uv_queue_work(loop, &w->work, do_remove, on_done);
}
