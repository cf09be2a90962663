/* SPDX-License-Identifier: Apache-2.0 */
#include "io/header_param.h"

#include <ctype.h>
#include <string.h>

bool header_is_token(char c)
{
    return c != '\0' && (isalnum((unsigned char)c) || strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static void skip_spaces(struct header_params *p)
{
    while (p->at < p->size && is_space(p->text[p->at])) {
        p->at++;
    }
}

static void add_lower(struct buf *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        buf_add_char(out, (char)tolower((unsigned char)text[i]));
    }
}

static int expected(const struct header_params *p, const char *wanted, struct err *e)
{
    return err_set(e, ERR_INPUT, "character %zu: expected %s", p->at + 1, wanted);
}

void header_value_read(struct header_params *p, struct buf *out)
{
    buf_clear(out);
    skip_spaces(p);
    size_t start = p->at;
    while (p->at < p->size && p->text[p->at] != ';') {
        p->at++;
    }
    size_t end = p->at;
    while (end > start && is_space(p->text[end - 1])) {
        end--;
    }
    add_lower(out, p->text + start, end - start);
}

static int read_quoted(struct header_params *p, struct buf *value, struct err *e)
{
    for (p->at++; p->at < p->size; p->at++) {
        char c = p->text[p->at];
        if (c == '"') {
            p->at++;
            return 0;
        }
        if (c == '\\' && p->at + 1 < p->size && (p->text[p->at + 1] == '"' || p->text[p->at + 1] == '\\')) {
            c = p->text[++p->at];
        }
        buf_add_char(value, c);
    }
    return expected(p, "the closing quote", e);
}

static int read_value(struct header_params *p, struct buf *value, struct err *e)
{
    if (p->at < p->size && p->text[p->at] == '"') {
        return read_quoted(p, value, e);
    }
    /* Boundaries are sent unquoted although they have characters that a token must not have. */
    size_t start = p->at;
    while (p->at < p->size && p->text[p->at] != ';' && p->text[p->at] != '"' && !is_space(p->text[p->at])) {
        p->at++;
    }
    if (p->at == start) {
        return expected(p, "a value", e);
    }
    buf_add(value, p->text + start, p->at - start);
    return 0;
}

int header_params_next(struct header_params *p, struct buf *name, struct buf *value, struct err *e)
{
    buf_clear(name);
    buf_clear(value);
    skip_spaces(p);
    while (p->at < p->size && p->text[p->at] == ';') {
        p->at++;
        skip_spaces(p);
        if (p->at >= p->size || p->text[p->at] == ';') {
            continue; /* RFC 9110: an empty parameter is nothing */
        }
        size_t start = p->at;
        while (p->at < p->size && header_is_token(p->text[p->at])) {
            p->at++;
        }
        add_lower(name, p->text + start, p->at - start);
        if (p->at == start) {
            return expected(p, "a parameter", e);
        }
        if (p->at >= p->size || p->text[p->at] != '=') {
            return expected(p, "'='", e);
        }
        p->at++;
        return read_value(p, value, e) != 0 ? -1 : 1;
    }
    return p->at < p->size ? expected(p, "';'", e) : 0;
}
