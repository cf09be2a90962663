/* SPDX-License-Identifier: Apache-2.0 */
/* Recursive descent, one function for each kind of value. A value is linked into the tree before it
 * is read, so that a failure anywhere leaves a tree that json_free takes. */
#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const char *text;
    size_t size;
    size_t at;
    int depth;
    struct err *e;
};

static int read_value(struct reader *r, struct json *out);

static int fail(struct reader *r, size_t offset, const char *what)
{
    return err_set(r->e, ERR_INPUT, "offset %zu: %s", offset, what);
}

/* "offset N: expected WANTED, found ..." at the place where the reader stands. */
static int expected(struct reader *r, const char *wanted)
{
    if (r->at >= r->size) {
        return err_set(r->e, ERR_INPUT, "offset %zu: expected %s, found the end", r->at, wanted);
    }
    unsigned char c = (unsigned char)r->text[r->at];
    if (c >= 0x20 && c < 0x7F) {
        return err_set(r->e, ERR_INPUT, "offset %zu: expected %s, found '%c'", r->at, wanted, c);
    }
    return err_set(r->e, ERR_INPUT, "offset %zu: expected %s, found byte 0x%02x", r->at, wanted, c);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void skip_spaces(struct reader *r)
{
    while (r->at < r->size && is_space(r->text[r->at])) {
        r->at++;
    }
}

/* The character at the reader's place, or 0 (which is no token) at the end. */
static char peek(const struct reader *r)
{
    return r->at < r->size ? r->text[r->at] : '\0';
}

static bool skip_char(struct reader *r, char c)
{
    if (r->at < r->size && r->text[r->at] == c) {
        r->at++;
        return true;
    }
    return false;
}

static int read_word(struct reader *r, const char *word)
{
    size_t length = strlen(word);
    if (r->size - r->at < length || memcmp(r->text + r->at, word, length) != 0) {
        return expected(r, "a value");
    }
    r->at += length;
    return 0;
}

static size_t skip_digits(struct reader *r)
{
    size_t start = r->at;
    while (r->at < r->size && is_digit(r->text[r->at])) {
        r->at++;
    }
    return r->at - start;
}

/* Moves behind a number of RFC 8259's grammar. */
static int scan_number(struct reader *r, bool *integer)
{
    *integer = true;
    skip_char(r, '-');
    if (!skip_char(r, '0') && skip_digits(r) == 0) {
        return expected(r, "a digit");
    }
    if (is_digit(peek(r))) {
        return fail(r, r->at - 1, "a number can't begin with 0");
    }
    if (skip_char(r, '.')) {
        *integer = false;
        if (skip_digits(r) == 0) {
            return expected(r, "a digit");
        }
    }
    if (skip_char(r, 'e') || skip_char(r, 'E')) {
        *integer = false;
        if (!skip_char(r, '+')) {
            skip_char(r, '-');
        }
        if (skip_digits(r) == 0) {
            return expected(r, "a digit");
        }
    }
    return 0;
}

static int read_number(struct reader *r, struct json *out)
{
    size_t start = r->at;
    bool integer;
    if (scan_number(r, &integer) < 0) {
        return -1;
    }
    /* strtod wants a zero behind the digits, which the text may not have. */
    char *digits = mem_strndup(r->text + start, r->at - start);
    out->type = JSON_NUMBER;
    out->number = strtod(digits, NULL);
    if (integer) {
        errno = 0;
        long long value = strtoll(digits, NULL, 10);
        out->is_integer = errno == 0;
        out->integer = out->is_integer ? value : 0;
    }
    free(digits);
    return isfinite(out->number) ? 0 : fail(r, start, "the number is too large");
}

static int read_hex(struct reader *r, unsigned *out)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        char c = peek(r);
        if (is_digit(c)) {
            value = value * 16 + (unsigned)(c - '0');
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            value = value * 16 + (unsigned)((c | 0x20) - 'a' + 10);
        } else {
            return expected(r, "four hexadecimal digits");
        }
    }
    *out = value;
    return 0;
}

static void add_utf8(struct buf *b, unsigned c)
{
    if (c < 0x80) {
        buf_add_char(b, (char)c);
        return;
    }
    if (c < 0x800) {
        buf_add_char(b, (char)(0xC0 | c >> 6));
    } else {
        if (c < 0x10000) {
            buf_add_char(b, (char)(0xE0 | c >> 12));
        } else {
            buf_add_char(b, (char)(0xF0 | c >> 18));
            buf_add_char(b, (char)(0x80 | (c >> 12 & 0x3F)));
        }
        buf_add_char(b, (char)(0x80 | (c >> 6 & 0x3F)));
    }
    buf_add_char(b, (char)(0x80 | (c & 0x3F)));
}

/* Behind "\u": one character, or the two halves of one beyond U+FFFF. */
static int read_unicode_escape(struct reader *r, struct buf *b)
{
    size_t start = r->at - 2;
    unsigned first, second;
    if (read_hex(r, &first) < 0) {
        return -1;
    }
    if (first < 0xD800 || first > 0xDFFF) {
        add_utf8(b, first);
        return 0;
    }
    if (first > 0xDBFF || !skip_char(r, '\\') || !skip_char(r, 'u')) {
        return fail(r, start, "half of a surrogate pair is no character");
    }
    if (read_hex(r, &second) < 0) {
        return -1;
    }
    if (second < 0xDC00 || second > 0xDFFF) {
        return fail(r, start, "half of a surrogate pair is no character");
    }
    add_utf8(b, 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00));
    return 0;
}

static int read_escape(struct reader *r, struct buf *b)
{
    static const char escapes[] = "\"\\/bfnrt", letters[] = "\"\\/\b\f\n\r\t";
    char c = peek(r);
    const char *found = c != '\0' ? strchr(escapes, c) : NULL;
    if (found != NULL) {
        r->at++;
        buf_add_char(b, letters[found - escapes]);
        return 0;
    }
    return skip_char(r, 'u') ? read_unicode_escape(r, b) : expected(r, "an escape such as \\n");
}

/* Behind the opening quote; moves behind the closing one. */
static int read_quoted(struct reader *r, struct buf *b)
{
    for (;;) {
        size_t start = r->at;
        while (r->at < r->size && r->text[r->at] != '"' && r->text[r->at] != '\\' &&
               (unsigned char)r->text[r->at] >= 0x20) {
            r->at++;
        }
        size_t valid = utf8_valid(r->text + start, r->at - start);
        if (valid < r->at - start) {
            return fail(r, start + valid, "not UTF-8");
        }
        buf_add(b, r->text + start, valid);
        if (skip_char(r, '"')) {
            return 0;
        }
        if (!skip_char(r, '\\')) {
            return expected(r, "'\"' or more of the string");
        }
        if (read_escape(r, b) < 0) {
            return -1;
        }
    }
}

/* Behind the opening quote. The string is the caller's. */
static int read_string(struct reader *r, char **out, size_t *size)
{
    struct buf b = {0};
    if (read_quoted(r, &b) < 0) {
        buf_fini(&b);
        return -1;
    }
    *size = b.size;
    *out = buf_steal(&b);
    return 0;
}

static int read_array(struct reader *r, struct json *out)
{
    size_t capacity = 0;
    out->type = JSON_ARRAY;
    skip_spaces(r);
    if (skip_char(r, ']')) {
        return 0;
    }
    do {
        out->items = mem_grow(out->items, out->size, &capacity, sizeof *out->items);
        out->items[out->size] = (struct json){.type = JSON_NULL};
        out->size++;
        if (read_value(r, &out->items[out->size - 1]) < 0) {
            return -1;
        }
        skip_spaces(r);
    } while (skip_char(r, ','));
    return skip_char(r, ']') ? 0 : expected(r, "',' or ']'");
}

/* A key of the object that is being read, and where it stands. */
struct key {
    const char *text;
    size_t offset;
};

static int compare_keys(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    int order = strcmp(x->text, y->text);
    return order != 0 ? order : (x->offset > y->offset) - (x->offset < y->offset);
}

/* Sorts, since comparing each with each would let a large object take minutes. */
static int check_unique(struct reader *r, struct key *keys, size_t count)
{
    const struct key *twice = NULL;
    qsort(keys, count, sizeof *keys, compare_keys);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(keys[i - 1].text, keys[i].text) == 0 && (twice == NULL || keys[i].offset < twice->offset)) {
            twice = &keys[i];
        }
    }
    if (twice == NULL) {
        return 0;
    }
    return err_set(r->e, ERR_INPUT, "offset %zu: the key \"%s\" stands twice in one object", twice->offset,
                   twice->text);
}

/* Memory of an object under construction. */
struct object_reader {
    struct key *keys; /* as out->keys, with their places */
    size_t key_capacity, name_capacity, item_capacity;
};

static int read_member(struct reader *r, struct json *out, struct object_reader *o)
{
    char *key;
    size_t key_size, start;
    skip_spaces(r);
    start = r->at;
    if (!skip_char(r, '"')) {
        return expected(r, out->size > 0 ? "a key in quotes" : "a key in quotes or '}'");
    }
    if (read_string(r, &key, &key_size) < 0) {
        return -1;
    }
    if (strlen(key) != key_size) {
        free(key);
        return fail(r, start, "a key can't have a zero byte");
    }
    o->keys = mem_grow(o->keys, out->size, &o->key_capacity, sizeof *o->keys);
    out->keys = mem_grow(out->keys, out->size, &o->name_capacity, sizeof *out->keys);
    out->items = mem_grow(out->items, out->size, &o->item_capacity, sizeof *out->items);
    o->keys[out->size] = (struct key){.text = key, .offset = start};
    out->keys[out->size] = key;
    out->items[out->size] = (struct json){.type = JSON_NULL};
    out->size++;
    skip_spaces(r);
    if (!skip_char(r, ':')) {
        return expected(r, "':' behind the key");
    }
    return read_value(r, &out->items[out->size - 1]);
}

static int read_members(struct reader *r, struct json *out, struct object_reader *o)
{
    do {
        if (read_member(r, out, o) < 0) {
            return -1;
        }
        skip_spaces(r);
    } while (skip_char(r, ','));
    if (!skip_char(r, '}')) {
        return expected(r, "',' or '}'");
    }
    return check_unique(r, o->keys, out->size);
}

static int read_object(struct reader *r, struct json *out)
{
    struct object_reader o = {0};
    out->type = JSON_OBJECT;
    skip_spaces(r);
    if (skip_char(r, '}')) {
        return 0;
    }
    int result = read_members(r, out, &o);
    free(o.keys);
    return result;
}

static int read_container(struct reader *r, struct json *out)
{
    if (r->depth == JSON_DEPTH_MAX) {
        return err_set(r->e, ERR_INPUT, "offset %zu: nested deeper than %d levels", r->at, JSON_DEPTH_MAX);
    }
    r->depth++;
    int result = skip_char(r, '[') ? read_array(r, out) : (r->at++, read_object(r, out));
    r->depth--;
    return result;
}

static int read_scalar(struct reader *r, struct json *out)
{
    char c = peek(r);
    if (c == 't' || c == 'f') {
        out->type = JSON_BOOL;
        out->boolean = c == 't';
        return read_word(r, c == 't' ? "true" : "false");
    }
    if (c == 'n') {
        return read_word(r, "null");
    }
    if (c == '-' || is_digit(c)) {
        return read_number(r, out);
    }
    return expected(r, "a value");
}

static int read_value(struct reader *r, struct json *out)
{
    skip_spaces(r);
    char c = peek(r);
    if (c == '{' || c == '[') {
        return read_container(r, out);
    }
    if (!skip_char(r, '"')) {
        return read_scalar(r, out);
    }
    if (read_string(r, &out->string, &out->size) < 0) {
        return -1;
    }
    out->type = JSON_STRING;
    return 0;
}

int json_read(const char *text, size_t size, struct json **out, struct err *e)
{
    struct reader r = {.text = text, .size = size, .e = e};
    struct json *root = mem_calloc(1, sizeof *root);
    int result = read_value(&r, root);
    if (result == 0) {
        skip_spaces(&r);
        result = r.at == size ? 0 : expected(&r, "the end");
    }
    if (result < 0) {
        json_free(root);
        return -1;
    }
    *out = root;
    return 0;
}
