/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/complain.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Characters of a clipped line that stay before the place. */
#define SHOWN_BEFORE 60

/* A line of the file that holds a key of Datadog's must not reach the terminal with it. */
static const char *const secret_names[] = {"DD_API_KEY", "DD_APP_KEY", "DD_APPLICATION_KEY"};

void diagnostics_fini(struct diagnostics *d)
{
    for (size_t i = 0; i < d->count; i++) {
        free(d->items[i].text);
        free(d->items[i].excerpt);
    }
    free(d->items);
    *d = (struct diagnostics){0};
}

size_t line_break(const char *at, size_t available)
{
    const unsigned char *b = (const unsigned char *)at;
    if (available >= 2 && b[0] == '\r' && b[1] == '\n') {
        return 2;
    }
    if (available >= 1 && (b[0] == '\n' || b[0] == '\r')) {
        return 1;
    }
    if (available >= 2 && b[0] == 0xC2 && b[1] == 0x85) {
        return 2;
    }
    if (available >= 3 && b[0] == 0xE2 && b[1] == 0x80 && (b[2] == 0xA8 || b[2] == 0xA9)) {
        return 3;
    }
    return 0;
}

/* Overwrites with stars, one for each byte, so that columns stay. */
static void mask(char *from, const char *end, const char *kept)
{
    for (; from < end; from++) {
        if (strchr(kept, *from) == NULL) {
            *from = '*';
        }
    }
}

/* What stands behind a secret's name, before the `@` of a URL and behind its `?`. */
static void mask_secrets(char *text)
{
    for (size_t i = 0; i < sizeof secret_names / sizeof *secret_names; i++) {
        char *at = strstr(text, secret_names[i]);
        if (at) {
            at += strlen(secret_names[i]);
            mask(at, at + strlen(at), "=:\"'{}, \t");
        }
    }
    for (char *url = strstr(text, "://"); url; url = strstr(url + 3, "://")) {
        char *end = url + 3 + strcspn(url + 3, " \t\"'");
        char *at = memrchr(url, '@', (size_t)(end - url));
        char *query = memchr(url, '?', (size_t)(end - url));
        mask(at ? url + 3 : end, at ? at : end, "");
        mask(query ? query + 1 : end, end, "");
    }
}

static bool is_control(const char *at, size_t length)
{
    unsigned char first = (unsigned char)at[0];
    return first < 0x20 || first == 0x7F || (length == 2 && first == 0xC2 && (unsigned char)at[1] < 0xA0);
}

void show_value(struct buf *out, const char *text, size_t size)
{
    size_t at = 0;
    for (int shown = 0; at < size; shown++) {
        if (shown == SHOWN_VALUE_MAX) {
            buf_add_str(out, "...");
            return;
        }
        size_t length = utf8_length(text + at, size - at);
        if (text[at] == '\n') {
            buf_add_str(out, "\\n");
        } else if (length == 0 || is_control(text + at, length)) {
            buf_printf(out, "\\x%02X", (unsigned)(unsigned char)text[at + (length == 2)]);
        } else {
            buf_add(out, text + at, length);
        }
        at += length ? length : 1;
    }
}

void step_print(struct buf *out, const struct step *step)
{
    if (step == NULL) {
        return;
    }
    step_print(out, step->up);
    if (out->size) {
        buf_add_char(out, '.');
    }
    if (step->key) {
        show_value(out, step->key, strlen(step->key));
    } else {
        buf_printf(out, "%zu", step->index);
    }
}

/* Where line `line` begins, or `size`. */
static size_t find_line(const struct complaints *c, unsigned line)
{
    size_t at = 0;
    for (unsigned now = 1; now < line && at < c->size;) {
        size_t length = line_break(c->bytes + at, c->size - at);
        now += length != 0;
        at += length ? length : 1;
    }
    return at;
}

/* One character of the line, as itself or as a stand-in of the same width; returns its bytes. */
static size_t add_shown(struct buf *out, const char *at, size_t available)
{
    size_t length = utf8_length(at, available);
    if (*at == '\t') {
        buf_add_char(out, '\t');
    } else if (length == 0 || is_control(at, length)) {
        buf_add_char(out, '?');
    } else {
        buf_add(out, at, length);
    }
    return length ? length : 1;
}

static char *make_excerpt(const struct complaints *c, struct place place)
{
    struct buf line = {0}, caret = {0};
    size_t at = find_line(c, place.line);
    unsigned column = 1, first = 1;
    if (place.column > SHOWN_LINE_MAX - 20) {
        first = place.column - SHOWN_BEFORE;
        buf_add_str(&line, "...");
        buf_add_str(&caret, "   ");
    }
    for (; at < c->size && line_break(c->bytes + at, c->size - at) == 0; column++) {
        if (column == first + SHOWN_LINE_MAX) {
            buf_add_str(&line, "...");
            break;
        }
        if (column >= first && column < place.column) {
            buf_add_char(&caret, c->bytes[at] == '\t' ? '\t' : ' ');
        }
        if (column < first) {
            size_t length = utf8_length(c->bytes + at, c->size - at);
            at += length ? length : 1;
        } else {
            at += add_shown(&line, c->bytes + at, c->size - at);
        }
    }
    /* The place may lie behind the line's last character: an unclosed bracket at the end of the file. */
    for (; column < place.column; column++) {
        buf_add_char(&caret, ' ');
    }
    char *shown = buf_steal(&line), *under = buf_steal(&caret);
    mask_secrets(shown);
    char *excerpt = mem_printf("%s\n%s^", shown, under);
    free(shown);
    free(under);
    return excerpt;
}

/* An override as the user wrote it. */
static void add_override(struct buf *out, const struct scenario_override *o)
{
    struct buf shown = {0};
    if (o->shown) {
        show_value(&shown, o->shown, strlen(o->shown));
    } else {
        buf_add_str(&shown, "--set ");
        show_value(&shown, o->path, strlen(o->path));
        buf_add_char(&shown, '=');
        show_value(&shown, o->value, strlen(o->value));
    }
    char *text = buf_steal(&shown);
    mask_secrets(text);
    buf_printf(out, "%s: ", text);
    free(text);
}

void complain(struct complaints *c, struct place place, const struct step *step, const char *fmt, ...)
{
    struct diagnostics *d = c->list;
    if (d->count == DIAGNOSTICS_MAX) {
        d->dropped++;
        return;
    }
    struct buf text = {0}, path = {0};
    step_print(&path, step);
    if (place.override) {
        add_override(&text, place.override);
    }
    /* What --set names has its path in front already. */
    bool named = place.override && !place.override->shown && path.size && strcmp(path.data, place.override->path) == 0;
    if (path.size && !named) {
        buf_printf(&text, "%s: ", path.data);
    }
    va_list args;
    va_start(args, fmt);
    buf_vprintf(&text, fmt, args);
    va_end(args);
    buf_fini(&path);
    d->items = mem_grow(d->items, d->count, &d->capacity, sizeof *d->items);
    struct diagnostic *new = &d->items[d->count++];
    *new = (struct diagnostic){.text = buf_steal(&text)};
    if (place.override == NULL) {
        new->line = place.line;
        new->column = place.column;
        new->excerpt = make_excerpt(c, place);
    }
}

/* Overrides have line 0 and come last. */
static bool comes_after(const struct diagnostic *a, const struct diagnostic *b)
{
    unsigned a_line = a->line - 1, b_line = b->line - 1;
    return a_line != b_line ? a_line > b_line : a->column > b->column;
}

void complaints_sort(struct diagnostics *d)
{
    for (size_t i = 1; i < d->count; i++) {
        struct diagnostic moved = d->items[i];
        size_t to = i;
        for (; to > 0 && comes_after(&d->items[to - 1], &moved); to--) {
            d->items[to] = d->items[to - 1];
        }
        d->items[to] = moved;
    }
}
