/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/tapping_reader.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

struct parts {
    struct flow_part *first, *last;
};

struct tapping_reader {
    /* An eventfd. Not uv_async_send: libuv spins while a sender is in the middle of it, and this one, which stands
     * back, may be kept from the processor there by the very loop that it wakes. */
    int wake;
    uv_poll_t poll;
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
        eventfd_write(r->wake, 1);
    }
}

/* One call may stand for several parts. */
static void on_done(uv_poll_t *poll, int status, int events)
{
    struct tapping_reader *r = poll->data;
    eventfd_t count;
    (void)status;
    (void)events;
    eventfd_read(r->wake, &count);
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
    close(r->wake);
    uv_cond_destroy(&r->more);
    uv_mutex_destroy(&r->mutex);
    free(r);
}

struct tapping_reader *tapping_reader_new(uv_loop_t *loop, tapping_read_fn fn, void *data, struct err *e)
{
    struct tapping_reader *r = mem_calloc(1, sizeof *r);
    r->fn = fn;
    r->data = data;
    r->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (r->wake < 0) {
        err_sys(e, ERR_INTERNAL, errno, "can't start a thread that reads profiles");
        free(r);
        return NULL;
    }
    uv_poll_init(loop, &r->poll, r->wake);
    uv_poll_start(&r->poll, UV_READABLE, on_done);
    r->poll.data = r;
    uv_mutex_init(&r->mutex);
    uv_cond_init(&r->more);
    int failed = uv_thread_create(&r->thread, read_parts, r);
    if (failed == 0)
        return r;
    err_set(e, ERR_INTERNAL, "can't start a thread that reads profiles: %s", uv_strerror(failed));
    uv_close((uv_handle_t *)&r->poll, on_closed);
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
    uv_close((uv_handle_t *)&r->poll, on_closed);
}
