/* SPDX-License-Identifier: Apache-2.0 */
#include "profile/label.h"

#include <limits.h>
#include <string.h>

/* What \S is not, of ASCII. */
static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool parse_line(const char *digits, size_t size, unsigned *out)
{
    unsigned long line = 0;
    for (size_t i = 0; i < size; i++) {
        line = line * 10 + (unsigned long)(digits[i] - '0');
        if (line > UINT_MAX) {
            return false;
        }
    }
    *out = (unsigned)line;
    return true;
}

/* The first group is greedy, so the last colon that digits follow in the right way is the one: from
 * right to left. */
bool label_parse(const char *value, size_t size, struct label *out)
{
    size_t solid = size; /* no white space from here on */
    for (size_t colon = size; colon-- > 0;) {
        size_t after = colon + 1;
        while (solid > after && !is_space(value[solid - 1])) {
            solid--;
        }
        if (value[colon] != ':') {
            continue;
        }
        size_t end = after;
        while (end < size && is_digit(value[end])) {
            end++;
        }
        bool named = end + 1 < size && value[end] == ':' && end + 1 >= solid;
        if (end == after || (end != size && !named)) {
            continue;
        }
        struct label found = {.file = value,
                              .file_size = colon,
                              .name = named ? value + end + 1 : value + end,
                              .name_size = named ? size - end - 1 : 0};
        if (!parse_line(value + after, end - after, &found.line) || memchr(value, '\n', colon) != NULL) {
            return false;
        }
        *out = found;
        return true;
    }
    return false;
}
