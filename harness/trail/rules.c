/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/rules.h"
#include "base/mem.h"
#include "trail/rewrite.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Bytes of a text that a rule quotes: enough for a host or service name. */
#define SHOWN_MAX 60

/* U+FFFD, which readers put where bytes are no character. */
#define REPLACEMENT "\xef\xbf\xbd"

bool rules_is_truncated(const char *before, const char *after, size_t *size)
{
    size_t left = strlen(after), mark = strlen(REPLACEMENT);
    while (left > mark && strncmp(before, after, left) != 0 && memcmp(after + left - mark, REPLACEMENT, mark) == 0) {
        left -= mark;
    }
    *size = left;
    return left < strlen(before) && strncmp(before, after, left) == 0;
}

static const char *text_of(const struct rewriting *c)
{
    return c->before->text;
}

static int shown(size_t size)
{
    return (int)(size < SHOWN_MAX ? size : SHOWN_MAX);
}

/* --- letters ------------------------------------------------------------------------------------------------------ */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static bool is_cased(const struct rewriting *changes, size_t count, char (*cased)(char c))
{
    for (size_t i = 0; i < count; i++) {
        const char *before = text_of(&changes[i]), *after = changes[i].after;
        while (*before != '\0' && cased(*before) == *after) {
            before++;
            after++;
        }
        if (*before != '\0' || *after != '\0') {
            return false;
        }
    }
    return true;
}

static bool rule_case(const struct rewriting *changes, size_t count, struct buf *out)
{
    bool any = true;
    for (size_t i = 0; i < count && any; i++) {
        any = strcasecmp(text_of(&changes[i]), changes[i].after) == 0;
    }
    if (any) {
        buf_add_str(out, is_cased(changes, count, lower)   ? "lower-cased"
                         : is_cased(changes, count, upper) ? "upper-cased"
                                                           : "letters' case changed");
    }
    return any;
}

/* One character for another, the same two in all values. */
static bool rule_character(const struct rewriting *changes, size_t count, struct buf *out)
{
    char from = '\0', to = '\0';
    for (size_t i = 0; i < count; i++) {
        const char *before = text_of(&changes[i]), *after = changes[i].after;
        if (strlen(before) != strlen(after)) {
            return false;
        }
        for (; *before != '\0'; before++, after++) {
            if (*before == *after) {
                continue;
            }
            if ((from != '\0' && (from != *before || to != *after)) || *before <= ' ' || *after <= ' ') {
                return false;
            }
            from = *before;
            to = *after;
        }
    }
    buf_printf(out, "'%c' replaced by '%c'", from, to);
    return true;
}

static bool rule_characters(const struct rewriting *changes, size_t count, struct buf *out)
{
    bool same = true;
    for (size_t i = 0; i < count && same; i++) {
        char *before = rewrite_canonical(text_of(&changes[i])), *after = rewrite_canonical(changes[i].after);
        same = strcmp(before, after) == 0;
        free(before);
        free(after);
    }
    if (same) {
        buf_add_str(out, "characters replaced");
    }
    return same;
}

/* --- texts -------------------------------------------------------------------------------------------------------- */

static bool rule_prefix(const struct rewriting *changes, size_t count, struct buf *out)
{
    size_t added = strlen(changes[0].after) - strlen(text_of(&changes[0]));
    if (strlen(changes[0].after) <= strlen(text_of(&changes[0]))) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const char *after = changes[i].after;
        if (strlen(after) <= added || strncmp(after, changes[0].after, added) != 0 ||
            strcmp(after + added, text_of(&changes[i])) != 0) {
            return false;
        }
    }
    buf_printf(out, "'%.*s' put before it", shown(added), changes[0].after);
    return true;
}

static bool rule_suffix(const struct rewriting *changes, size_t count, struct buf *out)
{
    size_t size = strlen(text_of(&changes[0]));
    if (strlen(changes[0].after) <= size) {
        return false;
    }
    const char *added = changes[0].after + size;
    for (size_t i = 0; i < count; i++) {
        size_t own = strlen(text_of(&changes[i]));
        if (strncmp(changes[i].after, text_of(&changes[i]), own) != 0 || strcmp(changes[i].after + own, added) != 0) {
            return false;
        }
    }
    buf_printf(out, "'%.*s' put behind it", shown(strlen(added)), added);
    return true;
}

/* The site as it was, and one and the same text for the name. */
static bool rule_name(const struct rewriting *changes, size_t count, struct buf *out)
{
    const char *name = NULL;
    for (size_t i = 0; i < count; i++) {
        const char *before = text_of(&changes[i]);
        size_t site = strlen(before) - strlen(changes[i].before->name);
        if (changes[i].before->name[0] == '\0' || changes[i].before->line == 0 || site > strlen(changes[i].after) ||
            strncmp(changes[i].after, before, site) != 0) {
            return false;
        }
        const char *here = changes[i].after + site;
        if (name != NULL && strcmp(name, here) != 0) {
            return false;
        }
        name = here;
    }
    if (name == NULL) {
        return false;
    }
    buf_printf(out, "the name replaced by '%.*s'", shown(strlen(name)), name);
    return true;
}

static bool rule_one_text(const struct rewriting *changes, size_t count, struct buf *out)
{
    for (size_t i = 1; i < count; i++) {
        if (strcmp(changes[i].after, changes[0].after) != 0) {
            return false;
        }
    }
    buf_printf(out, "the value replaced by '%.*s'", shown(strlen(changes[0].after)), changes[0].after);
    return true;
}

/* What differs between two texts: [*at, *at + *from) became [*at, *at + *to). */
static void find_difference(const char *before, const char *after, size_t *at, size_t *from, size_t *to)
{
    size_t x = strlen(before), y = strlen(after), tail = 0;
    *at = 0;
    while (before[*at] != '\0' && before[*at] == after[*at]) {
        (*at)++;
    }
    while (tail < x - *at && tail < y - *at && before[x - 1 - tail] == after[y - 1 - tail]) {
        tail++;
    }
    *from = x - *at - tail;
    *to = y - *at - tail;
}

/* Whether `after` is `before` with every `from` replaced. */
static bool is_replaced(const char *before, const char *after, const char *from, size_t from_size, const char *to,
                        size_t to_size)
{
    while (*before != '\0') {
        if (strncmp(before, from, from_size) == 0) {
            if (strncmp(after, to, to_size) != 0) {
                return false;
            }
            before += from_size;
            after += to_size;
        } else if (*before++ != *after++) {
            return false;
        }
    }
    return *after == '\0';
}

/* The least difference of all is the candidate. */
static bool rule_text(const struct rewriting *changes, size_t count, struct buf *out)
{
    size_t best = 0, best_at = 0, best_from = SIZE_MAX, best_to = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at, from, to;
        find_difference(text_of(&changes[i]), changes[i].after, &at, &from, &to);
        if (from < best_from) {
            best = i;
            best_at = at;
            best_from = from;
            best_to = to;
        }
    }
    const char *before = text_of(&changes[best]) + best_at, *after = changes[best].after + best_at;
    if (best_from == 0 || best_from == strlen(text_of(&changes[best]))) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_replaced(text_of(&changes[i]), changes[i].after, before, best_from, after, best_to)) {
            return false;
        }
    }
    buf_printf(out, best_to == 0 ? "'%.*s' cut out" : "'%.*s' replaced by '%.*s'", shown(best_from), before,
               shown(best_to), after);
    return true;
}

bool rules_is_general(const struct rewriting *changes, size_t count)
{
    static bool (*const rules[])(const struct rewriting *changes, size_t count, struct buf *out) = {
        rule_case, rule_character, rule_characters, rule_prefix, rule_suffix, rule_text,
    };
    struct buf unused = {0};
    bool any = false;
    for (size_t i = 0; count > 0 && !any && i < sizeof rules / sizeof rules[0]; i++) {
        any = rules[i](changes, count, &unused);
    }
    buf_fini(&unused);
    return any;
}

bool rules_describe(const struct rewriting *changes, size_t count, struct buf *out)
{
    static bool (*const rules[])(const struct rewriting *changes, size_t count, struct buf *out) = {
        rule_case, rule_character, rule_characters, rule_prefix, rule_suffix, rule_name, rule_one_text, rule_text,
    };
    for (size_t i = 0; count > 0 && i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i](changes, count, out)) {
            return true;
        }
    }
    return false;
}
