/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/utf8.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct json_out json_begin(struct buf *buf, int indent)
{
    return (struct json_out){.buf = buf, .indent = indent};
}

static void break_line(struct json_out *j)
{
    if (j->indent > 0) {
        buf_printf(j->buf, "\n%*s", j->indent * j->depth, "");
    }
}

/* What stands between the value before and this one. */
static void before_value(struct json_out *j)
{
    if (j->after_key) {
        j->after_key = false;
    } else {
        if (j->need_comma) {
            buf_add_char(j->buf, ',');
        }
        if (j->depth > 0) {
            break_line(j);
        }
    }
    j->need_comma = true;
}

static void open_container(struct json_out *j, char bracket)
{
    assert(j->depth < JSON_DEPTH_MAX);
    before_value(j);
    buf_add_char(j->buf, bracket);
    j->depth++;
    j->need_comma = false;
}

static void close_container(struct json_out *j, char bracket)
{
    assert(j->depth > 0 && !j->after_key);
    j->depth--;
    if (j->need_comma) {
        break_line(j);
    }
    buf_add_char(j->buf, bracket);
    j->need_comma = true;
}

void json_object(struct json_out *j)
{
    open_container(j, '{');
}

void json_object_end(struct json_out *j)
{
    close_container(j, '}');
}

void json_array(struct json_out *j)
{
    open_container(j, '[');
}

void json_array_end(struct json_out *j)
{
    close_container(j, ']');
}

static void add_escaped(struct buf *b, unsigned char c)
{
    static const char letters[] = "\"\\\b\f\n\r\t", escapes[] = "\"\\bfnrt";
    const char *found = c != 0 ? strchr(letters, c) : NULL;
    if (found != NULL) {
        buf_add_char(b, '\\');
        buf_add_char(b, escapes[found - letters]);
    } else {
        buf_printf(b, "\\u%04x", c);
    }
}

static void add_quoted(struct buf *b, const char *text, size_t size)
{
    buf_add_char(b, '"');
    for (size_t at = 0; at < size;) {
        size_t plain = at;
        while (plain < size && (unsigned char)text[plain] >= 0x20 && (unsigned char)text[plain] < 0x80 &&
               text[plain] != '"' && text[plain] != '\\') {
            plain++;
        }
        buf_add(b, text + at, plain - at);
        at = plain;
        if (at == size) {
            break;
        }
        size_t length = utf8_length(text + at, size - at);
        if (length == 0) {
            buf_add_str(b, "\xEF\xBF\xBD"); /* U+FFFD */
            at++;
        } else if (length == 1) {
            add_escaped(b, (unsigned char)text[at]);
            at++;
        } else {
            buf_add(b, text + at, length);
            at += length;
        }
    }
    buf_add_char(b, '"');
}

void json_key(struct json_out *j, const char *key)
{
    before_value(j);
    add_quoted(j->buf, key, strlen(key));
    buf_add_str(j->buf, j->indent > 0 ? ": " : ":");
    j->after_key = true;
}

void json_string(struct json_out *j, const char *text)
{
    if (text == NULL) {
        json_null(j);
    } else {
        json_string_n(j, text, strlen(text));
    }
}

void json_string_n(struct json_out *j, const char *text, size_t size)
{
    before_value(j);
    add_quoted(j->buf, text, size);
}

void json_int(struct json_out *j, int64_t value)
{
    before_value(j);
    buf_printf(j->buf, "%" PRId64, value);
}

void json_uint(struct json_out *j, uint64_t value)
{
    before_value(j);
    buf_printf(j->buf, "%" PRIu64, value);
}

void json_double(struct json_out *j, double value)
{
    if (!isfinite(value)) {
        json_null(j);
        return;
    }
    before_value(j);
    /* Whole numbers as people write them: 100000, not 1e+05. Up to 1e15 each of them is exact. */
    if (fabs(value) < 1e15 && value == trunc(value)) {
        /* "-0" would read back as the integer 0. */
        buf_printf(j->buf, value == 0 && signbit(value) ? "%.1f" : "%.0f", value);
        return;
    }
    char text[32];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    buf_add_str(j->buf, text);
}

void json_bool(struct json_out *j, bool value)
{
    before_value(j);
    buf_add_str(j->buf, value ? "true" : "false");
}

void json_raw(struct json_out *j, const char *text, size_t size)
{
    before_value(j);
    buf_add(j->buf, text, size);
}

void json_null(struct json_out *j)
{
    before_value(j);
    buf_add_str(j->buf, "null");
}

void json_put_string(struct json_out *j, const char *key, const char *text)
{
    json_key(j, key);
    json_string(j, text);
}

void json_put_int(struct json_out *j, const char *key, int64_t value)
{
    json_key(j, key);
    json_int(j, value);
}

void json_put_uint(struct json_out *j, const char *key, uint64_t value)
{
    json_key(j, key);
    json_uint(j, value);
}

void json_put_double(struct json_out *j, const char *key, double value)
{
    json_key(j, key);
    json_double(j, value);
}

void json_put_bool(struct json_out *j, const char *key, bool value)
{
    json_key(j, key);
    json_bool(j, value);
}
