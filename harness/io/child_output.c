/* SPDX-License-Identifier: Apache-2.0 */
#include "io/child_output.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a pipe holds on Linux (pipe(7)), so one read empties it. */
#define CHUNK_MAX ((size_t)64 << 10)

static void write_next(struct child_output *o);

int child_pipe_open(uv_pipe_t *pipe, int *write_end, struct err *e)
{
    uv_file ends[2];
    int result = uv_pipe(ends, UV_NONBLOCK_PIPE, 0);
    if (result != 0) {
        return err_set(e, ERR_INTERNAL, "cannot make a pipe: %s", uv_strerror(result));
    }
    result = uv_pipe_open(pipe, ends[0]);
    if (result != 0) {
        close(ends[0]);
        close(ends[1]);
        return err_set(e, ERR_INTERNAL, "cannot watch a pipe: %s", uv_strerror(result));
    }
    *write_end = ends[1];
    return 0;
}

int child_output_open(struct child_output *o, const char *path, uint64_t max, int *write_end, struct err *e)
{
    o->max = max;
    if (path != NULL) {
        o->file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
        if (o->file < 0) {
            return err_sys(e, ERR_WRITE, errno, "cannot write %s", path);
        }
    }
    if (child_pipe_open(&o->pipe, write_end, e) != 0) {
        child_output_abandon(o);
        return -1;
    }
    o->path = path != NULL ? mem_strdup(path) : NULL;
    return 0;
}

void child_output_abandon(struct child_output *o)
{
    if (o->file >= 0) {
        close(o->file);
        o->file = -1;
    }
}

void child_output_fini(struct child_output *o)
{
    free(o->path);
    free(o->chunk);
}

/* --- the last bytes --- */

static void tail_add(struct child_output *o, const char *bytes, size_t size)
{
    if (size >= CHILD_TAIL_MAX) {
        bytes += size - CHILD_TAIL_MAX;
        size = CHILD_TAIL_MAX;
        o->tail_size = 0;
    }
    if (o->tail_size + size > sizeof o->tail) {
        size_t keep = CHILD_TAIL_MAX - size;
        memmove(o->tail, o->tail + o->tail_size - keep, keep);
        o->tail_size = keep;
    }
    memcpy(o->tail + o->tail_size, bytes, size);
    o->tail_size += size;
}

const char *child_tail_get(const struct child_output *o, size_t *size)
{
    *size = o->tail_size < CHILD_TAIL_MAX ? o->tail_size : CHILD_TAIL_MAX;
    return o->tail + o->tail_size - *size;
}

/* --- from the pipe --- */

static void on_closed(uv_fs_t *request)
{
    struct child_output *o = request->data;
    if (request->result < 0 && !o->failed) {
        o->failed = true;
        err_set(&o->error, ERR_WRITE, "cannot write %s: %s", o->path, uv_strerror((int)request->result));
    }
    uv_fs_req_cleanup(request);
    o->done = true;
    o->on_done(o->data);
}

static void close_file(struct child_output *o)
{
    if (o->file < 0) {
        o->done = true;
        o->on_done(o->data);
        return;
    }
    uv_file file = o->file;
    o->file = -1;
    o->request.data = o;
    uv_fs_close(o->pipe.loop, &o->request, file, on_closed);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct child_output *o = handle->data;
    (void)suggested;
    if (o->chunk == NULL) {
        o->chunk = mem_realloc(NULL, CHUNK_MAX, 1);
    }
    *buf = uv_buf_init(o->chunk, CHUNK_MAX);
}

/* The first `size` bytes of the chunk are new. */
static void keep_chunk(struct child_output *o, size_t size)
{
    uint64_t room = o->failed ? 0 : o->max - o->kept;
    o->chunk_done = 0;
    o->chunk_size = size <= room ? size : (size_t)room;
    o->dropped += size - o->chunk_size;
    if (o->chunk_size > 0) {
        uv_read_stop((uv_stream_t *)&o->pipe);
        write_next(o);
    }
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    struct child_output *o = stream->data;
    if (size == 0) {
        return;
    }
    if (size < 0) {
        uv_read_stop(stream);
        o->eof = true;
        close_file(o);
        return;
    }
    o->total += (uint64_t)size;
    tail_add(o, buf->base, (size_t)size);
    if (o->file >= 0) {
        keep_chunk(o, (size_t)size);
    }
    o->on_progress(o->data);
}

void child_output_read(struct child_output *o)
{
    o->pipe.data = o;
    uv_read_start((uv_stream_t *)&o->pipe, on_alloc, on_read);
}

void child_output_cut(struct child_output *o, const char *reason)
{
    if (o->eof || o->writing) {
        return; /* a write under way ends by itself; whoever cuts asks again then */
    }
    uv_read_stop((uv_stream_t *)&o->pipe);
    o->eof = true;
    if (!o->failed) {
        o->failed = true;
        err_set(&o->error, ERR_WRITE, "%s was cut off: %s", o->name, reason);
    }
    close_file(o);
}

/* --- to the file --- */

static void on_written(uv_fs_t *request)
{
    struct child_output *o = request->data;
    ssize_t result = request->result;
    uv_fs_req_cleanup(request);
    o->writing = false;
    if (result > 0) {
        o->kept += (uint64_t)result;
        o->chunk_done += (size_t)result;
    } else {
        o->failed = true;
        o->dropped += o->chunk_size - o->chunk_done;
        o->chunk_done = o->chunk_size;
        err_set(&o->error, ERR_WRITE, "cannot write %s: %s", o->path,
                result == 0 ? "nothing was written" : uv_strerror((int)result));
    }
    if (o->chunk_done < o->chunk_size) {
        write_next(o);
    } else {
        child_output_read(o);
    }
    o->on_progress(o->data);
}

static void write_next(struct child_output *o)
{
    uv_buf_t rest = uv_buf_init(o->chunk + o->chunk_done, (unsigned)(o->chunk_size - o->chunk_done));
    o->writing = true;
    o->request.data = o;
    uv_fs_write(o->pipe.loop, &o->request, o->file, &rest, 1, -1, on_written);
}
