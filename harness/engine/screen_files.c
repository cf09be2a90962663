/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/screen_files.h"

#include "base/mem.h"
#include "io/disk.h"
#include "profile/codec.h"
#include "profile/profile.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a profile may have when unpacked; a copy that is larger can't be read. */
#define COPY_SIZE_MAX PROFILE_RAW_SIZE_MAX
/* Descriptors for walking down a tree; deeper levels are opened anew. */
#define WALK_DESCRIPTORS 16

struct files_work {
    uv_work_t work;
    char *directory;
    char **copies;
    size_t copy_count;
    struct screen_files result;
    struct screen_types *types; /* of `result.files`; all that is kept of a profile, which has some MiB */
    bool failed;
    struct err error;
    screen_files_fn fn;
    void *data;
};

/* --- the sample type --- */

/* Whether `type`, up to its unit, is lock-acquire. */
static bool counts_acquires(const char *type)
{
    static const char wanted[] = "lock-acquire";
    size_t i = 0;
    for (; wanted[i]; i++)
        if (type[i] != wanted[i] && !(wanted[i] == '-' && type[i] == '_'))
            return false;
    return type[i] == '/' || type[i] == '\0';
}

static bool has_type(const struct screen_types *types, const char *type)
{
    for (size_t i = 0; i < types->count; i++)
        if (strcmp(types->types[i], type) == 0)
            return true;
    return false;
}

char *screen_sample_index(const struct screen_types *files, size_t count)
{
    for (size_t t = 0; count > 0 && t < files[0].count; t++) {
        const char *type = files[0].types[t];
        bool common = counts_acquires(type);
        for (size_t i = 1; common && i < count; i++)
            common = has_type(&files[i], type);
        if (common)
            return mem_strndup(type, strcspn(type, "/"));
    }
    return NULL;
}

/* --- preparing --- */

static int decode_copy(const char *path, struct buf *raw, struct profile **profile, struct err *e)
{
    struct buf bytes = {0};
    if (disk_read_now(path, COPY_SIZE_MAX, &bytes, e) < 0)
        return -1;
    const char *data = bytes.data ? bytes.data : "";
    enum profile_encoding encoding = codec_detect(data, bytes.size);
    int result = profile_read(data, bytes.size, &profile_limits_default, profile, e);
    if (result == 0 && (*profile)->sample_type_count == 0)
        result = err_set(e, ERR_INPUT, "no pprof profile, but %s", (*profile)->what);
    if (result == 0 && encoding != ENCODING_NONE)
        result = codec_decode(encoding, data, bytes.size, COPY_SIZE_MAX, raw, e);
    else if (result == 0)
        buf_add(raw, data, bytes.size);
    buf_fini(&bytes);
    return result;
}

static void leave_out(struct screen_files *r, const char *path, const struct err *e)
{
    /* From the run directory on, as reports name it. */
    const char *short_path = strstr(path, "/copies/");
    r->left_out = mem_realloc(r->left_out, r->left_out_count + 1, sizeof *r->left_out);
    r->left_out[r->left_out_count++] = mem_printf("%s: %s", short_path ? short_path + 1 : path, e->text);
}

static struct screen_types copy_types(const struct profile *profile)
{
    char **texts = mem_calloc(profile->sample_type_count, sizeof *texts);
    for (size_t i = 0; i < profile->sample_type_count; i++)
        texts[i] = mem_strdup(profile->sample_types[i]);
    return (struct screen_types){(const char *const *)texts, profile->sample_type_count};
}

/* -1: can't write. */
static int prepare(struct files_work *w, const char *copy, struct err *e)
{
    struct buf raw = {0};
    struct profile *profile = NULL;
    struct screen_files *r = &w->result;
    int result = 0;
    if (decode_copy(copy, &raw, &profile, e) < 0) {
        leave_out(r, copy, e);
    } else {
        char *path = mem_printf("%s/%zu.pprof", w->directory, r->count + 1);
        result = disk_write_now(path, raw.data ? raw.data : "", raw.size, e);
        w->types[r->count] = copy_types(profile);
        r->files[r->count++] = path;
    }
    profile_free(profile);
    buf_fini(&raw);
    return result;
}

static void on_work(uv_work_t *work)
{
    struct files_work *w = work->data;
    w->failed = disk_make_dir(w->directory, &w->error) < 0;
    for (size_t i = 0; i < w->copy_count && !w->failed; i++)
        w->failed = prepare(w, w->copies[i], &w->error) < 0;
    w->result.sample_index = screen_sample_index(w->types, w->result.count);
}

static void free_texts(char **items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(items[i]);
    free(items);
}

static void on_done(uv_work_t *work, int status)
{
    struct files_work *w = work->data;
    (void)status; /* never cancelled */
    for (size_t i = 0; i < w->result.count; i++)
        free_texts((char **)(uintptr_t)w->types[i].types, w->types[i].count);
    free(w->types);
    free_texts(w->copies, w->copy_count);
    free(w->directory);
    w->fn(&w->result, w->failed ? &w->error : NULL, w->data);
    free(w);
}

void screen_files_make(uv_loop_t *loop, const char *directory, const char *const *copies, size_t count,
                       screen_files_fn fn, void *data)
{
    struct files_work *w = mem_calloc(1, sizeof *w);
    *w = (struct files_work){.directory = mem_strdup(directory),
                             .copies = mem_calloc(count + 1, sizeof(char *)),
                             .copy_count = count,
                             .types = mem_calloc(count + 1, sizeof(struct screen_types)),
                             .fn = fn,
                             .data = data};
    w->result.files = mem_calloc(count + 1, sizeof(char *));
    for (size_t i = 0; i < count; i++)
        w->copies[i] = mem_strdup(copies[i]);
    w->work.data = w;
    uv_queue_work(loop, &w->work, on_work, on_done);
}

void screen_files_fini(struct screen_files *files)
{
    free_texts(files->files, files->count);
    free_texts(files->left_out, files->left_out_count);
    free(files->sample_index);
    *files = (struct screen_files){0};
}

/* --- removing --- */

struct removal {
    uv_work_t work;
    char *directories[2];
    void (*fn)(void *data);
    void *data;
};

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    remove(path); /* what stays is in the run directory, and harms nobody */
    return 0;
}

static void on_remove(uv_work_t *work)
{
    struct removal *r = work->data;
    for (size_t i = 0; i < 2; i++)
        if (r->directories[i])
            nftw(r->directories[i], remove_one, WALK_DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}

static void on_removed(uv_work_t *work, int status)
{
    struct removal *r = work->data;
    (void)status; /* never cancelled */
    r->fn(r->data);
    free(r->directories[0]);
    free(r->directories[1]);
    free(r);
}

void screen_files_remove(uv_loop_t *loop, const char *first, const char *second, void (*fn)(void *data), void *data)
{
    struct removal *r = mem_calloc(1, sizeof *r);
    *r = (struct removal){.fn = fn, .data = data};
    r->directories[0] = first ? mem_strdup(first) : NULL;
    r->directories[1] = second ? mem_strdup(second) : NULL;
    r->work.data = r;
    uv_queue_work(loop, &r->work, on_remove, on_removed);
}
