/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/print.h"

#include "base/utf8.h"
#include "scenario/keys.h"
#include "scenario/units.h"
#include "scenario/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Spaces of one level. */
#define INDENT 2

static void print_table(struct buf *out, const struct key_table *table, const void *base, int indent);

/* --- scalars ---------------------------------------------------------------------------------------------------- */

/* Words that some reader of YAML takes for something other than text. */
static bool is_word_of_yaml(const char *text)
{
    static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_plain(const char *text)
{
    static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_/";
    static const char others[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_/0123456789.-";
    return *text && strchr(first, *text) && text[strspn(text, others)] == '\0' && !is_word_of_yaml(text);
}

/* The code of one character of valid UTF-8. */
static unsigned decode(const char *at, size_t length)
{
    const unsigned char *b = (const unsigned char *)at;
    if (length == 1) {
        return b[0];
    }
    unsigned code = b[0] & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        code = code << 6 | (b[i] & 0x3Fu);
    }
    return code;
}

/* What a file may not have, what breaks lines, and what nobody would see. */
static bool needs_escape(unsigned code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029 || code == 0xFEFF ||
           code == 0xFFFE || code == 0xFFFF;
}

void print_text(struct buf *out, const char *text)
{
    if (is_plain(text)) {
        buf_add_str(out, text);
        return;
    }
    size_t size = strlen(text);
    buf_add_char(out, '"');
    for (size_t at = 0; at < size;) {
        size_t length = utf8_length(text + at, size - at);
        length = length ? length : 1;
        unsigned code = decode(text + at, length);
        if (code == '"' || code == '\\') {
            buf_printf(out, "\\%c", (int)code);
        } else if (code == '\n' || code == '\t') {
            buf_add_str(out, code == '\n' ? "\\n" : "\\t");
        } else if (needs_escape(code)) {
            buf_printf(out, code < 0x100 ? "\\x%02X" : "\\u%04X", code);
        } else {
            buf_add(out, text + at, length);
        }
        at += length;
    }
    buf_add_char(out, '"');
}

/* The shortest form that reads back; whole numbers without an exponent. */
static void print_number(struct buf *out, double value)
{
    char text[32];
    if (value < 1e15 && value == (double)(int64_t)value) {
        buf_printf(out, "%.0f", value);
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    buf_add_str(out, text);
}

static void print_rendering(struct buf *out, const struct key *key, const void *base)
{
    unsigned rendering = *(const unsigned *)value_at(base, key->offset);
    if (rendering == RENDERING_MANGLED) {
        char *text = NULL;
        struct buf whole = {0};
        buf_printf(&whole, "mangled:%s", *(char *const *)value_at(base, key->second));
        text = buf_steal(&whole);
        print_text(out, text);
        free(text);
    } else {
        buf_add_str(out, rendering == RENDERING_EXACT ? "exact" : "generic");
    }
}

static void print_site(struct buf *out, const struct key *key, const void *base)
{
    struct buf site = {0};
    buf_printf(&site, "%s:%u", *(char *const *)value_at(base, key->offset),
               *(const unsigned *)value_at(base, key->second));
    print_text(out, site.data);
    buf_fini(&site);
}

static void print_scalar(struct buf *out, const struct key *key, const void *base)
{
    const void *member = value_at(base, key->offset);
    switch (key->type) {
    case KEY_TEXT:
        print_text(out, *(char *const *)member);
        break;
    case KEY_WORD:
    case KEY_CONTROL:
        buf_add_str(out, key->words[*(const unsigned *)member - key->first]);
        break;
    case KEY_BOOL:
        buf_add_str(out, *(const bool *)member ? "true" : "false");
        break;
    case KEY_UNSIGNED:
        buf_printf(out, "%u", *(const unsigned *)member);
        break;
    case KEY_UINT64:
        buf_printf(out, "%" PRIu64, *(const uint64_t *)member);
        break;
    case KEY_NUMBER:
        print_number(out, *(const double *)member);
        break;
    case KEY_DURATION:
        units_print_duration(out, *(const int64_t *)member);
        break;
    case KEY_SIZE:
        units_print_size(out, *(const uint64_t *)member);
        break;
    case KEY_RENDERING:
        print_rendering(out, key, base);
        break;
    default:
        print_site(out, key, base);
        break;
    }
}

/* --- what has several lines ------------------------------------------------------------------------------------- */

static void print_texts(struct buf *out, const struct key *key, const void *base, int indent)
{
    char *const *texts = *(char *const *const *)value_at(base, key->offset);
    size_t count = *(const size_t *)value_at(base, key->second);
    buf_add_str(out, count ? "\n" : " []\n");
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "%*s- ", indent + INDENT, "");
        print_text(out, texts[i]);
        buf_add_char(out, '\n');
    }
}

static void print_variables(struct buf *out, const struct key *key, const void *base, int indent)
{
    const struct scenario_variable *variables = *(struct scenario_variable *const *)value_at(base, key->offset);
    size_t count = *(const size_t *)value_at(base, key->second);
    buf_add_str(out, count ? "\n" : " {}\n");
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "%*s", indent + INDENT, "");
        print_text(out, variables[i].name);
        buf_add_str(out, ": ");
        print_text(out, variables[i].value);
        buf_add_char(out, '\n');
    }
}

static void print_named(struct buf *out, const struct key *key, const void *base, int indent)
{
    const char *elements = *(char *const *)value_at(base, key->offset);
    size_t count = *(const size_t *)value_at(base, key->second);
    buf_add_str(out, count ? "\n" : " {}\n");
    for (size_t i = 0; i < count; i++) {
        const char *element = elements + key->table->size * i;
        buf_printf(out, "%*s", indent + INDENT, "");
        print_text(out, *(char *const *)value_at(element, key->table->name_offset));
        buf_add_str(out, ":\n");
        print_table(out, key->table, element, indent + 2 * INDENT);
    }
}

static void print_listed(struct buf *out, const struct key *key, const void *base, int indent)
{
    const char *elements = *(char *const *)value_at(base, key->offset);
    size_t count = *(const size_t *)value_at(base, key->second);
    buf_add_str(out, count ? "\n" : " []\n");
    for (size_t i = 0; i < count; i++) {
        size_t start = out->size;
        print_table(out, key->table, elements + key->table->size * i, indent + 2 * INDENT);
        /* The first line of a mapping gets the dash in the place of its last indentation. */
        out->data[start + (size_t)indent + INDENT] = '-';
    }
}

static bool is_printed(const struct key *key, const void *base)
{
    if ((key->only && !key->only->holds(base)) || (key->hidden && key->hidden(base))) {
        return false;
    }
    return key->type != KEY_TEXT || *(char *const *)value_at(base, key->offset) != NULL;
}

static void print_row(struct buf *out, const struct key *key, const void *base, int indent)
{
    buf_printf(out, "%*s%s:", indent, "", key->name);
    bool is_table = key->type == KEY_TABLE ||
                    (key->type == KEY_CONTROL && *(const unsigned *)value_at(base, key->offset) == CONTROL_COMMAND);
    if (is_table) {
        buf_add_char(out, '\n');
        print_table(out, key->table, base, indent + INDENT);
    } else if (key->type == KEY_TEXTS) {
        print_texts(out, key, base, indent);
    } else if (key->type == KEY_VARIABLES) {
        print_variables(out, key, base, indent);
    } else if (key->type == KEY_NAMED) {
        print_named(out, key, base, indent);
    } else if (key->type == KEY_LISTED) {
        print_listed(out, key, base, indent);
    } else {
        buf_add_char(out, ' ');
        print_scalar(out, key, base);
        buf_add_char(out, '\n');
    }
}

/* Recursion is as deep as the tables: four. */
static void print_table(struct buf *out, const struct key_table *table, const void *base, int indent)
{
    for (size_t i = 0; i < table->count; i++) {
        if (is_printed(&table->rows[i], base)) {
            print_row(out, &table->rows[i], base, indent);
        }
    }
}

void scenario_print(const struct scenario *s, struct buf *out)
{
    print_table(out, &keys_root, s, 0);
}
