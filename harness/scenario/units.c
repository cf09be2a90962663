/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/units.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

/* Digits that are read behind the point. Nine keep number times unit inside 128 bits; no unit needs more to be exact.
 */
#define FRACTION_DIGITS_MAX 9

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit durations[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"", 1000},
};

static const struct unit sizes[] = {
    {"", 1},
    {"B", 1},
    {"KiB", UINT64_C(1) << 10},
    {"MiB", UINT64_C(1) << 20},
    {"GiB", UINT64_C(1) << 30},
    {"TiB", UINT64_C(1) << 40},
    {"kB", UINT64_C(1000)},
    {"MB", UINT64_C(1000000)},
    {"GB", UINT64_C(1000000000)},
};

/* A decimal number `digits / scale`. */
struct decimal {
    unsigned __int128 digits;
    uint64_t scale;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Returns what follows the number, or NULL where none begins or it is too long. */
static const char *read_decimal(const char *at, struct decimal *out)
{
    const unsigned __int128 limit = (unsigned __int128)UINT64_MAX * 1000000000;
    *out = (struct decimal){0, 1};
    if (!is_digit(*at)) {
        return NULL;
    }
    for (; is_digit(*at); at++) {
        out->digits = out->digits * 10 + (unsigned)(*at - '0');
        if (out->digits > UINT64_MAX) {
            return NULL;
        }
    }
    if (*at != '.') {
        return at;
    }
    at++;
    if (!is_digit(*at)) {
        return NULL;
    }
    for (int places = 0; is_digit(*at); at++, places++) {
        if (places == FRACTION_DIGITS_MAX) {
            return NULL;
        }
        out->digits = out->digits * 10 + (unsigned)(*at - '0');
        out->scale *= 10;
    }
    return out->digits <= limit ? at : NULL;
}

/* Number and unit as a whole number of the smallest unit; false where it is none. */
static bool parse(const char *text, const struct unit *units, size_t count, uint64_t max, uint64_t *out)
{
    struct decimal number;
    const char *rest = read_decimal(text, &number);
    if (rest == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rest, units[i].name) != 0) {
            continue;
        }
        unsigned __int128 value;
        if (__builtin_mul_overflow(number.digits, (unsigned __int128)units[i].factor, &value) ||
            value % number.scale != 0 || value / number.scale > max) {
            return false;
        }
        *out = (uint64_t)(value / number.scale);
        return true;
    }
    return false;
}

bool units_parse_duration(const char *text, int64_t *ms)
{
    uint64_t value;
    if (!parse(text, durations, sizeof durations / sizeof *durations, INT64_MAX, &value)) {
        return false;
    }
    *ms = (int64_t)value;
    return true;
}

bool units_parse_size(const char *text, uint64_t *bytes)
{
    return parse(text, sizes, sizeof sizes / sizeof *sizes, UINT64_MAX, bytes);
}

void units_print_duration(struct buf *out, int64_t ms)
{
    static const struct unit by_size[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}};
    if (ms == 0) {
        buf_add_str(out, "0s");
        return;
    }
    for (size_t i = 0; i < sizeof by_size / sizeof *by_size; i++) {
        if (ms % (int64_t)by_size[i].factor == 0) {
            buf_printf(out, "%" PRId64 "%s", ms / (int64_t)by_size[i].factor, by_size[i].name);
            return;
        }
    }
    buf_printf(out, "%" PRId64 "ms", ms);
}

void units_print_size(struct buf *out, uint64_t bytes)
{
    static const struct unit by_size[] = {
        {"TiB", UINT64_C(1) << 40}, {"GiB", UINT64_C(1) << 30}, {"MiB", UINT64_C(1) << 20}, {"KiB", UINT64_C(1) << 10}};
    for (size_t i = 0; bytes != 0 && i < sizeof by_size / sizeof *by_size; i++) {
        if (bytes % by_size[i].factor == 0) {
            buf_printf(out, "%" PRIu64 "%s", bytes / by_size[i].factor, by_size[i].name);
            return;
        }
    }
    buf_printf(out, "%" PRIu64, bytes);
}
