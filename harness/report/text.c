/* SPDX-License-Identifier: Apache-2.0 */
#include "report/text.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ELLIPSIS "\xE2\x80\xA6"
#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

struct range {
    uint32_t first, last;
};

static bool in_ranges(uint32_t c, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

/* Blocks of Unicode 15 whose characters have East_Asian_Width W or F, or are shown as emoji. */
static bool is_wide(uint32_t c)
{
    static const struct range wide[] = {
        {0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0x4DBF},   {0x4E00, 0xA4CF},   {0xA960, 0xA97F},
        {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},
        {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD},
    };
    return c >= 0x1100 && in_ranges(c, wide, sizeof wide / sizeof *wide);
}

static bool is_combining(uint32_t c)
{
    static const struct range combining[] = {{0x0300, 0x036F}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF},
                                             {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}};
    return c >= 0x300 && in_ranges(c, combining, sizeof combining / sizeof *combining);
}

/* Characters that would move the cursor, hide themselves or turn the reading direction. */
static bool is_harmful(uint32_t c)
{
    static const struct range harmful[] = {{0x00, 0x1F},     {0x7F, 0x9F},     {0x061C, 0x061C},
                                           {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},
                                           {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xFFFE, 0xFFFF}};
    return in_ranges(c, harmful, sizeof harmful / sizeof *harmful);
}

static uint32_t decode(const char *at, size_t length)
{
    const unsigned char *b = (const unsigned char *)at;
    static const unsigned char first_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t c = b[0] & first_bits[length];
    for (size_t i = 1; i < length; i++)
        c = c << 6 | (b[i] & 0x3F);
    return c;
}

static void clean(struct buf *out, const char *text, bool keep_newlines)
{
    size_t size = strlen(text);
    for (size_t at = 0; at < size;) {
        size_t length = utf8_length(text + at, size - at);
        if (length == 0) {
            buf_add_str(out, REPLACEMENT);
            at++;
            continue;
        }
        uint32_t c = decode(text + at, length);
        if (c == '\n' && keep_newlines)
            buf_add_char(out, '\n');
        else if (c == '\n' || c == '\t')
            buf_add_char(out, ' ');
        else if (is_harmful(c))
            buf_printf(out, c < 0x80 ? "\\x%02" PRIx32 : "\\u%04" PRIx32, c);
        else
            buf_add(out, text + at, length);
        at += length;
    }
}

void text_add_clean(struct buf *out, const char *text)
{
    clean(out, text, false);
}

/* Columns of one character of clean text, and its bytes. */
static size_t step(const char *at, size_t *length)
{
    *length = utf8_length(at, strnlen(at, 4));
    uint32_t c = decode(at, *length);
    return is_combining(c) ? 0 : is_wide(c) ? 2 : 1;
}

static size_t clean_columns(const char *text)
{
    size_t columns = 0, length;
    for (; *text; text += length)
        columns += step(text, &length);
    return columns;
}

size_t text_columns(const char *text)
{
    struct buf b = {0};
    text_add_clean(&b, text);
    size_t columns = b.data ? clean_columns(b.data) : 0;
    buf_fini(&b);
    return columns;
}

/* Bytes of the longest beginning that takes at most `width` columns; *columns is what it takes. */
static size_t head_size(const char *text, size_t width, size_t *columns)
{
    size_t at = 0, length;
    *columns = 0;
    while (text[at]) {
        size_t more = step(text + at, &length);
        if (*columns + more > width)
            break;
        *columns += more;
        at += length;
    }
    return at;
}

static void fit_clean(struct buf *out, const char *text, size_t width)
{
    size_t total = clean_columns(text), columns, length;
    if (total <= width) {
        buf_add_str(out, text);
        return;
    }
    if (width == 0)
        return;
    size_t tail = (width - 1) / 2;
    buf_add(out, text, head_size(text, width - 1 - tail, &columns));
    buf_add_str(out, ELLIPSIS);
    while (total > tail) {
        total -= step(text, &length);
        text += length;
    }
    while (*text && step(text, &length) == 0)
        text += length; /* a mark whose letter is gone */
    buf_add_str(out, text);
}

void text_add_fitted(struct buf *out, const char *text, size_t width)
{
    struct buf b = {0};
    buf_reserve(&b, 1);
    text_add_clean(&b, text);
    if (b.size > 0)
        fit_clean(out, b.data, width);
    buf_fini(&b);
}

static const char *colour_code(enum text_colour colour)
{
    static const char *const codes[TEXT_COLOUR_COUNT] = {"", "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[1m"};
    return codes[colour];
}

void text_add_coloured(struct buf *out, const char *text, enum text_colour colour)
{
    buf_add_str(out, colour_code(colour));
    buf_add_str(out, text);
    if (colour != TEXT_PLAIN)
        buf_add_str(out, "\x1b[0m");
}

void text_add_cell(struct buf *out, const char *text, size_t width, bool right, enum text_colour colour)
{
    struct buf fitted = {0};
    text_add_fitted(&fitted, text, width);
    buf_add_char(&fitted, '\0');
    int blanks = (int)(width - clean_columns(fitted.data));
    if (right)
        buf_printf(out, "%*s", blanks, "");
    text_add_coloured(out, fitted.data, colour);
    if (!right)
        buf_printf(out, "%*s", blanks, "");
    buf_fini(&fitted);
}

static void new_line(struct buf *out, size_t indent)
{
    while (out->size > 0 && out->data[out->size - 1] == ' ')
        out->data[--out->size] = '\0';
    buf_printf(out, "\n%*s", (int)indent, "");
}

/* Columns of what stands in the last line of *out, without the codes of colours. */
static size_t last_line_columns(const struct buf *out)
{
    size_t start = out->size, columns = 0, length;
    if (out->size == 0)
        return 0;
    while (start > 0 && out->data[start - 1] != '\n')
        start--;
    for (const char *at = out->data + start; *at; at += length) {
        if (*at == '\x1b') {
            length = strcspn(at, "m") + 1;
            continue;
        }
        columns += step(at, &length);
    }
    return columns;
}

static void wrap_line(struct buf *out, const char *line, size_t size, size_t indent)
{
    size_t column = last_line_columns(out);
    bool begun = false; /* a word of this line stands before */
    struct buf word = {0};
    for (size_t at = 0; at < size;) {
        size_t blanks = 0, length = 0;
        while (at + blanks < size && line[at + blanks] == ' ')
            blanks++;
        at += blanks;
        while (at + length < size && line[at + length] != ' ')
            length++;
        if (length == 0)
            break;
        buf_clear(&word);
        buf_add(&word, line + at, length);
        at += length;
        size_t columns = clean_columns(word.data);
        /* Blanks within a line are kept: the excerpts of a worker's output are laid out with them.
         */
        if (begun && column + blanks + columns > TEXT_WIDTH) {
            new_line(out, indent);
            column = indent;
        } else if (begun || column + blanks + columns <= TEXT_WIDTH) {
            buf_printf(out, "%*s", (int)blanks, "");
            column += blanks;
        }
        begun = true;
        const char *rest = word.data;
        while (column + clean_columns(rest) > TEXT_WIDTH) {
            size_t taken, bytes = head_size(rest, TEXT_WIDTH - column, &taken);
            buf_add(out, rest, bytes);
            rest += bytes;
            new_line(out, indent);
            column = indent;
        }
        buf_add_str(out, rest);
        column += clean_columns(rest);
    }
    buf_fini(&word);
}

void text_add_wrapped(struct buf *out, const char *text, size_t indent)
{
    struct buf b = {0};
    clean(&b, text, true);
    while (b.size > 0 && b.data[b.size - 1] == '\n')
        b.data[--b.size] = '\0';
    const char *line = b.size > 0 ? b.data : "";
    for (;;) {
        size_t size = strcspn(line, "\n");
        wrap_line(out, line, size, indent);
        if (!line[size])
            break;
        new_line(out, indent);
        line += size + 1;
    }
    new_line(out, 0);
    buf_fini(&b);
}

void text_add_count(struct buf *out, uint64_t count, size_t width)
{
    static const char units[] = "MGTPE";
    struct buf text = {0};
    double scaled = (double)count;
    buf_printf(&text, "%" PRIu64, count);
    for (size_t i = 0; units[i] && text.size > width; i++) {
        buf_clear(&text);
        scaled /= i == 0 ? 1e6 : 1e3;
        buf_printf(&text, "%.1f%c", scaled, units[i]);
    }
    text_add_cell(out, text.data, width, true, TEXT_PLAIN);
    buf_fini(&text);
}

void text_add_ns(struct buf *out, uint64_t ns)
{
    double x = (double)ns;
    if (ns == 0)
        buf_add_str(out, "0");
    else if (ns < 1000)
        buf_printf(out, "%" PRIu64 " ns", ns);
    else if (x < 999.95e3)
        buf_printf(out, "%.1f us", x / 1e3);
    else if (x < 999.95e6)
        buf_printf(out, "%.1f ms", x / 1e6);
    else
        buf_printf(out, x < 9999.95e9 ? "%.1f s" : "%.0f s", x / 1e9);
}

void text_add_bytes(struct buf *out, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    if (bytes < 1024) {
        buf_printf(out, "%" PRIu64 " B", bytes);
        return;
    }
    double x = (double)bytes / 1024;
    size_t unit = 0;
    while (x >= 1023.95 && unit + 1 < sizeof units / sizeof *units) {
        x /= 1024;
        unit++;
    }
    buf_printf(out, "%.1f %s", x, units[unit]);
}
