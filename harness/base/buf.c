/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/mem.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first allocation: most texts are one line. */
#define BUF_CAPACITY_MIN 64

void buf_fini(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}

void buf_clear(struct buf *b)
{
    b->size = 0;
    if (b->data != NULL) {
        b->data[0] = '\0';
    }
}

void buf_reserve(struct buf *b, size_t more)
{
    size_t wanted;
    if (__builtin_add_overflow(b->size, more, &wanted) || __builtin_add_overflow(wanted, (size_t)1, &wanted)) {
        wanted = SIZE_MAX; /* which no allocator has: ends as out of memory */
    }
    if (wanted <= b->capacity) {
        return;
    }
    size_t capacity = b->capacity > SIZE_MAX / 2 ? SIZE_MAX : b->capacity * 2;
    if (capacity < BUF_CAPACITY_MIN) {
        capacity = BUF_CAPACITY_MIN;
    }
    if (capacity < wanted) {
        capacity = wanted;
    }
    b->data = mem_realloc(b->data, capacity, 1);
    b->capacity = capacity;
    b->data[b->size] = '\0';
}

void buf_add(struct buf *b, const void *bytes, size_t size)
{
    if (size == 0) {
        return;
    }
    buf_reserve(b, size);
    memcpy(b->data + b->size, bytes, size);
    b->size += size;
    b->data[b->size] = '\0';
}

void buf_add_str(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

void buf_add_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    buf_vprintf(b, fmt, args);
    va_end(args);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    buf_reserve(b, BUF_CAPACITY_MIN - 1);
    size_t room = b->capacity - b->size;
    int length = vsnprintf(b->data + b->size, room, fmt, args);
    assert(length >= 0);
    if ((size_t)length >= room) {
        buf_reserve(b, (size_t)length);
        vsnprintf(b->data + b->size, (size_t)length + 1, fmt, again);
    }
    va_end(again);
    b->size += (size_t)length;
}

void buf_shift(struct buf *b, size_t count)
{
    assert(count <= b->size);
    if (count == 0) {
        return;
    }
    memmove(b->data, b->data + count, b->size - count + 1);
    b->size -= count;
}

char *buf_steal(struct buf *b)
{
    char *text = b->data != NULL ? b->data : mem_strdup("");
    *b = (struct buf){0};
    return text;
}
