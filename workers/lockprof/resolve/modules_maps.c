/* SPDX-License-Identifier: Apache-2.0 */
#include "lockprof/resolve/modules_maps.h"

#include "base/mem.h"

#include <string.h>

struct cursor {
    const char *at, *end;
};

static bool skip(struct cursor *c, char wanted)
{
    if (c->at == c->end || *c->at != wanted) {
        return false;
    }
    c->at++;
    return true;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

static bool number(struct cursor *c, unsigned base, uint64_t *out)
{
    const char *begin = c->at;
    uint64_t value = 0;
    for (; c->at < c->end && (unsigned)digit_of(*c->at) < base; c->at++) {
        if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit_of(*c->at), &value)) {
            return false;
        }
    }
    *out = value;
    return c->at > begin;
}

static bool parse(struct cursor c, struct map_line *line)
{
    static const char deleted[] = " (deleted)";
    const size_t deleted_size = sizeof deleted - 1;
    uint64_t device;
    *line = (struct map_line){0};
    if (!number(&c, 16, &line->start) || !skip(&c, '-') || !number(&c, 16, &line->end) || !skip(&c, ' ') ||
        line->end <= line->start || c.end - c.at < 4) {
        return false;
    }
    line->executable = c.at[2] == 'x';
    c.at += 4;
    if (!skip(&c, ' ') || !number(&c, 16, &line->offset) || !skip(&c, ' ') || !number(&c, 16, &device) ||
        !skip(&c, ':') || !number(&c, 16, &device) || !skip(&c, ' ') || !number(&c, 10, &line->inode)) {
        return false;
    }
    while (skip(&c, ' ')) {
    }
    line->path = c.at;
    line->path_size = (size_t)(c.end - c.at);
    if (line->path_size > deleted_size && memcmp(c.end - deleted_size, deleted, deleted_size) == 0) {
        line->deleted = true;
        line->path_size -= deleted_size;
    }
    return true;
}

bool map_line_next(const char *text, size_t size, size_t *at, struct map_line *line)
{
    while (*at < size) {
        const char *begin = text + *at;
        const char *newline = memchr(begin, '\n', size - *at);
        const char *end = newline != NULL ? newline : text + size;
        *at = (size_t)(end - text) + 1;
        /* A last line without its newline was cut. */
        if (newline != NULL && parse((struct cursor){begin, end}, line)) {
            return true;
        }
    }
    return false;
}

char *map_line_path(const struct map_line *line)
{
    char *path = mem_strndup(line->path, line->path_size);
    char *to = path;
    for (const char *from = path; *from != '\0'; from++) {
        if (strncmp(from, "\\012", 4) == 0) {
            *to++ = '\n';
            from += 3;
        } else {
            *to++ = *from;
        }
    }
    *to = '\0';
    return path;
}
