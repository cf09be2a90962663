/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a multipart body: fed whole and in pieces, the outcome is the same. The first bytes say the sizes of the
 * pieces, the line after them is the Content-Type. */
#include "io/multipart.h"

#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PIECES 8

static const struct multipart_limits limits = {.max_parts = 5, .max_body = 4096};

static int feed(struct multipart *m, const uint8_t *sizes, const char *body, size_t size, struct err *e)
{
    int result = 0;
    size_t at = 0;
    for (size_t i = 0; at < size && result == 0; i++) {
        size_t piece = sizes == NULL ? size : (size_t)sizes[i % PIECES] + 1;
        piece = piece < size - at ? piece : size - at;
        /* A copy of its own, so that a sanitizer sees a read beyond the piece. */
        char *copy = mem_realloc(NULL, piece, 1);
        memcpy(copy, body + at, piece);
        result = multipart_feed(m, copy, piece, e);
        free(copy);
        at += piece;
    }
    return result != 0 ? result : multipart_end(m, e);
}

static void check_text(const char *a, const char *b)
{
    if ((a == NULL) != (b == NULL) || (a != NULL && strcmp(a, b) != 0)) {
        abort();
    }
}

static void check_equal(const struct multipart *a, const struct multipart *b)
{
    size_t count, other;
    const struct multipart_part *x = multipart_parts(a, &count);
    const struct multipart_part *y = multipart_parts(b, &other);
    if (count != other) {
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        check_text(x[i].name, y[i].name);
        check_text(x[i].filename, y[i].filename);
        check_text(x[i].content_type, y[i].content_type);
        if (x[i].body.size != y[i].body.size ||
            (x[i].body.size > 0 && memcmp(x[i].body.data, y[i].body.data, x[i].body.size) != 0)) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0}, other = {0};
    if (size < PIECES) {
        return 0;
    }
    const char *text = (const char *)data + PIECES;
    const char *line = memchr(text, '\n', size - PIECES);
    if (line == NULL) {
        return 0;
    }
    char *type = mem_strndup(text, (size_t)(line - text));
    size_t body_size = size - PIECES - (size_t)(line + 1 - text);
    struct multipart *whole = multipart_new(type, &limits, &e);
    struct multipart *pieces = multipart_new(type, &limits, &other);
    if ((whole == NULL) != (pieces == NULL)) {
        abort();
    }
    if (whole != NULL) {
        int result = feed(whole, NULL, line + 1, body_size, &e);
        if (result != feed(pieces, data, line + 1, body_size, &other)) {
            abort();
        }
        check_equal(whole, pieces);
    }
    check_text(e.text, other.text);
    multipart_free(whole);
    multipart_free(pieces);
    free(type);
    return 0;
}
