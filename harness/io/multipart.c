/* SPDX-License-Identifier: Apache-2.0 */
/* Happy path: PREAMBLE (nothing, usually) → AFTER the boundary → PADDING → HEAD, line by line → BODY → AFTER … →
 * CLOSING → EPILOGUE.
 * Failure modes: no boundary comes, a boundary is followed by something else than its line's end, a head is malformed
 * or too long, a limit is reached, the body ends early. Each is final, and names the offset.
 *
 * The search is linear: the delimiter CR LF - - BOUNDARY has its only CR in front, so that after a mismatch nothing but
 * the byte at hand can begin another match, and what matched so far is known without looking back. */
#include "io/multipart.h"

#include "base/mem.h"
#include "io/multipart_head.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum state {
    PREAMBLE,   /* before the first boundary */
    BODY,       /* of a part */
    AFTER,      /* right after a boundary */
    DASH,       /* after its first '-' */
    PADDING,    /* spaces and tabs (RFC 2046: transport padding) */
    PADDING_CR, /* after the CR behind them */
    HEAD,       /* in a header line */
    HEAD_CR,    /* after its CR */
    CLOSING,    /* after the boundary's second "--" */
    CLOSING_CR, /* after the CR behind it */
    EPILOGUE    /* whatever follows */
};

struct multipart {
    enum state state;
    bool failed;
    struct err error; /* valid where failed */
    char *delimiter;  /* CR LF - - BOUNDARY */
    size_t delimiter_size;
    size_t matched; /* bytes of it that have just been seen */
    size_t unreal;  /* of these, the CR LF that stands before the first byte only in thought */
    uint64_t offset;
    struct multipart_limits limits;
    struct multipart_part *parts; /* the last one is incomplete in HEAD and BODY */
    size_t count, capacity, complete;
    size_t body_size; /* of all parts */
    size_t head_size; /* of the head at hand */
    struct buf line;
};

/* A boundary may be the first thing in the body, and right after a head that no body follows. */
static void expect_boundary_at_once(struct multipart *m)
{
    m->matched = 2;
    m->unreal = 2;
}

struct multipart *multipart_new(const char *content_type, const struct multipart_limits *limits, struct err *e)
{
    struct buf boundary = {0};
    if (multipart_boundary(content_type, &boundary, e) != 0) {
        buf_fini(&boundary);
        return NULL;
    }
    struct multipart *m = mem_calloc(1, sizeof *m);
    m->limits = *limits;
    m->delimiter = mem_printf("\r\n--%s", boundary.data);
    m->delimiter_size = boundary.size + 4;
    expect_boundary_at_once(m);
    buf_fini(&boundary);
    return m;
}

void multipart_free(struct multipart *m)
{
    if (m == NULL) {
        return;
    }
    for (size_t i = 0; i < m->count; i++) {
        if (m->limits.whole != NULL) {
            m->parts[i].body = (struct buf){0};
        }
        multipart_part_fini(&m->parts[i]);
    }
    free(m->parts);
    free(m->delimiter);
    buf_fini(&m->line);
    free(m);
}

const struct multipart_part *multipart_parts(const struct multipart *m, size_t *count)
{
    *count = m->complete;
    return m->parts;
}

/* Puts the place before what went wrong, and keeps it for every later call. */
static int fail(struct multipart *m)
{
    struct multipart_part *part = m->count > m->complete ? &m->parts[m->complete] : NULL;
    if (part != NULL && part->name != NULL) {
        err_wrap(&m->error, "offset %llu, part %zu (%s)", (unsigned long long)m->offset, m->count, part->name);
    } else if (part != NULL) {
        err_wrap(&m->error, "offset %llu, part %zu", (unsigned long long)m->offset, m->count);
    } else {
        err_wrap(&m->error, "offset %llu", (unsigned long long)m->offset);
    }
    m->failed = true;
    return -1;
}

static int expected(struct multipart *m, const char *wanted, char found)
{
    unsigned char c = (unsigned char)found;
    if (c >= 0x20 && c < 0x7F) {
        err_set(&m->error, ERR_INPUT, "expected %s, found '%c'", wanted, c);
    } else {
        err_set(&m->error, ERR_INPUT, "expected %s, found byte 0x%02x", wanted, c);
    }
    return fail(m);
}

/* `offset` is where the bytes stood. */
static int add_body(struct multipart *m, const char *bytes, size_t size, uint64_t offset)
{
    size_t room = m->limits.max_body - m->body_size;
    if (m->state == PREAMBLE) {
        return 0;
    }
    if (size > room) {
        m->offset = offset + room;
        err_set(&m->error, ERR_INPUT, "the parts have more than %zu bytes", m->limits.max_body);
        return fail(m);
    }
    m->body_size += size;
    struct multipart_part *part = &m->parts[m->count - 1];
    if (m->limits.whole != NULL) {
        part->body.data = (char *)(uintptr_t)m->limits.whole + part->offset;
        part->body.size += size;
    } else {
        buf_add(&part->body, bytes, size);
    }
    return 0;
}

static void end_body(struct multipart *m)
{
    if (m->state == BODY) {
        m->complete = m->count;
    }
    m->state = AFTER;
    m->matched = 0;
    m->unreal = 0;
}

/* Takes what it can of a preamble or a part's body; returns the bytes taken, or -1. */
static int64_t feed_body(struct multipart *m, const char *bytes, size_t size)
{
    if (m->matched == 0) {
        const char *cr = memchr(bytes, '\r', size);
        size_t plain = cr != NULL ? (size_t)(cr - bytes) : size;
        if (plain > 0) {
            return add_body(m, bytes, plain, m->offset) != 0 ? -1 : (int64_t)plain;
        }
    }
    if (bytes[0] == m->delimiter[m->matched]) {
        if (++m->matched == m->delimiter_size) {
            end_body(m);
        }
        return 1;
    }
    size_t real = m->matched - m->unreal;
    if (add_body(m, m->delimiter + m->unreal, real, m->offset - real) != 0) {
        return -1;
    }
    m->matched = 0;
    m->unreal = 0;
    return 0;
}

static int begin_part(struct multipart *m)
{
    if (m->count >= m->limits.max_parts) {
        err_set(&m->error, ERR_INPUT, "more than %u parts", m->limits.max_parts);
        return fail(m);
    }
    m->parts = mem_grow(m->parts, m->count, &m->capacity, sizeof *m->parts);
    m->parts[m->count++] = (struct multipart_part){0};
    m->head_size = 0;
    m->state = HEAD;
    return 0;
}

static int feed_after(struct multipart *m, char c)
{
    switch (m->state) {
    case AFTER:
        if (c == '-') {
            m->state = DASH;
            return 0;
        }
        m->state = PADDING;
        return feed_after(m, c);
    case DASH:
        m->state = CLOSING;
        return c == '-' ? 0 : expected(m, "'-' after the last boundary's first '-'", c);
    case PADDING:
        if (c == '\r') {
            m->state = PADDING_CR;
            return 0;
        }
        return c == ' ' || c == '\t' ? 0 : expected(m, "a line's end after the boundary", c);
    case PADDING_CR:
        return c == '\n' ? begin_part(m) : expected(m, "LF after the boundary's CR", c);
    case CLOSING:
        if (c == '\r') {
            m->state = CLOSING_CR;
            return 0;
        }
        return c == ' ' || c == '\t' ? 0 : expected(m, "a line's end after the last boundary", c);
    default:
        m->state = EPILOGUE;
        return c == '\n' ? 0 : expected(m, "LF after the last boundary's CR", c);
    }
}

static int end_line(struct multipart *m)
{
    struct multipart_part *part = &m->parts[m->count - 1];
    int result;
    if (m->line.size > 0) {
        result = multipart_head_line(part, m->line.data, m->line.size, &m->error);
        m->state = HEAD;
    } else {
        result = multipart_head_end(part, &m->error);
        part->offset = m->offset + 1; /* the head's last LF is at hand */
        m->state = BODY;
        expect_boundary_at_once(m);
    }
    buf_clear(&m->line);
    return result != 0 ? fail(m) : 0;
}

static int feed_head(struct multipart *m, char c)
{
    if (++m->head_size > MULTIPART_HEAD_MAX) {
        err_set(&m->error, ERR_INPUT, "the part's head has more than %d bytes", MULTIPART_HEAD_MAX);
        return fail(m);
    }
    if (m->state == HEAD_CR) {
        return c == '\n' ? end_line(m) : expected(m, "LF after CR", c);
    }
    if (c == '\r') {
        m->state = HEAD_CR;
        return 0;
    }
    if (((unsigned char)c < 0x20 && c != '\t') || c == 0x7F) {
        return expected(m, "a header line that ends in CR LF", c);
    }
    buf_add_char(&m->line, c);
    return 0;
}

/* Returns the bytes taken, or -1. None taken and no error: the state has changed, try again. */
static int64_t feed_some(struct multipart *m, const char *bytes, size_t size)
{
    switch (m->state) {
    case PREAMBLE:
    case BODY:
        return feed_body(m, bytes, size);
    case HEAD:
    case HEAD_CR:
        return feed_head(m, bytes[0]) != 0 ? -1 : 1;
    case EPILOGUE:
        return (int64_t)size;
    default:
        return feed_after(m, bytes[0]) != 0 ? -1 : 1;
    }
}

int multipart_feed(struct multipart *m, const void *bytes, size_t size, struct err *e)
{
    const char *at = bytes;
    while (size > 0 && !m->failed) {
        int64_t taken = feed_some(m, at, size);
        if (taken > 0) {
            at += taken;
            size -= (size_t)taken;
            m->offset += (uint64_t)taken;
        }
    }
    if (m->failed) {
        *e = m->error;
        return -1;
    }
    return 0;
}

int multipart_end(struct multipart *m, struct err *e)
{
    if (!m->failed && m->state != CLOSING && m->state != EPILOGUE) {
        if (m->state == PREAMBLE) {
            err_set(&m->error, ERR_INPUT, "the body has ended without the boundary \"%s\"", m->delimiter + 2);
        } else {
            err_set(&m->error, ERR_INPUT, "the body has ended before its closing boundary \"%s--\"", m->delimiter + 2);
        }
        fail(m);
    }
    if (m->failed) {
        *e = m->error;
        return -1;
    }
    return 0;
}
