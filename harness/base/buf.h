/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer, always followed by a zero byte that `size` does not count. */
#ifndef LOCKTRAIL_BASE_BUF_H
#define LOCKTRAIL_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

/* `{0}` is a valid empty buffer; `data` is NULL until the first byte. Owned by whoever declared it. */
struct buf {
    char *data;
    size_t size; /* bytes */
    size_t capacity;
};

/* Frees the bytes and leaves an empty buffer. */
void buf_fini(struct buf *b);

/* Empties it and keeps the memory. */
void buf_clear(struct buf *b);

/* Makes room for `more` further bytes. Running out of memory ends the program with a message (glibc overcommits: it
 * happens only where a bound is missing, and then there is nothing sensible left to do). */
void buf_reserve(struct buf *b, size_t more);

void buf_add(struct buf *b, const void *bytes, size_t size);
void buf_add_str(struct buf *b, const char *text);
void buf_add_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));

/* Cuts `count` bytes off the front. */
void buf_shift(struct buf *b, size_t count);

/* The bytes as a string for the caller to free (never NULL); the buffer is empty afterwards. */
char *buf_steal(struct buf *b);

#endif
