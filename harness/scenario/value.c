/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/value.h"

#include "base/mem.h"
#include "scenario/nearest.h"
#include "scenario/textcheck.h"
#include "scenario/units.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Enums are stored as what gcc and clang make of them. */
_Static_assert(sizeof(enum runtime) == sizeof(unsigned), "an enum is stored as unsigned");

void value_found(struct buf *why, const struct key *key, const struct node *node)
{
    node_describe(why, node);
    buf_add_str(why, " found, expected ");
    key_expected(why, key);
}

static bool is_scalar(const struct key *key, const struct node *node, struct buf *why)
{
    if (node->kind == NODE_SCALAR && !node_is_null(node)) {
        return true;
    }
    value_found(why, key, node);
    if (node->kind == NODE_SCALAR && key->initial) {
        buf_add_str(why, " (without the key it has its default)");
    }
    return false;
}

static bool out_of_range(const struct key *key, const struct node *node, struct buf *why)
{
    show_value(why, node->text, strlen(node->text));
    buf_add_str(why, " is out of range, expected ");
    key_expected(why, key);
    return false;
}

static bool in_range(const struct key *key, double value)
{
    if (key->zero && value == 0) {
        return true;
    }
    return key->max == 0 || (value <= key->max && (key->above ? value > key->min : value >= key->min));
}

/* --- text ------------------------------------------------------------------------------------------------------- */

bool value_check_text(const struct key *key, const struct node *node, size_t max, struct buf *why)
{
    if (!is_scalar(key, node, why)) {
        return false;
    }
    size_t size = strlen(node->text);
    if (max && size > max) {
        buf_printf(why, "text of %zu bytes found, expected at most %zu", size, max);
        return false;
    }
    if (key->check && !key->check(node->text, why)) {
        if (why->size == 0) {
            value_found(why, key, node);
        }
        return false;
    }
    return true;
}

static bool read_text(const struct key *key, const struct node *node, void *base, struct buf *why)
{
    char **member = value_at(base, key->offset);
    if (!value_check_text(key, node, (size_t)key->max, why)) {
        return false;
    }
    if (strlen(node->text) < (size_t)key->min) {
        value_found(why, key, node);
        return false;
    }
    free(*member);
    *member = mem_strdup(node->text);
    return true;
}

int value_find_word(const struct key *key, const struct node *node, struct buf *why)
{
    struct nearest best = {0};
    if (!is_scalar(key, node, why)) {
        return -1;
    }
    for (int i = 0; key->words[i]; i++) {
        if (strcmp(key->words[i], node->text) == 0) {
            return i;
        }
    }
    /* Only for what is wrong: distances cost more than all the rest of reading. */
    for (int i = 0; key->words[i]; i++) {
        nearest_offer(&best, node->text, key->words[i]);
    }
    value_found(why, key, node);
    if (best.word) {
        buf_printf(why, ", did you mean `%s`?", best.word);
    }
    return -1;
}

static bool read_word(const struct key *key, const struct node *node, void *base, struct buf *why)
{
    int found = value_find_word(key, node, why);
    if (found < 0) {
        return false;
    }
    *(unsigned *)value_at(base, key->offset) = key->first + (unsigned)found;
    if (key->given) {
        *(bool *)value_at(base, key->given) = true;
    }
    return true;
}

static bool read_rendering(const struct key *key, const struct node *node, void *base, struct buf *why)
{
    const char *mangled = NULL;
    enum rendering rendering;
    char **member = value_at(base, key->second);
    if (!is_scalar(key, node, why)) {
        return false;
    }
    if (!rendering_parse(node->text, &rendering, &mangled) || !check_one_line(node->text, why) ||
        strlen(node->text) > KEY_TEXT_MAX) {
        value_found(why, key, node);
        return false;
    }
    free(*member);
    *member = rendering == RENDERING_MANGLED ? mem_strdup(mangled) : NULL;
    *(unsigned *)value_at(base, key->offset) = rendering;
    return true;
}

static bool read_site(const struct key *key, const struct node *node, void *base, struct buf *why)
{
    const char *file;
    size_t size;
    unsigned line;
    char **member = value_at(base, key->offset);
    if (!is_scalar(key, node, why)) {
        return false;
    }
    if (strlen(node->text) > KEY_TEXT_MAX || !split_site(node->text, &file, &size, &line)) {
        value_found(why, key, node);
        return false;
    }
    free(*member);
    *member = mem_strndup(file, size);
    *(unsigned *)value_at(base, key->second) = line;
    return true;
}

/* --- numbers ---------------------------------------------------------------------------------------------------- */

static size_t digits_at(const char *text)
{
    return strspn(text, "0123456789");
}

/* A scalar without quotes; `"4"` is text to every other reader of YAML. */
static bool is_bare(const struct key *key, const struct node *node, struct buf *why)
{
    if (!is_scalar(key, node, why)) {
        return false;
    }
    if (!node->plain) {
        value_found(why, key, node);
        buf_add_str(why, " without quotes");
        return false;
    }
    return true;
}

/* 010 is eight to YAML 1.1 and ten to YAML 1.2. */
static bool has_leading_zero(const char *text)
{
    return text[0] == '0' && digits_at(text) > 1;
}

static bool read_bool(const struct key *key, const struct node *node, void *base, struct buf *why)
{
    bool *member = value_at(base, key->offset);
    if (!is_bare(key, node, why)) {
        return false;
    }
    if (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0) {
        *member = node->text[0] == 't';
        return true;
    }
    value_found(why, key, node);
    static const char *const old_words[] = {"yes", "no", "on", "off", "y", "n"};
    for (size_t i = 0; i < sizeof old_words / sizeof *old_words; i++) {
        if (strcasecmp(node->text, old_words[i]) == 0) {
            buf_add_str(why, " (YAML 1.2 has no yes, no, on and off)");
        }
    }
    return false;
}

/* Decimal digits only, up to `max`. */
static bool read_whole(const struct key *key, const struct node *node, uint64_t max, uint64_t *out, struct buf *why)
{
    if (!is_bare(key, node, why)) {
        return false;
    }
    const char *text = node->text, *digits = text + (*text == '-');
    if (digits_at(digits) == 0 || digits[digits_at(digits)] != '\0') {
        value_found(why, key, node);
        return false;
    }
    if (has_leading_zero(digits)) {
        value_found(why, key, node);
        buf_add_str(why, " without leading zeros");
        return false;
    }
    errno = 0;
    uint64_t value = strtoull(digits, NULL, 10);
    if (errno || *text == '-' || value > max || !in_range(key, (double)value)) {
        return out_of_range(key, node, why);
    }
    *out = value;
    return true;
}

static bool read_unsigned(const struct key *key, const struct node *node, void *base, struct buf *why)
{
    uint64_t value;
    if (!read_whole(key, node, UINT_MAX, &value, why)) {
        return false;
    }
    *(unsigned *)value_at(base, key->offset) = (unsigned)value;
    return true;
}

static bool read_uint64(const struct key *key, const struct node *node, void *base, struct buf *why)
{
    return read_whole(key, node, UINT64_MAX, value_at(base, key->offset), why);
}

/* [-+]digits[.digits][e[-+]digits]; strtod also takes `inf`, `nan` and hexadecimal. */
static bool is_number(const char *text)
{
    text += *text == '-' || *text == '+';
    size_t before = digits_at(text), after = 0;
    text += before;
    if (*text == '.') {
        after = digits_at(text + 1);
        text += 1 + after;
    }
    if (before + after == 0) {
        return false;
    }
    if (*text == 'e' || *text == 'E') {
        text++;
        text += *text == '-' || *text == '+';
        if (digits_at(text) == 0) {
            return false;
        }
        text += digits_at(text);
    }
    return *text == '\0';
}

static bool read_number(const struct key *key, const struct node *node, void *base, struct buf *why)
{
    if (!is_bare(key, node, why)) {
        return false;
    }
    if (!is_number(node->text)) {
        value_found(why, key, node);
        return false;
    }
    double value = strtod(node->text, NULL);
    /* Infinity is above every max. */
    if (!in_range(key, value)) {
        return out_of_range(key, node, why);
    }
    *(double *)value_at(base, key->offset) = value;
    return true;
}

static bool read_duration(const struct key *key, const struct node *node, void *base, struct buf *why)
{
    int64_t value;
    if (!is_scalar(key, node, why)) {
        return false;
    }
    if (!units_parse_duration(node->text, &value)) {
        value_found(why, key, node);
        buf_add_str(why, ", such as 250ms, 90s, 10m or 2h");
        return false;
    }
    if (!in_range(key, (double)value)) {
        return out_of_range(key, node, why);
    }
    *(int64_t *)value_at(base, key->offset) = value;
    return true;
}

static bool read_size(const struct key *key, const struct node *node, void *base, struct buf *why)
{
    uint64_t value;
    if (!is_scalar(key, node, why)) {
        return false;
    }
    if (!units_parse_size(node->text, &value)) {
        value_found(why, key, node);
        buf_add_str(why, ", such as 64KiB, 64MiB or 5MB");
        return false;
    }
    if (!in_range(key, (double)value)) {
        return out_of_range(key, node, why);
    }
    *(uint64_t *)value_at(base, key->offset) = value;
    return true;
}

bool value_read(const struct key *key, const struct node *node, void *base, struct buf *why)
{
    static bool (*const readers[KEY_TYPE_COUNT])(const struct key *, const struct node *, void *, struct buf *) = {
        [KEY_TEXT] = read_text,         [KEY_WORD] = read_word,     [KEY_BOOL] = read_bool,
        [KEY_UNSIGNED] = read_unsigned, [KEY_UINT64] = read_uint64, [KEY_NUMBER] = read_number,
        [KEY_DURATION] = read_duration, [KEY_SIZE] = read_size,     [KEY_RENDERING] = read_rendering,
        [KEY_SITE] = read_site};
    return readers[key->type](key, node, base, why);
}
