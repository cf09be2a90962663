/* SPDX-License-Identifier: Apache-2.0 */
#include "io/spool.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* One write. Large enough for a disk, and a copy of it is no burden. */
#define BLOCK_SIZE ((size_t)256 << 10)

struct spool {
    uv_loop_t *loop;
    const char *directory;
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
    spool_fn fn;
    void *data;
    bool freed; /* what is under way is the last */
    void (*freed_fn)(void *data);
    void *freed_data;
};

static void write_next(struct spool *s);
static void release(struct spool *s);

struct spool *spool_new(uv_loop_t *loop, const char *directory, size_t *memory, spool_fn fn, void *data)
{
    struct spool *s = mem_calloc(1, sizeof *s);
    *s = (struct spool){
        .loop = loop, .directory = directory, .memory = memory, .reader = true, .fd = -1, .fn = fn, .data = data};
    return s;
}

static void account(struct spool *s)
{
    *s->memory += s->window.capacity - s->accounted;
    s->accounted = s->window.capacity;
}

/* What nobody needs in memory any more goes when it is more than the rest, so that moving the rest stays cheap. */
static void trim(struct spool *s)
{
    uint64_t needed = s->error != 0 ? s->size : s->written;
    if (s->reader && s->read < needed) {
        needed = s->read;
    }
    size_t unneeded = (size_t)(needed - s->window_at);
    if (!s->spooling || unneeded == 0) {
        return;
    }
    if (unneeded == s->window.size) {
        buf_fini(&s->window);
    } else if (unneeded > s->window.size / 2) {
        buf_shift(&s->window, unneeded);
    } else {
        return;
    }
    s->window_at = needed;
    account(s);
}

/* A step of the file is over: the last one of a record that was freed meanwhile ends it. */
static bool step_over(struct spool *s, int error)
{
    uv_fs_req_cleanup(&s->fs);
    s->busy = false;
    if (error != 0 && s->error == 0) {
        s->error = error;
    }
    if (s->freed) {
        release(s);
        return false;
    }
    return true;
}

static void on_step(struct spool *s)
{
    write_next(s);
    trim(s);
    s->fn(s->data);
}

static void on_written(uv_fs_t *fs)
{
    struct spool *s = fs->data;
    ssize_t result = fs->result;
    s->written += result > 0 ? (uint64_t)result : 0;
    buf_clear(&s->block);
    if (step_over(s, result > 0 ? 0 : result < 0 ? (int)result : UV_ENOSPC)) {
        on_step(s);
    }
}

static void on_unlinked(uv_fs_t *fs)
{
    struct spool *s = fs->data;
    if (step_over(s, (int)fs->result)) {
        on_step(s);
    }
}

static void on_made(uv_fs_t *fs)
{
    struct spool *s = fs->data;
    if (fs->result < 0) {
        if (step_over(s, (int)fs->result)) {
            on_step(s);
        }
        return;
    }
    char *path = mem_strdup(fs->path);
    s->fd = (int)fs->result;
    uv_fs_req_cleanup(fs);
    int result = uv_fs_unlink(s->loop, fs, path, on_unlinked);
    free(path);
    if (result != 0 && step_over(s, result)) {
        on_step(s);
    }
}

static void make_file(struct spool *s)
{
    char *path = mem_printf("%s/spool-XXXXXX", s->directory);
    int result = uv_fs_mkstemp(s->loop, &s->fs, path, on_made);
    free(path);
    if (result != 0) {
        s->error = result;
    } else {
        s->busy = true;
        s->fs.data = s;
    }
}

static void write_block(struct spool *s)
{
    size_t at = (size_t)(s->written - s->window_at), size = s->window.size - at;
    buf_add(&s->block, s->window.data + at, size < BLOCK_SIZE ? size : BLOCK_SIZE);
    uv_buf_t bytes = uv_buf_init(s->block.data, (unsigned)s->block.size);
    int result = uv_fs_write(s->loop, &s->fs, s->fd, &bytes, 1, (int64_t)s->written, on_written);
    if (result != 0) {
        s->error = result;
    } else {
        s->busy = true;
        s->fs.data = s;
    }
}

static void write_next(struct spool *s)
{
    if (!s->spooling || s->busy || s->error != 0 || s->written == s->size) {
        return;
    }
    if (s->fd < 0) {
        make_file(s);
    } else {
        write_block(s);
    }
}

void spool_use(struct spool *s, struct buf *memory)
{
    s->window = *memory;
    *memory = (struct buf){0};
    account(s);
}

struct buf spool_memory(struct spool *s)
{
    struct buf memory = s->window;
    s->window = (struct buf){0};
    account(s);
    return memory;
}

void spool_add(struct spool *s, const void *bytes, size_t size)
{
    size_t limit = *s->memory > SPOOL_MEMORY_ALL_MAX ? SPOOL_AHEAD_MAX : SPOOL_MEMORY_MAX;
    buf_add(&s->window, bytes, size);
    s->size += size;
    account(s);
    if (s->directory != NULL && s->size > limit) {
        s->spooling = true;
    }
    write_next(s);
}

uint64_t spool_size(const struct spool *s)
{
    return s->size;
}

size_t spool_read(struct spool *s, void *out, size_t room)
{
    uint64_t left = s->size - s->read;
    size_t size = left < room ? (size_t)left : room;
    if (size > 0) {
        memcpy(out, s->window.data + (s->read - s->window_at), size);
        s->read += size;
        trim(s);
    }
    return size;
}

uint64_t spool_unread(const struct spool *s)
{
    return s->size - s->read;
}

void spool_no_reader(struct spool *s)
{
    s->reader = false;
    trim(s);
}

bool spool_full(const struct spool *s)
{
    return s->spooling && ((s->reader && s->size - s->read > SPOOL_AHEAD_MAX) ||
                           (s->error == 0 && s->size - s->written > SPOOL_AHEAD_MAX));
}

bool spool_settled(const struct spool *s)
{
    return !s->spooling || (!s->busy && (s->error != 0 || s->written == s->size));
}

int spool_view(struct spool *s, struct buf *out, struct err *e)
{
    *out = (struct buf){0};
    if (s->error != 0) {
        return err_set(e, ERR_WRITE, "the body can't be kept in %s: %s", s->directory, uv_strerror(s->error));
    }
    if (!s->spooling) {
        *out = (struct buf){.data = s->window.data, .size = s->window.size};
        return 0;
    }
    if (s->map == NULL) {
        void *map = mmap(NULL, (size_t)s->size, PROT_READ, MAP_PRIVATE, s->fd, 0);
        if (map == MAP_FAILED) {
            return err_set(e, ERR_WRITE, "the body can't be read back from %s: %m", s->directory);
        }
        s->map = map;
    }
    *out = (struct buf){.data = s->map, .size = (size_t)s->size};
    return 0;
}

static void finish(struct spool *s)
{
    void (*freed)(void *data) = s->freed_fn;
    void *data = s->freed_data;
    free(s);
    freed(data);
}

static void on_closed(uv_fs_t *fs)
{
    uv_fs_req_cleanup(fs);
    finish(fs->data);
}

/* The file's blocks are given back by a thread: it may have 100 MB. */
static void release(struct spool *s)
{
    buf_fini(&s->block);
    if (s->fd >= 0 && uv_fs_close(s->loop, &s->fs, s->fd, on_closed) == 0) {
        s->fs.data = s;
        return;
    }
    finish(s);
}

void spool_free(struct spool *s, void (*freed)(void *data), void *data)
{
    buf_fini(&s->window);
    account(s);
    if (s->map != NULL) {
        munmap(s->map, (size_t)s->size);
    }
    s->freed = true;
    s->freed_fn = freed;
    s->freed_data = data;
    if (!s->busy) {
        release(s);
    }
}
