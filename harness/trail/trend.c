/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/trend.h"

#include <math.h>
#include <string.h>

/* Points of a stretch are brought down to so many bins, of which all pairs are looked at: 1128 slopes. Sen's interval
 * is hardly narrower with more, and a soak judges some 60 values at each stocktaking. */
#define BINS_MAX 48
#define PAIRS_MAX (BINS_MAX * (BINS_MAX - 1) / 2)
/* Whatever a program does when it starts, and whatever an allocator does between two collections, looks like a leak
 * while it lasts. What lasts for less than six minutes, or for less than a sixth of all, is not told (after hours
 * there is always some short stretch that rises). */
#define SPAN_MIN_MS 360000
#define SHARE 6
/* The stretches that are tried: all, and then each three quarters as long as the one before. */
#define SHORTER(length) ((length)*3 / 4)
/* A stretch that grows rises in each fifth of it by so much of what it rises by on average, and in the last one by so
 * much: start-ups and steps do not. */
#define FIFTHS 5
#define FIFTH_LEAST 0.3
#define LAST_LEAST 0.6
/* What is random in memory is much of it a random walk, of which any stretch seems to have a slope. Its rises from one
 * tenth to the next have nothing to do with each other, so that the mean of them against their spread is a test that
 * holds for it, too: Student's t with 8 degrees of freedom, 3 is passed by 1 in 120. The other conditions come on top.
 */
#define TENTHS 10
#define T_LEAST 3.0
/* The interval that is shown is one of 95 %. A soak looks again and again, thousands of times: for what is called
 * growth the interval is taken so many times as wide. */
#define SURE 3.0
/* Two lines instead of one have to leave so much less of the squared distances, or else there is no break. */
#define BREAK_MOST 0.6
#define BREAK_POINTS_MIN 3
/* A share that is left of squares by rounding alone. */
#define NOTHING 1e-9
#define HOUR_MS 3600000.0
#define Z_95 1.959964

/* Points [from, count) of a series, and their bins. Times in hours since the stretch's start. */
struct stretch {
    const struct series *series;
    size_t from, bins;
    double at[BINS_MAX], value[BINS_MAX];
    double slope, low, high, intercept;
};

/* The element that would stand at `rank` if all were sorted; moves them. */
static double select_rank(double *values, size_t count, size_t rank)
{
    size_t first = 0, last = count - 1;
    while (first < last) {
        double pivot = values[first + (last - first) / 2];
        size_t i = first, j = last;
        for (;;) {
            /* The pivot, and what has been moved, stop both.
             * NOLINTBEGIN(clang-analyzer-core.UndefinedBinaryOperatorResult) */
            while (values[i] < pivot) {
                i++;
            }
            while (pivot < values[j]) {
                j--;
            }
            /* NOLINTEND(clang-analyzer-core.UndefinedBinaryOperatorResult) */
            if (i >= j) {
                break;
            }
            double moved = values[i];
            values[i++] = values[j];
            values[j--] = moved;
        }
        if (rank <= j) {
            last = j;
        } else {
            first = j + 1;
        }
    }
    return values[rank];
}

static double median(double *values, size_t count)
{
    double upper = select_rank(values, count, count / 2);
    return count % 2 == 1 ? upper : (select_rank(values, count, count / 2 - 1) + upper) / 2;
}

static int64_t span_ms(const struct stretch *s)
{
    return s->series->points[s->series->count - 1].at_ms - s->series->points[s->from].at_ms;
}

static void take(struct stretch *s, const struct series *series, size_t from)
{
    size_t count = series->count - from;
    s->series = series;
    s->from = from;
    s->bins = count < BINS_MAX ? count : BINS_MAX;
    for (size_t b = 0; b < s->bins; b++) {
        size_t begin = from + b * count / s->bins, end = from + (b + 1) * count / s->bins;
        double at = 0, value = 0;
        for (size_t i = begin; i < end; i++) {
            at += (double)(series->points[i].at_ms - series->points[from].at_ms) / HOUR_MS;
            value += series->points[i].value;
        }
        s->at[b] = at / (double)(end - begin);
        s->value[b] = value / (double)(end - begin);
    }
}

/* Variance of Kendall's S; values that are the same say nothing of the order. */
static double kendall_variance(const struct stretch *s)
{
    double n = (double)s->bins, variance = n * (n - 1) * (2 * n + 5);
    for (size_t i = 0; i < s->bins; i++) {
        double same = 0;
        bool first = true;
        for (size_t j = 0; j < s->bins; j++) {
            same += s->value[j] == s->value[i];
            first = first && (j >= i || s->value[j] != s->value[i]);
        }
        variance -= first ? same * (same - 1) * (2 * same + 5) : 0;
    }
    return fmax(variance, 0) / 18;
}

/* By how much the slope's variance is greater than if neighbours had nothing to do with each other: (1 + r) / (1 - r)
 * for residuals of autocorrelation r, which comes out too small by (2 + 4r) / n with a fitted line (Kendall 1954). At
 * most that of a random walk: the variance of its fitted slope is 6/5 s^2/n, where its residuals' variance s^2 n/15
 * would give 4/5 s^2/n^2. */
static double inflation(const struct stretch *s)
{
    double n = (double)s->bins, mean = 0, squares = 0, products = 0, before = 0;
    for (size_t i = 0; i < s->bins; i++) {
        mean += (s->value[i] - s->slope * s->at[i]) / n;
    }
    for (size_t i = 0; i < s->bins; i++) {
        double residual = s->value[i] - s->slope * s->at[i] - mean;
        squares += residual * residual;
        products += i > 0 ? residual * before : 0;
        before = residual;
    }
    if (squares <= 0) {
        return 1;
    }
    double r = products / squares;
    r += (2 + 4 * r) / n;
    double most = 1.5 * n;
    return r <= 0 ? 1 : r >= 1 ? most : fmin((1 + r) / (1 - r), most);
}

/* Slope with its interval, and the line's height at the stretch's start. False: all points have one time. */
static bool fit(struct stretch *s)
{
    double slopes[PAIRS_MAX], heights[BINS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < s->bins; i++) {
        for (size_t j = i + 1; j < s->bins; j++) {
            if (s->at[j] > s->at[i]) {
                slopes[count++] = (s->value[j] - s->value[i]) / (s->at[j] - s->at[i]);
            }
        }
    }
    if (count == 0) {
        return false;
    }
    s->slope = median(slopes, count);
    double half = Z_95 * sqrt(kendall_variance(s)) / 2, middle = (double)(count - 1) / 2;
    double widen = sqrt(inflation(s));
    double low = select_rank(slopes, count, (size_t)fmax(floor(middle - half), 0));
    double high = select_rank(slopes, count, (size_t)fmin(ceil(middle + half), (double)(count - 1)));
    s->low = s->slope - (s->slope - low) * widen;
    s->high = s->slope + (high - s->slope) * widen;
    for (size_t i = 0; i < s->bins; i++) {
        heights[i] = s->value[i] - s->slope * s->at[i];
    }
    s->intercept = median(heights, s->bins);
    return true;
}

/* Rises from each of `parts` parts to the next; returns their mean. A part's height is its median: an outlier in it is
 * no rise, and a step in its middle is one rise and not two smaller ones. */
static double rises(const struct stretch *s, size_t parts, double *out)
{
    double before = 0, sum = 0, values[BINS_MAX];
    for (size_t p = 0; p < parts; p++) {
        size_t begin = p * s->bins / parts, end = (p + 1) * s->bins / parts;
        memcpy(values, &s->value[begin], (end - begin) * sizeof values[0]);
        double now = median(values, end - begin);
        if (p > 0) {
            out[p - 1] = now - before;
            sum += now - before;
        }
        before = now;
    }
    return sum / (double)(parts - 1);
}

static bool rises_all_along(const struct stretch *s, double least_rise)
{
    double by[FIFTHS - 1], mean = rises(s, FIFTHS, by);
    if (mean <= 0 || mean * FIFTHS < least_rise) {
        return false;
    }
    for (size_t i = 0; i < FIFTHS - 1; i++) {
        if (by[i] < mean * (i == FIFTHS - 2 ? LAST_LEAST : FIFTH_LEAST)) {
            return false;
        }
    }
    return true;
}

static bool rises_steadily(const struct stretch *s)
{
    double by[TENTHS - 1], mean = rises(s, TENTHS, by), squares = 0;
    for (size_t i = 0; i < TENTHS - 1; i++) {
        squares += (by[i] - mean) * (by[i] - mean);
    }
    return mean > T_LEAST * sqrt(squares / (TENTHS - 2) / (TENTHS - 1));
}

static bool grows(struct stretch *s, const struct trend_rule *rule)
{
    return span_ms(s) >= SPAN_MIN_MS && rises_all_along(s, rule->least_rise) && rises_steadily(s) && fit(s) &&
           s->slope - SURE * (s->slope - s->low) > rule->least_per_hour;
}

/* Sums of points [0, i), from which the squared distances of any stretch from its own line follow. */
struct sums {
    double at, value, at_at, at_value, value_value;
};

static double distances(const struct sums *from, const struct sums *to, size_t count)
{
    double n = (double)count, at = to->at - from->at, value = to->value - from->value;
    double at_at = to->at_at - from->at_at - at * at / n;
    double at_value = to->at_value - from->at_value - at * value / n;
    double value_value = to->value_value - from->value_value - value * value / n;
    return fmax(at_at > 0 ? value_value - at_value * at_value / at_at : value_value, 0);
}

/* Where, from `begin` on, one line ends and another one begins; `begin` where one is enough. */
static size_t find_break(const struct series *series, size_t begin, size_t right_min)
{
    struct sums sums[SERIES_POINTS_MAX + 1];
    size_t count = series->count - begin, best = 0;
    sums[0] = (struct sums){0};
    for (size_t i = 0; i < count; i++) {
        const struct series_point *p = &series->points[begin + i], *origin = &series->points[begin];
        double at = (double)(p->at_ms - origin->at_ms) / HOUR_MS, value = p->value - origin->value;
        sums[i + 1] = (struct sums){sums[i].at + at, sums[i].value + value, sums[i].at_at + at * at,
                                    sums[i].at_value + at * value, sums[i].value_value + value * value};
    }
    double whole = distances(&sums[0], &sums[count], count);
    if (whole <= NOTHING * sums[count].value_value) {
        return begin;
    }
    double least = BREAK_MOST * whole;
    for (size_t i = BREAK_POINTS_MIN; i + right_min <= count; i++) {
        double both = distances(&sums[0], &sums[i], i) + distances(&sums[i], &sums[count], count - i);
        if (both < least) {
            least = both;
            best = i;
        }
    }
    return begin + best;
}

/* The stretches that are tried begin at a few points only, and take with them some of what was before: the growth
 * begins where the curve breaks. */
static void refine(struct stretch *s, const struct trend_rule *rule)
{
    size_t count = s->series->count - s->from, begin = s->from > count ? s->from - count : 0;
    size_t at = find_break(s->series, begin, count / 2);
    struct stretch better;
    if (at == begin) {
        return;
    }
    take(&better, s->series, at);
    if (fit(&better) && better.low > rule->least_per_hour) {
        *s = better;
    }
}

static void put(const struct stretch *s, struct trend *out)
{
    out->known = true;
    out->per_hour = s->slope;
    out->low = s->low;
    out->high = s->high;
    out->since_ms = s->series->points[s->from].at_ms;
    out->from = s->intercept;
    out->to = s->intercept + s->slope * (double)span_ms(s) / HOUR_MS;
}

void trend_judge(const struct series *series, const struct trend_rule *rule, struct trend *out)
{
    struct stretch s;
    *out = (struct trend){0};
    if (series->count < TREND_POINTS_MIN) {
        return;
    }
    for (size_t length = series->count; length >= TREND_POINTS_MIN && length * SHARE >= series->count;
         length = SHORTER(length)) {
        take(&s, series, series->count - length);
        if (grows(&s, rule)) {
            refine(&s, rule);
            put(&s, out);
            out->growing = true;
            return;
        }
    }
    size_t half = series->count / 2;
    take(&s, series, half >= TREND_POINTS_MIN ? half : series->count - TREND_POINTS_MIN);
    if (fit(&s)) {
        put(&s, out);
    }
}
