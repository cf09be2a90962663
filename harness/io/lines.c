/* SPDX-License-Identifier: Apache-2.0 */
#include "io/lines.h"

#include <string.h>

static void hand_over(struct lines *l, const char *line, size_t size, lines_fn fn, void *data)
{
    if (!l->skipping) {
        fn(size > l->max ? NULL : line, size, data);
    }
    l->skipping = false;
}

/* A line's end that may have a beginning from earlier pieces. */
static void end_line(struct lines *l, const char *rest, size_t size, lines_fn fn, void *data)
{
    if (l->begun.size == 0) {
        hand_over(l, rest, size, fn, data);
        return;
    }
    if (l->begun.size + size > l->max) {
        hand_over(l, NULL, l->begun.size + size, fn, data);
    } else {
        buf_add(&l->begun, rest, size);
        hand_over(l, l->begun.data, l->begun.size, fn, data);
    }
    buf_clear(&l->begun);
}

static void begin_line(struct lines *l, const char *bytes, size_t size, lines_fn fn, void *data)
{
    if (l->skipping || size == 0) {
        return;
    }
    if (l->begun.size + size > l->max) {
        fn(NULL, l->begun.size + size, data);
        l->skipping = true;
        buf_fini(&l->begun);
        return;
    }
    buf_add(&l->begun, bytes, size);
}

void lines_feed(struct lines *l, char *bytes, size_t size, lines_fn fn, void *data)
{
    char *at = bytes, *end = bytes + size, *newline;
    while (at < end && (newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        *newline = '\0';
        end_line(l, at, (size_t)(newline - at), fn, data);
        at = newline + 1;
    }
    begin_line(l, at, (size_t)(end - at), fn, data);
}

void lines_end(struct lines *l, lines_fn fn, void *data)
{
    if (l->begun.size > 0) {
        end_line(l, "", 0, fn, data);
    }
    l->skipping = false;
}

void lines_fini(struct lines *l)
{
    buf_fini(&l->begun);
}
