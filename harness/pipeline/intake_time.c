/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/intake_time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

/* Exactly `digits` digits at *at, between min and max; false where they are not there. */
static bool read_number(const char **at, int digits, int min, int max, int *out)
{
    int value = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        if (**at < '0' || **at > '9') {
            return false;
        }
        value = value * 10 + (**at - '0');
    }
    *out = value;
    return value >= min && value <= max;
}

static bool read_char(const char **at, char c)
{
    return **at == c && (*at)++ != NULL;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Days since 1970-01-01 in the Gregorian calendar: whole years counted from March, so that the leap day is a year's
 * last. */
static int64_t days_since_1970(int year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t m = month > 2 ? month - 3 : month + 9;
    int64_t before = y * 365 + y / 4 - y / 100 + y / 400;
    return before + (m * 153 + 2) / 5 + day - 1 - 719468;
}

static bool read_date(const char **at, int64_t *days)
{
    int year, month, day;
    if (!read_number(at, 4, 1, 9999, &year) || !read_char(at, '-') || !read_number(at, 2, 1, 12, &month) ||
        !read_char(at, '-') || !read_number(at, 2, 1, 31, &day)) {
        return false;
    }
    *days = days_since_1970(year, month, day);
    return day <= days_in_month(year, month);
}

static bool read_clock(const char **at, int64_t *seconds)
{
    int hour, minute, second;
    if (!read_number(at, 2, 0, 23, &hour) || !read_char(at, ':') || !read_number(at, 2, 0, 59, &minute) ||
        !read_char(at, ':') || !read_number(at, 2, 0, 60, &second)) {
        return false;
    }
    *seconds = hour * 3600 + minute * 60 + second;
    return true;
}

static bool read_fraction(const char **at, int32_t *ns)
{
    int32_t unit = 100000000;
    *ns = 0;
    if (!read_char(at, '.')) {
        return true;
    }
    if (**at < '0' || **at > '9') {
        return false;
    }
    for (; **at >= '0' && **at <= '9'; (*at)++, unit /= 10) {
        *ns += (**at - '0') * unit;
    }
    return true;
}

static bool read_zone(const char **at, int64_t *seconds)
{
    int hour, minute;
    *seconds = 0;
    if (read_char(at, 'Z') || read_char(at, 'z')) {
        return true;
    }
    int sign = **at == '-' ? -1 : 1;
    if (!read_char(at, '+') && !read_char(at, '-')) {
        return false;
    }
    if (!read_number(at, 2, 0, 23, &hour) || !read_char(at, ':') || !read_number(at, 2, 0, 59, &minute)) {
        return false;
    }
    *seconds = sign * (hour * 3600 + minute * 60);
    return true;
}

int intake_time_read(const char *text, struct intake_time *out)
{
    int64_t days, clock, zone;
    const char *at = text;
    if (!read_date(&at, &days) || (!read_char(&at, 'T') && !read_char(&at, 't')) || !read_clock(&at, &clock) ||
        !read_fraction(&at, &out->ns) || !read_zone(&at, &zone) || *at != '\0') {
        return -1;
    }
    out->s = days * 86400 + clock - zone;
    return 0;
}

int intake_time_compare(const struct intake_time *a, const struct intake_time *b)
{
    if (a->s != b->s) {
        return a->s < b->s ? -1 : 1;
    }
    return (a->ns > b->ns) - (a->ns < b->ns);
}

void intake_time_text(const struct intake_time *t, char out[INTAKE_TIME_TEXT_SIZE])
{
    struct tm utc = {0};
    time_t s = t->s;
    gmtime_r(&s, &utc);
    size_t size = strftime(out, INTAKE_TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + size, INTAKE_TIME_TEXT_SIZE - size, ".%03dZ", (int)(t->ns / 1000000));
}

struct intake_time intake_time_of_ms(int64_t ms)
{
    int64_t rest = (ms % 1000 + 1000) % 1000;
    return (struct intake_time){.s = ms / 1000 - (ms % 1000 < 0), .ns = (int32_t)(rest * 1000000)};
}

int64_t intake_time_ms(const struct intake_time *t)
{
    return t->s * 1000 + t->ns / 1000000;
}
