/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads that somebody else puts into a directory. A pass: the directory is looked through, then each new file is
 * read, both on a thread. A file that was not the same in the pass before is still being written, and is read in the
 * next. */
#include "pipeline/readback_files.h"

#include "base/log.h"
#include "base/mem.h"
#include "io/disk.h"
#include "pipeline/intake_time.h"
#include "profile/profile.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct directory {
    struct readback_owners owners;
    struct readback_files before, now; /* of the last pass and of this one, by name */
    size_t next;                       /* of `now` */
    struct table done;                 /* names that were read */
    bool unsettled, failed, final;     /* this pass */
    struct err error;                  /* its first */
};

/* One look or one file. */
struct work {
    uv_work_t work;
    struct readback *readback;
    char *path;              /* the directory's or the file's */
    struct readback_file as; /* the file as it was seen; its name is borrowed */
    struct readback_files found;
    struct buf bytes;
    struct readback_upload upload;
    int64_t ends_ms; /* what it covers, since 1970; 0 unknown */
    bool changed;    /* while it was read */
    bool failed;
    struct err error;
};

static void work_free(struct work *w)
{
    readback_files_fini(&w->found);
    readback_upload_fini(&w->upload);
    buf_fini(&w->bytes);
    free(w->path);
    free(w);
}

static void start(struct readback *r, struct work *w, uv_work_cb on_thread, uv_after_work_cb on_loop)
{
    w->readback = r;
    w->work.data = w;
    readback_hold(r);
    uv_queue_work(r->loop, &w->work, on_thread, on_loop);
}

static void fail(struct directory *d, bool final, const struct err *e)
{
    if (!d->failed) {
        d->error = *e;
    }
    d->failed = true;
    d->final = d->final || final;
}

/* --- one file --- */

static bool is_as_seen(const struct work *w)
{
    struct stat info;
    return stat(w->path, &info) == 0 && (uint64_t)info.st_size == w->as.size &&
           info.st_mtim.tv_sec * INT64_C(1000000000) + info.st_mtim.tv_nsec == w->as.mtime_ns;
}

static bool is_archive(const char *name)
{
    size_t size = strlen(name);
    return size > 4 && strcmp(name + size - 4, ".zip") == 0;
}

/* A bare profile is an upload of one profile, of which nothing else is known. */
static void make_upload(struct work *w)
{
    const char *slash = strrchr(w->as.name, '/');
    w->upload.profiles = mem_calloc(1, sizeof *w->upload.profiles);
    w->upload.profiles[0] = (struct readback_profile){.name = slash != NULL ? slash + 1 : w->as.name,
                                                      .bytes = w->bytes.data != NULL ? w->bytes.data : "",
                                                      .size = w->bytes.size};
    w->upload.profile_count = 1;
    w->upload.start = mem_strdup("");
    w->upload.end = mem_strdup("");
    w->upload.runtime_id = mem_strdup("");
    w->upload.worker = mem_strdup("");
}

/* A zip's event says what it covers; a bare profile says it itself. */
static int64_t end_of(const struct readback_upload *upload)
{
    struct intake_time time;
    struct profile *p;
    struct err unread;
    int64_t end_ms = 0;
    if (intake_time_read(upload->end, &time) == 0) {
        return intake_time_ms(&time);
    }
    for (size_t i = 0; i < upload->profile_count; i++) {
        const struct readback_profile *at = &upload->profiles[i];
        if (profile_read(at->bytes, at->size, &profile_limits_default, &p, &unread) == 0) {
            int64_t ms = (p->time_ns + p->duration_ns) / 1000000;
            end_ms = ms > end_ms ? ms : end_ms;
            profile_free(p);
        }
    }
    return end_ms;
}

static void do_file(uv_work_t *work)
{
    struct work *w = work->data;
    size_t max = is_archive(w->as.name) ? READBACK_ARCHIVE_MAX : READBACK_FILE_MAX;
    w->failed = disk_read_now(w->path, max, &w->bytes, &w->error) != 0;
    w->changed = !is_as_seen(w);
    if (w->failed || w->changed) {
        return;
    }
    if (!is_archive(w->as.name)) {
        make_upload(w);
    } else if (readback_upload_read(w->bytes.data, w->bytes.size, &w->upload, &w->error) != 0) {
        w->failed = true;
        err_wrap(&w->error, "%s", w->path);
    }
    if (!w->failed) {
        w->ends_ms = end_of(&w->upload);
    }
}

/* What was there, or was over, before this run began is another run's, unless its very bytes are known. */
static bool is_older(const struct readback *r, const struct work *w)
{
    const struct directory *d = r->state;
    bool older = w->as.mtime_ns / 1000000 < r->from_ms || (w->ends_ms > 0 && w->ends_ms < r->from_ms);
    return older && !readback_owners_know(&d->owners, &w->upload);
}

static void next_file(struct readback *r);

static void take_file(struct readback *r, struct work *w)
{
    struct directory *d = r->state;
    size_t owner;
    struct err e;
    if (w->changed) {
        d->unsettled = true;
        return;
    }
    table_put_text(&d->done, w->as.name);
    if (w->failed) {
        fail(d, true, &w->error);
    } else if (is_older(r, w)) {
        log_line(LOG_INFO, "directory", "%s is older than this run, and none of its uploads", w->as.name);
    } else if (readback_owner_of(r, &d->owners, w->as.name, &w->upload, &owner, &e) != 0 ||
               readback_deliver(r, owner, w->as.name, &w->upload, &e) != 0) {
        fail(d, true, &e);
    }
}

static void on_file(uv_work_t *work, int status)
{
    struct work *w = work->data;
    struct readback *r = w->readback;
    assert(status == 0);
    (void)status;
    if (!readback_ended(r)) {
        take_file(r, w);
        next_file(r);
    }
    work_free(w);
    readback_release(r);
}

/* --- the directory --- */

static bool is_settled(const struct directory *d, const struct readback_file *file)
{
    size_t low = 0, high = d->before.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(d->before.items[middle].name, file->name);
        if (order == 0) {
            const struct readback_file *was = &d->before.items[middle];
            return was->size == file->size && was->mtime_ns == file->mtime_ns;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

static void end_pass(struct readback *r)
{
    struct directory *d = r->state;
    struct err e = d->error;
    for (size_t i = 0; i < r->instance_count && !d->unsettled; i++) {
        r->instances[i].asked = true;
    }
    readback_files_fini(&d->before);
    d->before = d->now;
    d->now = (struct readback_files){0};
    readback_passed(
        r, &(struct readback_pass){.error = d->failed ? &e : NULL, .final = d->final, .unsettled = d->unsettled});
}

/* Of several that can't be taken the first is told, when all others were. */
static void next_file(struct readback *r)
{
    struct directory *d = r->state;
    while (!readback_ended(r) && d->next < d->now.count) {
        const struct readback_file *file = &d->now.items[d->next++];
        if (table_find(&d->done, file->name, strlen(file->name)) != TABLE_NONE) {
            continue;
        }
        if (is_settled(d, file)) {
            struct work *w = mem_calloc(1, sizeof *w);
            w->as = *file;
            w->path = mem_printf("%s/%s", r->directory, file->name);
            start(r, w, do_file, on_file);
            return;
        }
        d->unsettled = true;
    }
    if (!readback_ended(r)) {
        end_pass(r);
    }
}

static void do_find(uv_work_t *work)
{
    struct work *w = work->data;
    w->failed = readback_files_find(w->path, &w->found, &w->error) != 0;
}

static void on_found(uv_work_t *work, int status)
{
    struct work *w = work->data;
    struct readback *r = w->readback;
    struct directory *d = r->state;
    assert(status == 0);
    (void)status;
    if (!readback_ended(r)) {
        d->now = w->found;
        w->found = (struct readback_files){0};
        d->next = 0;
        d->unsettled = d->failed = d->final = false;
        if (w->failed) {
            /* One that is not there yet may come. */
            fail(d, w->error.code != ERR_MISSING, &w->error);
        }
        next_file(r);
    }
    work_free(w);
    readback_release(r);
}

static void directory_pass(struct readback *r)
{
    struct work *w = mem_calloc(1, sizeof *w);
    w->path = mem_strdup(r->directory);
    start(r, w, do_find, on_found);
}

static void directory_open(struct readback *r, const struct readback_options *options)
{
    struct directory *d = mem_calloc(1, sizeof *d);
    readback_owners_fill(&d->owners, options);
    r->state = d;
}

static void directory_free(struct readback *r)
{
    struct directory *d = r->state;
    readback_owners_fini(&d->owners);
    readback_files_fini(&d->before);
    readback_files_fini(&d->now);
    table_fini(&d->done);
    free(d);
}

const struct readback_source readback_directory = {
    .open = directory_open, .pass = directory_pass, .free = directory_free};
