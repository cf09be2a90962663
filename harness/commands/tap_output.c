/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/tap_output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

void tap_output_add(struct tap_output *o, const struct buf *text)
{
    if (o->failed)
        return;
    if (o->pending.size + text->size > TAP_OUTPUT_MAX)
        o->left_out++;
    else
        buf_add(&o->pending, text->data, text->size);
    tap_output_flush(o);
}

/* pipe(7): a pipe that polls as writable takes PIPE_BUF bytes without waiting. */
static bool write_some(struct tap_output *o, int wait_ms)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    size_t size = o->pending.size < PIPE_BUF ? o->pending.size : PIPE_BUF;
    if (poll(&out, 1, wait_ms) <= 0)
        return false;
    ssize_t written = write(STDOUT_FILENO, o->pending.data, size);
    if (written < 0 && errno != EINTR && errno != EAGAIN) {
        err_sys(&o->error, ERR_WRITE, errno, "can't write to standard output");
        o->failed = true;
    }
    if (written > 0)
        buf_shift(&o->pending, (size_t)written);
    return written > 0;
}

void tap_output_flush(struct tap_output *o)
{
    while (o->pending.size > 0 && !o->failed && write_some(o, 0))
        ;
}

void tap_output_end(struct tap_output *o)
{
    while (o->pending.size > 0 && !o->failed && write_some(o, TAP_OUTPUT_END_MS))
        ;
    buf_fini(&o->pending);
}
