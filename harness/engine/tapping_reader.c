/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/tapping_reader.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/resource.h>

struct parts {
    struct flow_part *first, *last;
};

struct tapping_reader {
    uv_async_t async;
    uv_thread_t thread;
    uv_mutex_t mutex;
    uv_cond_t more;
    struct parts waiting, done; /* under the mutex, as is `stop` */
    bool stop;
    size_t count, bytes; /* the loop's: all that has not come back */
    tapping_read_fn fn;
    void *data;
};

static void push(struct parts *parts, struct flow_part *part)
{
    part->next = NULL;
    if (parts->last)
        parts->last->next = part;
    else
        parts->first = part;
    parts->last = part;
}

static struct flow_part *pop(struct parts *parts)
{
    struct flow_part *part = parts->first;
    if (part)
        parts->first = part->next;
    if (!parts->first)
        parts->last = NULL;
    return part;
}

static struct flow_part *wait_for_part(struct tapping_reader *r)
{
    uv_mutex_lock(&r->mutex);
    while (!r->waiting.first && !r->stop)
        uv_cond_wait(&r->more, &r->mutex);
    struct flow_part *part = pop(&r->waiting);
    uv_mutex_unlock(&r->mutex);
    return part;
}

static void read_parts(void *data)
{
    struct tapping_reader *r = data;
    struct flow_part *part;
    setpriority(PRIO_PROCESS, 0, TAPPING_READER_NICE); /* of this thread alone, see setpriority(2), "C library/kernel
                                                          differences" */
    while ((part = wait_for_part(r))) {
        flow_read(part);
        uv_mutex_lock(&r->mutex);
        push(&r->done, part);
        uv_mutex_unlock(&r->mutex);
        uv_async_send(&r->async);
    }
}

/* One call may stand for several that were sent. */
static void on_done(uv_async_t *async)
{
    struct tapping_reader *r = async->data;
    uv_mutex_lock(&r->mutex);
    struct parts done = r->done;
    r->done = (struct parts){0};
    uv_mutex_unlock(&r->mutex);
    for (struct flow_part *part; (part = pop(&done));) {
        r->count--;
        r->bytes -= part->size;
        r->fn(part, r->data);
    }
}

static void on_closed(uv_handle_t *handle)
{
    struct tapping_reader *r = handle->data;
    uv_cond_destroy(&r->more);
    uv_mutex_destroy(&r->mutex);
    free(r);
}

struct tapping_reader *tapping_reader_new(uv_loop_t *loop, tapping_read_fn fn, void *data, struct err *e)
{
    struct tapping_reader *r = mem_calloc(1, sizeof *r);
    r->fn = fn;
    r->data = data;
    uv_async_init(loop, &r->async, on_done);
    r->async.data = r;
    uv_mutex_init(&r->mutex);
    uv_cond_init(&r->more);
    int failed = uv_thread_create(&r->thread, read_parts, r);
    if (failed == 0)
        return r;
    err_set(e, ERR_INTERNAL, "can't start a thread that reads profiles: %s", uv_strerror(failed));
    uv_close((uv_handle_t *)&r->async, on_closed);
    return NULL;
}

void tapping_reader_add(struct tapping_reader *r, struct flow_part *part)
{
    r->count++;
    r->bytes += part->size;
    uv_mutex_lock(&r->mutex);
    push(&r->waiting, part);
    uv_cond_signal(&r->more);
    uv_mutex_unlock(&r->mutex);
}

bool tapping_reader_has_room(const struct tapping_reader *r)
{
    return r->count < TAPPING_READ_COUNT_MAX && r->bytes <= TAPPING_READ_BYTES_MAX;
}

void tapping_reader_close(struct tapping_reader *r)
{
    assert(r->count == 0);
    uv_mutex_lock(&r->mutex);
    r->stop = true;
    uv_cond_signal(&r->more);
    uv_mutex_unlock(&r->mutex);
    uv_thread_join(&r->thread);
    uv_close((uv_handle_t *)&r->async, on_closed);
}
