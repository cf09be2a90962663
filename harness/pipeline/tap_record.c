/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/tap_record.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* One write. Large enough for a disk, and a copy of it is no burden. */
#define BLOCK_SIZE ((size_t)256 << 10)

struct tap_record {
    uv_loop_t *loop;
    const char *spool;
    size_t *memory;
    size_t accounted;  /* of `*memory` */
    struct buf window; /* the bytes from `window_at` on */
    uint64_t window_at;
    uint64_t size;    /* of all that came */
    uint64_t read;    /* of these, by the next hop */
    uint64_t written; /* of these, to the file */
    bool reader;
    bool spooling; /* beyond the limit: a file is wanted */
    bool busy;     /* `fs` is under way */
    int fd;        /* -1 */
    struct buf block;
    uv_fs_t fs;
    int error; /* of libuv: the file was given up */
    void *map;
    tap_record_fn fn;
    void *data;
    bool freed; /* what is under way is the last */
    void (*freed_fn)(void *data);
    void *freed_data;
};

static void write_next(struct tap_record *r);
static void release(struct tap_record *r);

struct tap_record *tap_record_new(uv_loop_t *loop, const char *spool, size_t *memory, tap_record_fn fn, void *data)
{
    struct tap_record *r = mem_calloc(1, sizeof *r);
    *r = (struct tap_record){
        .loop = loop, .spool = spool, .memory = memory, .reader = true, .fd = -1, .fn = fn, .data = data};
    return r;
}

static void account(struct tap_record *r)
{
    *r->memory += r->window.capacity - r->accounted;
    r->accounted = r->window.capacity;
}

/* What nobody needs in memory any more goes when it is more than the rest, so that moving the rest stays cheap. */
static void trim(struct tap_record *r)
{
    uint64_t needed = r->error != 0 ? r->size : r->written;
    if (r->reader && r->read < needed) {
        needed = r->read;
    }
    size_t unneeded = (size_t)(needed - r->window_at);
    if (!r->spooling || unneeded == 0) {
        return;
    }
    if (unneeded == r->window.size) {
        buf_fini(&r->window);
    } else if (unneeded > r->window.size / 2) {
        buf_shift(&r->window, unneeded);
    } else {
        return;
    }
    r->window_at = needed;
    account(r);
}

/* A step of the file is over: the last one of a record that was freed meanwhile ends it. */
static bool step_over(struct tap_record *r, int error)
{
    uv_fs_req_cleanup(&r->fs);
    r->busy = false;
    if (error != 0 && r->error == 0) {
        r->error = error;
    }
    if (r->freed) {
        release(r);
        return false;
    }
    return true;
}

static void on_step(struct tap_record *r)
{
    write_next(r);
    trim(r);
    r->fn(r->data);
}

static void on_written(uv_fs_t *fs)
{
    struct tap_record *r = fs->data;
    ssize_t result = fs->result;
    r->written += result > 0 ? (uint64_t)result : 0;
    buf_clear(&r->block);
    if (step_over(r, result > 0 ? 0 : result < 0 ? (int)result : UV_ENOSPC)) {
        on_step(r);
    }
}

static void on_unlinked(uv_fs_t *fs)
{
    struct tap_record *r = fs->data;
    if (step_over(r, (int)fs->result)) {
        on_step(r);
    }
}

static void on_made(uv_fs_t *fs)
{
    struct tap_record *r = fs->data;
    if (fs->result < 0) {
        if (step_over(r, (int)fs->result)) {
            on_step(r);
        }
        return;
    }
    char *path = mem_strdup(fs->path);
    r->fd = (int)fs->result;
    uv_fs_req_cleanup(fs);
    int result = uv_fs_unlink(r->loop, fs, path, on_unlinked);
    free(path);
    if (result != 0 && step_over(r, result)) {
        on_step(r);
    }
}

static void make_file(struct tap_record *r)
{
    char *path = mem_printf("%s/tap-XXXXXX", r->spool);
    int result = uv_fs_mkstemp(r->loop, &r->fs, path, on_made);
    free(path);
    if (result != 0) {
        r->error = result;
    } else {
        r->busy = true;
        r->fs.data = r;
    }
}

static void write_block(struct tap_record *r)
{
    size_t at = (size_t)(r->written - r->window_at), size = r->window.size - at;
    buf_add(&r->block, r->window.data + at, size < BLOCK_SIZE ? size : BLOCK_SIZE);
    uv_buf_t bytes = uv_buf_init(r->block.data, (unsigned)r->block.size);
    int result = uv_fs_write(r->loop, &r->fs, r->fd, &bytes, 1, (int64_t)r->written, on_written);
    if (result != 0) {
        r->error = result;
    } else {
        r->busy = true;
        r->fs.data = r;
    }
}

static void write_next(struct tap_record *r)
{
    if (!r->spooling || r->busy || r->error != 0 || r->written == r->size) {
        return;
    }
    if (r->fd < 0) {
        make_file(r);
    } else {
        write_block(r);
    }
}

void tap_record_use(struct tap_record *r, struct buf *memory)
{
    r->window = *memory;
    *memory = (struct buf){0};
    account(r);
}

struct buf tap_record_memory(struct tap_record *r)
{
    struct buf memory = r->window;
    r->window = (struct buf){0};
    account(r);
    return memory;
}

void tap_record_add(struct tap_record *r, const void *bytes, size_t size)
{
    size_t limit = *r->memory > TAP_MEMORY_ALL_MAX ? TAP_AHEAD_MAX : TAP_MEMORY_MAX;
    buf_add(&r->window, bytes, size);
    r->size += size;
    account(r);
    if (r->spool != NULL && r->size > limit) {
        r->spooling = true;
    }
    write_next(r);
}

uint64_t tap_record_size(const struct tap_record *r)
{
    return r->size;
}

size_t tap_record_read(struct tap_record *r, void *out, size_t room)
{
    uint64_t left = r->size - r->read;
    size_t size = left < room ? (size_t)left : room;
    if (size > 0) {
        memcpy(out, r->window.data + (r->read - r->window_at), size);
        r->read += size;
        trim(r);
    }
    return size;
}

uint64_t tap_record_unread(const struct tap_record *r)
{
    return r->size - r->read;
}

void tap_record_no_reader(struct tap_record *r)
{
    r->reader = false;
    trim(r);
}

bool tap_record_full(const struct tap_record *r)
{
    return r->spooling && ((r->reader && r->size - r->read > TAP_AHEAD_MAX) ||
                           (r->error == 0 && r->size - r->written > TAP_AHEAD_MAX));
}

bool tap_record_settled(const struct tap_record *r)
{
    return !r->spooling || (!r->busy && (r->error != 0 || r->written == r->size));
}

int tap_record_view(struct tap_record *r, struct buf *out, struct err *e)
{
    *out = (struct buf){0};
    if (r->error != 0) {
        return err_set(e, ERR_WRITE, "the body can't be kept in %s: %s", r->spool, uv_strerror(r->error));
    }
    if (!r->spooling) {
        *out = (struct buf){.data = r->window.data, .size = r->window.size};
        return 0;
    }
    if (r->map == NULL) {
        void *map = mmap(NULL, (size_t)r->size, PROT_READ, MAP_PRIVATE, r->fd, 0);
        if (map == MAP_FAILED) {
            return err_set(e, ERR_WRITE, "the body can't be read back from %s: %m", r->spool);
        }
        r->map = map;
    }
    *out = (struct buf){.data = r->map, .size = (size_t)r->size};
    return 0;
}

static void finish(struct tap_record *r)
{
    void (*freed)(void *data) = r->freed_fn;
    void *data = r->freed_data;
    free(r);
    freed(data);
}

static void on_closed(uv_fs_t *fs)
{
    uv_fs_req_cleanup(fs);
    finish(fs->data);
}

/* The file's blocks are given back by a thread: it may have 100 MB. */
static void release(struct tap_record *r)
{
    buf_fini(&r->block);
    if (r->fd >= 0 && uv_fs_close(r->loop, &r->fs, r->fd, on_closed) == 0) {
        r->fs.data = r;
        return;
    }
    finish(r);
}

void tap_record_free(struct tap_record *r, void (*freed)(void *data), void *data)
{
    buf_fini(&r->window);
    account(r);
    if (r->map != NULL) {
        munmap(r->map, (size_t)r->size);
    }
    r->freed = true;
    r->freed_fn = freed;
    r->freed_data = data;
    if (!r->busy) {
        release(r);
    }
}
