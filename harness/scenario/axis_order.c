/* SPDX-License-Identifier: Apache-2.0 */
/* How the values of an axis follow one another. Versions as in PEP 440, "Summary of permitted suffixes and relative
 * ordering"; local parts (+x) are compared as text. */
#include "scenario/matrix_internal.h"
#include "scenario/units.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Numbers of a release that are compared; PyPI's longest have six. */
#define RELEASE_MAX 16

struct version {
    long epoch;
    long release[RELEASE_MAX];
    int phase;           /* of a pre-release: 0 a, 1 b, 2 rc; -1 a .dev of a final release; 3 none */
    long pre, post, dev; /* post -1: none; dev LONG_MAX: none */
    const char *local;
};

/* --- versions --------------------------------------------------------------------------------------------------- */

/* A number of as many digits as a long holds for certain, which is more than a date and a time. */
static bool take_number(const char **at, long *out)
{
    size_t digits = strspn(*at, "0123456789");
    if (digits == 0 || digits > 18) {
        return false;
    }
    *out = strtol(*at, NULL, 10);
    *at += digits;
    return true;
}

/* One of several spellings, with a separator in front; the number behind it may be missing. */
static bool take_suffix(const char **at, const char *const *words, long *number)
{
    const char *from = *at + (strchr(".-_", **at) != NULL && **at != '\0');
    for (size_t i = 0; words[i]; i++) {
        size_t size = strlen(words[i]);
        if (strncasecmp(from, words[i], size) == 0) {
            const char *behind = from + size;
            const char *digits = behind + (strchr(".-_", *behind) != NULL && *behind != '\0');
            *number = 0;
            *at = take_number(&digits, number) ? digits : behind;
            return true;
        }
    }
    return false;
}

static void take_pre(const char **at, struct version *v)
{
    static const char *const spelled[][4] = {{"alpha", "a"}, {"beta", "b"}, {"preview", "pre", "rc", "c"}};
    for (int phase = 0; phase < 3; phase++) {
        const char *words[5] = {0};
        memcpy(words, spelled[phase], sizeof spelled[phase]);
        if (take_suffix(at, words, &v->pre)) {
            v->phase = phase;
            return;
        }
    }
}

static bool parse_release(const char **at, struct version *v)
{
    for (size_t i = 0;; i++) {
        long number;
        if (!take_number(at, &number)) {
            return false;
        }
        if (i < RELEASE_MAX) {
            v->release[i] = number;
        }
        if (**at != '.' || !isdigit((unsigned char)(*at)[1])) {
            return true;
        }
        ++*at;
    }
}

static bool parse_version(const char *text, struct version *v)
{
    static const char *const post_words[] = {"post", "rev", "r", NULL}, *const dev_words[] = {"dev", NULL};
    const char *at = text + (*text == 'v' || *text == 'V'), *epoch = at;
    *v = (struct version){.phase = 3, .post = -1, .dev = LONG_MAX, .local = ""};
    if (take_number(&epoch, &v->epoch) && *epoch == '!') {
        at = epoch + 1;
    } else {
        v->epoch = 0;
    }
    if (!parse_release(&at, v)) {
        return false;
    }
    take_pre(&at, v);
    if (at[0] == '-' && isdigit((unsigned char)at[1])) {
        at++;
        if (!take_number(&at, &v->post)) {
            return false;
        }
    } else {
        take_suffix(&at, post_words, &v->post);
    }
    if (take_suffix(&at, dev_words, &v->dev) && v->phase == 3 && v->post < 0) {
        v->phase = -1;
    }
    if (*at == '+') {
        v->local = at + 1;
        return v->local[0] != '\0';
    }
    return *at == '\0';
}

static int compare_longs(long a, long b)
{
    return (a > b) - (a < b);
}

static int compare_versions(const struct version *a, const struct version *b)
{
    int result = compare_longs(a->epoch, b->epoch);
    for (size_t i = 0; result == 0 && i < RELEASE_MAX; i++) {
        result = compare_longs(a->release[i], b->release[i]);
    }
    result = result ? result : compare_longs(a->phase, b->phase);
    result = result ? result : compare_longs(a->pre, b->pre);
    result = result ? result : compare_longs(a->post, b->post);
    result = result ? result : compare_longs(a->dev, b->dev);
    return result ? result : strcasecmp(a->local, b->local);
}

bool version_is_final(const char *text)
{
    struct version v;
    return parse_version(text, &v) && v.phase == 3 && v.dev == LONG_MAX;
}

/* --- numbers ---------------------------------------------------------------------------------------------------- */

/* 2.5, -1e3; not hexadecimal, not infinity. */
static bool parse_plain(const char *text, double *out)
{
    char *end;
    if (text[strspn(text, "0123456789+-.eE")] != '\0' || strpbrk(text, "0123456789") == NULL) {
        return false;
    }
    *out = strtod(text, &end);
    return *end == '\0' && end != text;
}

enum unit { UNIT_NONE, UNIT_TIME, UNIT_SIZE, UNIT_BAD };

/* Durations in seconds, sizes in bytes, as bare numbers are read by those keys. */
static enum unit parse_number(const char *text, double *out)
{
    int64_t ms;
    uint64_t bytes;
    if (parse_plain(text, out)) {
        return UNIT_NONE;
    }
    if (units_parse_duration(text, &ms)) {
        *out = (double)ms / 1000;
        return UNIT_TIME;
    }
    if (units_parse_size(text, &bytes)) {
        *out = (double)bytes;
        return UNIT_SIZE;
    }
    return UNIT_BAD;
}

int axis_compare(enum axis_order order, const char *a, const char *b)
{
    struct version x, y;
    double p = 0, q = 0;
    if (order == AXIS_WORDS) {
        return strcmp(a, b);
    }
    bool good_a = order == AXIS_VERSIONS ? parse_version(a, &x) : parse_number(a, &p) != UNIT_BAD;
    bool good_b = order == AXIS_VERSIONS ? parse_version(b, &y) : parse_number(b, &q) != UNIT_BAD;
    if (!good_a || !good_b) {
        /* What is neither comes behind. */
        return good_a != good_b ? (good_a ? -1 : 1) : strcmp(a, b);
    }
    return order == AXIS_VERSIONS ? compare_versions(&x, &y) : (p > q) - (p < q);
}

/* --- which one -------------------------------------------------------------------------------------------------- */

static bool are_numbers(const struct matrix_axis *axis)
{
    enum unit seen = UNIT_NONE;
    for (size_t i = 0; i < axis->value_count; i++) {
        double value;
        enum unit unit = parse_number(axis->values[i].label, &value);
        if (unit == UNIT_BAD || (unit != UNIT_NONE && seen != UNIT_NONE && unit != seen)) {
            return false;
        }
        seen = unit == UNIT_NONE ? seen : unit;
    }
    return true;
}

/* More than one dot tells a version from a number. */
static bool are_versions(const struct matrix_axis *axis, bool of_versions)
{
    bool several = of_versions;
    for (size_t i = 0; i < axis->value_count; i++) {
        struct version v;
        const char *label = axis->values[i].label, *dot = strchr(label, '.');
        if (!parse_version(label, &v)) {
            return false;
        }
        several |= dot && strchr(dot + 1, '.');
    }
    return several;
}

enum axis_order axis_order_find(const struct matrix_axis *axis, bool of_versions)
{
    if (are_versions(axis, of_versions)) {
        return AXIS_VERSIONS;
    }
    return are_numbers(axis) ? AXIS_NUMBERS : AXIS_WORDS;
}
