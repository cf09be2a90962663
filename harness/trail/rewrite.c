/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/rewrite.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Bytes of an added prefix or suffix that a rule quotes: enough for a host or service name. */
#define AFFIX_SHOWN_MAX 60

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

char *rewrite_canonical(const char *text)
{
    char *out = mem_calloc(strlen(text) + 1, 1);
    size_t size = 0;
    for (; *text != '\0'; text++) {
        if (is_upper(*text)) {
            out[size++] = (char)(*text - 'A' + 'a');
        } else if (is_lower(*text) || is_digit(*text)) {
            out[size++] = *text;
        } else if (size == 0 || out[size - 1] != '_') {
            out[size++] = '_';
        }
    }
    return out;
}

static bool same_canonical(const char *a, const char *b)
{
    char *x = rewrite_canonical(a), *y = rewrite_canonical(b);
    bool same = strcmp(x, y) == 0;
    free(x);
    free(y);
    return same;
}

static bool ends_with(const char *text, const char *tail)
{
    size_t size = strlen(text), tail_size = strlen(tail);
    return size > tail_size && strcmp(text + size - tail_size, tail) == 0;
}

enum rewrite rewrite_classify(const struct label *before, const struct label *after)
{
    size_t before_size = strlen(before->text), after_size = strlen(after->text);
    if (after_size < before_size && strncmp(before->text, after->text, after_size) == 0) {
        return REWRITE_SHORTENED;
    }
    if (strcasecmp(before->text, after->text) == 0) {
        return REWRITE_CASE;
    }
    if (same_canonical(before->text, after->text)) {
        return REWRITE_CHARACTERS;
    }
    if (ends_with(after->text, before->text)) {
        return REWRITE_PREFIX_ADDED;
    }
    if (after_size > before_size && strncmp(before->text, after->text, before_size) == 0) {
        return REWRITE_SUFFIX_ADDED;
    }
    if (before->line == after->line && before->line != 0 && strcmp(before->file, after->file) == 0) {
        return REWRITE_NAME_REPLACED;
    }
    return REWRITE_REPLACED;
}

bool rewrite_is_site(const struct label *before, const struct label *after)
{
    size_t size = strlen(after->text), name = strlen(before->name);
    return name > 0 && after->name[0] == '\0' && strlen(before->text) == size + 1 + name &&
           strncmp(before->text, after->text, size) == 0;
}

static void describe_case(const char *after, struct buf *out)
{
    bool upper = false, lower = false;
    for (; *after != '\0'; after++) {
        upper = upper || is_upper(*after);
        lower = lower || is_lower(*after);
    }
    buf_add_str(out, !upper ? "lower-cased" : !lower ? "upper-cased" : "letters' case changed");
}

/* One character for another throughout is worth saying; anything else is not. */
static void describe_characters(const char *before, const char *after, struct buf *out)
{
    char from = '\0', to = '\0';
    bool simple = strlen(before) == strlen(after);
    for (size_t i = 0; simple && before[i] != '\0'; i++) {
        if (before[i] != after[i]) {
            simple = (from == '\0' || from == before[i]) && (to == '\0' || to == after[i]) && before[i] > ' ' &&
                     after[i] > ' ';
            from = before[i];
            to = after[i];
        }
    }
    if (simple) {
        buf_printf(out, "'%c' replaced by '%c'", from, to);
    } else {
        buf_add_str(out, "characters replaced");
    }
}

void rewrite_describe(const struct label *before, const struct label *after, struct buf *out)
{
    size_t before_size = strlen(before->text), after_size = strlen(after->text);
    switch (rewrite_classify(before, after)) {
    case REWRITE_SHORTENED:
        if (rewrite_is_site(before, after)) {
            buf_add_str(out, "the name part cut off");
        } else {
            buf_printf(out, "cut to %zu bytes", after_size);
        }
        break;
    case REWRITE_CASE:
        describe_case(after->text, out);
        break;
    case REWRITE_CHARACTERS:
        describe_characters(before->text, after->text, out);
        break;
    case REWRITE_PREFIX_ADDED: {
        size_t added = after_size - before_size;
        buf_printf(out, "'%.*s' put before it", (int)(added < AFFIX_SHOWN_MAX ? added : AFFIX_SHOWN_MAX), after->text);
        break;
    }
    case REWRITE_SUFFIX_ADDED:
        buf_printf(out, "'%.*s' put behind it", AFFIX_SHOWN_MAX, after->text + before_size);
        break;
    case REWRITE_NAME_REPLACED:
        buf_add_str(out, "another name put in its place");
        break;
    case REWRITE_REPLACED:
        buf_add_str(out, "another value put in its place");
        break;
    }
}
