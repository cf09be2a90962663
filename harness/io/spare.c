/* SPDX-License-Identifier: Apache-2.0 */
#include "io/spare.h"

/* The smallest with room for `size` bytes, NULL where there is none. */
static struct buf *find(struct spare *s, size_t size)
{
    struct buf *best = NULL;
    for (size_t i = 0; i < SPARE_COUNT; i++) {
        struct buf *b = &s->items[i];
        if (b->capacity > size && (best == NULL || b->capacity < best->capacity)) {
            best = b;
        }
    }
    return best;
}

struct buf spare_take(struct spare *s, uint64_t size)
{
    struct buf out = {0};
    size_t wanted = size < SPARE_MAX ? (size_t)size : SPARE_MAX;
    struct buf *found = wanted >= SPARE_MIN ? find(s, wanted) : NULL;
    if (found != NULL) {
        out = *found;
        s->bytes -= out.capacity;
        *found = (struct buf){0};
    } else if (wanted > 0) {
        buf_reserve(&out, wanted);
    }
    return out;
}

static struct buf *find_smallest(struct spare *s)
{
    struct buf *smallest = &s->items[0];
    for (size_t i = 1; i < SPARE_COUNT; i++) {
        if (s->items[i].capacity < smallest->capacity) {
            smallest = &s->items[i];
        }
    }
    return smallest;
}

void spare_give(struct spare *s, struct buf *b)
{
    struct buf *place = find_smallest(s);
    size_t bytes = s->bytes - place->capacity + b->capacity;
    if (b->capacity > place->capacity && b->capacity >= SPARE_MIN && b->capacity <= SPARE_MAX + 1 &&
        bytes <= SPARE_BYTES_MAX) {
        struct buf out = *place;
        *place = *b;
        buf_clear(place);
        s->bytes = bytes;
        *b = out;
    }
    buf_fini(b);
}

void spare_fini(struct spare *s)
{
    for (size_t i = 0; i < SPARE_COUNT; i++) {
        buf_fini(&s->items[i]);
    }
    s->bytes = 0;
}
