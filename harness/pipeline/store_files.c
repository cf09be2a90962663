/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/store_files.h"

#include "base/mem.h"
#include "pipeline/zip.h"

#include <assert.h>
#include <ctype.h>
#include <dirent.h>
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

char *store_files_path(const char *directory, const struct store_item *item)
{
    return mem_printf("%s/%s.body", directory, item->id);
}

static bool is_upload(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL && strcmp(dot, ".body") == 0;
}

void store_files_clear(const char *directory)
{
    DIR *listing = opendir(directory);
    for (struct dirent *entry; listing != NULL && (entry = readdir(listing)) != NULL;) {
        if (is_upload(entry->d_name)) {
            unlinkat(dirfd(listing), entry->d_name, 0);
        }
    }
    if (listing != NULL) {
        closedir(listing);
    }
}

/* --- on a thread --- */

struct work {
    uv_work_t work;
    char *path;
    uint64_t size;            /* of the file */
    struct store_part *parts; /* the work's own */
    size_t part_count;
    struct store_item *item; /* to be freed; NULL for a download */
    struct buf zip;
    bool failed;
    struct err error;
    store_files_fn fn;
    void *data;
};

static int pack(struct work *w, const struct buf *body)
{
    struct zip_part *parts = mem_calloc(w->part_count + 1, sizeof *parts);
    for (size_t i = 0; i < w->part_count; i++) {
        const struct store_part *part = &w->parts[i];
        parts[i] = (struct zip_part){part->file, body->data + part->offset, part->size};
    }
    int result = zip_pack(parts, w->part_count, &w->zip, &w->error);
    free(parts);
    return result;
}

static void do_pack(uv_work_t *work)
{
    struct work *w = work->data;
    struct buf body = {0};
    w->failed = disk_read_now(w->path, w->size, &body, &w->error) != 0;
    if (!w->failed && body.size != w->size) {
        w->failed = true;
        err_set(&w->error, ERR_INPUT, "%s has %zu bytes, and had %llu", w->path, body.size,
                (unsigned long long)w->size);
    }
    w->failed = w->failed || pack(w, &body) != 0;
    buf_fini(&body);
}

static void do_remove(uv_work_t *work)
{
    struct work *w = work->data;
    if (unlink(w->path) != 0 && errno != ENOENT && errno != ENOTDIR) {
        w->failed = true;
        err_sys(&w->error, ERR_WRITE, errno, "cannot remove %s", w->path);
    }
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
    free(w->path);
    buf_fini(&w->zip);
    store_item_free(w->item);
    free(w);
}

static struct work *work_new(const char *directory, const struct store_item *item, store_files_fn fn, void *data)
{
    struct work *w = mem_calloc(1, sizeof *w);
    w->work.data = w;
    w->path = store_files_path(directory, item);
    w->size = item->bytes;
    w->parts = mem_calloc(item->part_count + 1, sizeof *w->parts);
    w->part_count = item->part_count;
    for (size_t i = 0; i < item->part_count; i++) {
        w->parts[i] = item->parts[i];
        w->parts[i].file = mem_strdup(item->parts[i].file);
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
