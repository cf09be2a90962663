/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/copies.h"

#include "base/mem.h"
#include "engine/copy_description.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void journal_copy(struct host *host, enum stage stage, const char *instance, unsigned sequence, const char *hash,
                         size_t size)
{
    struct json_out out = journal_begin(&host->journal, "copy");
    json_put_string(&out, "stage", stage_name(stage));
    json_put_string(&out, "instance", instance);
    json_put_uint(&out, "sequence", sequence);
    json_put_string(&out, "sha256", hash);
    json_put_uint(&out, "size", size);
    journal_end(&host->journal, &out, true);
}

/* One upload on its way to the disk. */
struct upload_store {
    struct host *host;
    enum stage stage;
    char *instance;
    char (*hashes)[HASH_TEXT_SIZE];
    size_t parts, waiting; /* profiles, and how many of them are not done */
    bool failed;
    copies_stored_fn fn;
    void *data;
};

/* One of its profiles: hashed on a thread, since 64 MiB take a tenth of a second, then written. */
struct copy_store {
    uv_work_t work;
    struct upload_store *upload;
    size_t part;
    unsigned sequence;
    struct buf bytes, meta;
    struct json_out out; /* of `meta`, which still wants the hash */
    size_t size;
    bool failed;
};

static void finish_part(struct upload_store *u)
{
    if (--u->waiting > 0)
        return;
    if (!u->failed) {
        struct json_out out = journal_begin(&u->host->journal, "stored");
        json_put_string(&out, "stage", stage_name(u->stage));
        json_put_string(&out, "instance", u->instance);
        json_put_uint(&out, "copies", u->parts);
        journal_end(&u->host->journal, &out, true);
        if (u->stage == STAGE_UPLOAD)
            host_notify(u->host, RUN_UPLOAD, u->instance, "upload stored");
    }
    u->fn(!u->failed, u->hashes, u->parts, u->data);
    free(u->hashes);
    free(u->instance);
    free(u);
}

static void note_failure(struct copy_store *c, int status, const struct err *e)
{
    if (status == 0 || c->failed)
        return;
    bool first = !c->upload->host->unwritten;
    c->failed = c->upload->failed = true;
    host_write_failed(c->upload->host, e);
    if (first) /* all others would say the same of a full disk; how many were stored is counted */
        host_problem(c->upload->host, c->upload->instance, "make room on the disk of the run directory", NULL, 0,
                     "%s %u was received and could not be stored: %s", stage_name(c->upload->stage), c->sequence,
                     e->text);
}

static void on_meta_written(int status, const struct err *e, void *data)
{
    note_failure(data, status, e);
}

/* The event is written behind the file that it tells of. */
static void on_copy_written(int status, const struct err *e, void *data)
{
    struct copy_store *c = data;
    struct upload_store *u = c->upload;
    note_failure(c, status, e);
    if (!c->failed)
        journal_copy(u->host, u->stage, u->instance, c->sequence, u->hashes[c->part], c->size);
    free(c);
    finish_part(u);
}

static void on_hash(uv_work_t *work)
{
    struct copy_store *c = work->data;
    hash_text(c->bytes.data, c->bytes.size, c->upload->hashes[c->part]);
}

static void on_hashed(uv_work_t *work, int status)
{
    struct copy_store *c = work->data;
    struct host *host = c->upload->host;
    (void)status; /* never cancelled: a run closes only after its uploads are stored */
    json_put_string(&c->out, "sha256", c->upload->hashes[c->part]);
    copy_description_end(&c->out);
    char *base = mem_printf("%s/copies/%s/%s.%u", host->options->directory, stage_name(c->upload->stage),
                            c->upload->instance, c->sequence);
    char *pprof_path = mem_printf("%s.pprof", base), *json_path = mem_printf("%s.json", base);
    disk_put(host->disk, json_path, &c->meta, on_meta_written, c);
    disk_put(host->disk, pprof_path, &c->bytes, on_copy_written, c);
    free(base);
    free(pprof_path);
    free(json_path);
}

static void store_profile(struct upload_store *u, size_t part, unsigned sequence, const struct upload *upload)
{
    const struct upload_profile *profile = &upload->profiles[part];
    struct copy_store *c = mem_calloc(1, sizeof *c);
    c->work.data = c;
    c->upload = u;
    c->part = part;
    c->sequence = sequence;
    c->size = profile->size;
    buf_add(&c->bytes, profile->bytes, profile->size);
    struct copy_origin origin = {.stage = u->stage,
                                 .instance = u->instance,
                                 .sequence = sequence,
                                 .attachment = profile->name,
                                 .size = profile->size};
    c->out = copy_description_begin(&c->meta, &origin, upload);
    uv_queue_work(u->host->loop, &c->work, on_hash, on_hashed);
}

void copies_store_upload(struct host *host, enum stage stage, const char *instance, unsigned *sequence,
                         const struct upload *upload, copies_stored_fn fn, void *data)
{
    struct upload_store *u = mem_calloc(1, sizeof *u);
    *u = (struct upload_store){.host = host,
                               .stage = stage,
                               .instance = mem_strdup(instance),
                               .hashes = mem_calloc(upload->profile_count, sizeof *u->hashes),
                               .parts = upload->profile_count,
                               .waiting = upload->profile_count + 1,
                               .fn = fn,
                               .data = data};
    for (size_t i = 0; i < upload->profile_count; i++)
        store_profile(u, i, ++*sequence, upload);
    finish_part(u);
}

void copies_store_rejected(struct host *host, enum stage stage, unsigned number, const struct upload *upload)
{
    struct buf meta = {0}, body = {0};
    copy_description_rejected(&meta, upload);
    if (upload->body)
        buf_add(&body, upload->body->data, upload->body->size);

    char *base = mem_printf("%s/copies/%s/rejected/%u", host->options->directory, stage_name(stage), number);
    char *body_path = mem_printf("%s.body", base), *json_path = mem_printf("%s.json", base);
    disk_put(host->disk, json_path, &meta, NULL, NULL);
    disk_put(host->disk, body_path, &body, NULL, NULL);
    free(base);
    free(body_path);
    free(json_path);
}

/* --- local files --- */

struct local_file {
    char *path;
    struct timespec written;
    char hash[HASH_TEXT_SIZE];
    size_t size;
    unsigned sequence; /* of its copy; 0: it could not be moved */
};

struct collection {
    uv_work_t work;
    struct host *host;
    char *directory, *instance;
    enum stage stage;
    struct local_file *files;
    size_t count, capacity;
    size_t moved;
    bool failed;
    struct err error;
    copies_fn fn;
    void *data;
};

static bool ends_in(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);
    return size > end_size && strcmp(text + size - end_size, end) == 0;
}

bool copies_is_local(const char *name)
{
    return strstr(name, ".pprof") && !ends_in(name, ".json");
}

static int list_files(struct collection *c, struct err *e)
{
    DIR *directory = opendir(c->directory);
    if (!directory)
        return errno == ENOENT ? 0 : err_sys(e, ERR_INTERNAL, errno, "can't list %s", c->directory);
    int result = 0;
    struct dirent *entry;
    while (result == 0 && (entry = readdir(directory))) {
        struct stat status;
        if (!copies_is_local(entry->d_name))
            continue;
        char *path = mem_printf("%s/%s", c->directory, entry->d_name);
        if (lstat(path, &status) < 0 || !S_ISREG(status.st_mode)) {
            free(path);
            continue;
        }
        if (c->count == COPIES_FILES_MAX) {
            free(path);
            result = err_set(e, ERR_INPUT, "%s has more than %d profiles; the rest is left there", c->directory,
                             COPIES_FILES_MAX);
            break;
        }
        c->files = mem_grow(c->files, c->count, &c->capacity, sizeof *c->files);
        c->files[c->count++] = (struct local_file){.path = path, .written = status.st_mtim};
    }
    closedir(directory);
    return result;
}

static int by_time(const void *a, const void *b)
{
    const struct local_file *x = a, *y = b;
    if (x->written.tv_sec != y->written.tv_sec)
        return x->written.tv_sec < y->written.tv_sec ? -1 : 1;
    if (x->written.tv_nsec != y->written.tv_nsec)
        return x->written.tv_nsec < y->written.tv_nsec ? -1 : 1;
    return strverscmp(x->path, y->path);
}

static int write_meta(const struct collection *c, const struct local_file *file, size_t sequence, const char *base,
                      struct err *e)
{
    struct buf meta = {0};
    struct json_out out = json_begin(&meta, 2);
    const char *name = strrchr(file->path, '/');
    json_object(&out);
    json_put_string(&out, "stage", stage_name(c->stage));
    json_put_string(&out, "instance", c->instance);
    json_put_uint(&out, "sequence", sequence);
    json_put_string(&out, "file", name ? name + 1 : file->path);
    json_put_string(&out, "sha256", file->hash);
    json_put_uint(&out, "size", file->size);
    json_object_end(&out);
    buf_add_char(&meta, '\n');
    char *path = mem_printf("%s.json", base);
    int result = disk_write_now(path, meta.data, meta.size, e);
    free(path);
    buf_fini(&meta);
    return result;
}

/* The worker need not have done so, and a copy that is told of is one that is on the disk. */
static int sync_path(const char *path, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int failed = fd < 0 || fsync(fd) < 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    /* A file system that can't sync a directory (EINVAL) gives no such promise to anybody. */
    return failed && failed != EINVAL ? err_sys(e, ERR_WRITE, failed, "can't write %s to the disk", path) : 0;
}

static int move_file(struct collection *c, size_t index, struct err *e)
{
    struct local_file *file = &c->files[index];
    struct buf bytes = {0};
    if (disk_read_now(file->path, COPIES_FILE_MAX, &bytes, e) < 0)
        return -1;
    hash_text(bytes.data, bytes.size, file->hash);
    file->size = bytes.size;
    buf_fini(&bytes);
    char *base =
        mem_printf("%s/copies/%s/%s.%zu", c->host->options->directory, stage_name(c->stage), c->instance, c->moved + 1);
    char *path = mem_printf("%s.pprof", base);
    int result = sync_path(file->path, e);
    if (result == 0)
        result = write_meta(c, file, c->moved + 1, base, e);
    if (result == 0 && rename(file->path, path) < 0)
        result = err_sys(e, ERR_WRITE, errno, "can't move %s to %s", file->path, path);
    if (result == 0)
        file->sequence = (unsigned)++c->moved;
    free(base);
    free(path);
    return result;
}

static void keep_first(struct collection *c, int result, const struct err *e)
{
    if (result == 0 || c->failed)
        return;
    c->failed = true;
    c->error = *e;
}

/* One file that can't be moved does not keep the others back. */
static void on_collect(uv_work_t *work)
{
    struct collection *c = work->data;
    struct err e;
    char *target = mem_printf("%s/copies/%s", c->host->options->directory, stage_name(c->stage));
    keep_first(c, list_files(c, &e), &e);
    if (c->count > 0) {
        keep_first(c, disk_make_dir(target, &e), &e);
        qsort(c->files, c->count, sizeof *c->files, by_time);
    }
    for (size_t i = 0; i < c->count; i++)
        keep_first(c, move_file(c, i, &e), &e);
    if (c->moved > 0)
        keep_first(c, sync_path(target, &e), &e);
    free(target);
}

static void on_collected(uv_work_t *work, int status)
{
    struct collection *c = work->data;
    (void)status; /* never cancelled: a run closes only after its collections */
    for (size_t i = 0; i < c->count; i++)
        if (c->files[i].sequence > 0)
            journal_copy(c->host, c->stage, c->instance, c->files[i].sequence, c->files[i].hash, c->files[i].size);
    c->fn(c->moved, c->failed ? &c->error : NULL, c->data);
    for (size_t i = 0; i < c->count; i++)
        free(c->files[i].path);
    free(c->files);
    free(c->directory);
    free(c->instance);
    free(c);
}

void copies_collect_local(struct host *host, const char *directory, enum stage stage, const char *instance,
                          copies_fn fn, void *data)
{
    struct collection *c = mem_calloc(1, sizeof *c);
    c->work.data = c;
    c->host = host;
    c->directory = mem_strdup(directory);
    c->instance = mem_strdup(instance);
    c->stage = stage;
    c->fn = fn;
    c->data = data;
    uv_queue_work(host->loop, &c->work, on_collect, on_collected);
}
