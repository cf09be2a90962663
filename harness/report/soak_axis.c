/* SPDX-License-Identifier: Apache-2.0 */
#include "report/soak_axis.h"

#include <math.h>

/* Lines between the ends: enough to read a value, few enough for a small picture. */
#define STEPS 3
#define TIME_STEPS 5
/* Of the largest value: what varies less is drawn as if it varied so much; what varies more is drawn from 0. */
#define LEAST_RANGE 0.1
#define FROM_ZERO 0.25
/* Far above everything that is measured, and far below what a double can't be scaled from. */
#define VALUE_MAX 1e30

struct unit {
    double from; /* for values from here on */
    double size;
    const char *name;
};

static const struct unit bytes[] = {{0, 1, "B"},
                                    {1024, 1024, "KiB"},
                                    {1048576, 1048576, "MiB"},
                                    {1073741824, 1073741824, "GiB"},
                                    {1099511627776, 1099511627776, "TiB"}};
static const struct unit times[] = {{0, 0.001, "us"}, {1, 1, "ms"}, {10000, 1000, "s"}};
static const struct unit cores[] = {{0, 1, "cores"}};
static const struct unit counts[] = {{0, 1, ""}};

static const struct unit *find_unit(enum axis_kind kind, double most)
{
    static const struct {
        const struct unit *units;
        size_t count;
    } tables[] = {[AXIS_BYTES] = {bytes, sizeof bytes / sizeof *bytes},
                  [AXIS_COUNT] = {counts, 1},
                  [AXIS_CORES] = {cores, 1},
                  [AXIS_MS] = {times, sizeof times / sizeof *times}};
    size_t i = tables[kind].count - 1;
    while (i > 0 && most < tables[kind].units[i].from)
        i--;
    return &tables[kind].units[i];
}

/* 1, 2 or 5 times a power of ten, not below `x`. */
static double round_up(double x)
{
    double power = pow(10, floor(log10(x)));
    double times_ten = x / power;
    return (times_ten <= 1 ? 1 : times_ten <= 2 ? 2 : times_ten <= 5 ? 5 : 10) * power;
}

static int decimals_of(double step)
{
    return step >= 1 ? 0 : (int)ceil(-log10(step) - 1e-9);
}

struct axis axis_make(enum axis_kind kind, double least, double most)
{
    most = most > 0 ? fmin(most, VALUE_MAX) : 0;
    const struct unit *unit = find_unit(kind, most);
    double low = fmin(least, most) / unit->size, high = most > 0 ? most / unit->size : 1;
    if (low < 0 || high - low >= FROM_ZERO * high)
        low = 0;
    double lack = LEAST_RANGE * high - (high - low);
    if (lack > 0) {
        low -= lack / 2;
        high += lack / 2;
    }
    double step = round_up((high - low) / STEPS);
    if (kind == AXIS_COUNT && step < 1)
        step = 1;
    low = floor(low / step + 1e-9) * step;
    high = fmax(ceil(high / step - 1e-9) * step, low + step);
    return (struct axis){.low = (low > 0 ? low : 0) * unit->size,
                         .high = high * unit->size,
                         .step = step * unit->size,
                         .unit = unit->size,
                         .name = unit->name,
                         .decimals = decimals_of(step)};
}

struct axis axis_time(int64_t end_ms)
{
    static const int seconds[] = {1,    2,    5,    10,    15,    30,    60,    120,    300,    600,     900,
                                  1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000};
    size_t last = sizeof seconds / sizeof *seconds - 1, i = 0;
    double end = end_ms > 1000 ? (double)end_ms / 1000 : 1;
    while (i < last && end / seconds[i] > TIME_STEPS)
        i++;
    double step = seconds[i];
    if (end / step > TIME_STEPS)
        step = ceil(end / TIME_STEPS / step) * step;
    struct axis axis = {.low = 0, .high = end * 1000, .step = step * 1000, .unit = 1000, .name = "s"};
    if (step >= 86400) {
        axis.unit = 86400000;
        axis.name = "d";
    } else if (step >= 3600) {
        axis.unit = 3600000;
        axis.name = "h";
    } else if (step >= 60) {
        axis.unit = 60000;
        axis.name = "min";
    }
    return axis;
}

void axis_add_label(const struct axis *axis, double value, struct buf *out)
{
    buf_printf(out, "%.*f", axis->decimals, value / axis->unit);
}

/* Decimal, as the report and its readers have a leak: MB in an hour. */
static void add_bytes_rate(double per_hour, struct buf *out)
{
    static const char *const names[] = {"B", "kB", "MB", "GB", "TB"};
    size_t i = 0;
    while (i + 1 < sizeof names / sizeof *names && fabs(per_hour) >= 1000) {
        per_hour /= 1000;
        i++;
    }
    buf_printf(out, "%+.*f %s/h", fabs(per_hour) < 100 ? 1 : 0, per_hour, names[i]);
}

void axis_add_rate(enum axis_kind kind, double per_hour, struct buf *out)
{
    if (kind == AXIS_BYTES)
        add_bytes_rate(per_hour, out);
    else
        buf_printf(out, "%+.3g/h", per_hour);
}

void axis_add_value(enum axis_kind kind, double value, struct buf *out)
{
    const struct unit *unit = find_unit(kind, value);
    double x = value / unit->size;
    int decimals = kind == AXIS_COUNT ? 0 : x < 10 ? 2 : x < 100 ? 1 : 0;
    buf_printf(out, "%.*f%s%s", decimals, x, unit->name[0] ? " " : "", unit->name);
}
