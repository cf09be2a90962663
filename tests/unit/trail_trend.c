/* SPDX-License-Identifier: Apache-2.0 */
/* Growth of memory as a soak would see it: pages, start-ups, noise, allocators; each series judged at each new point,
 * as a soak does. LOCKTRAIL_TREND_SERIES=2000 tries so many of each kind in place of a few, and prints how often. */
#include "trail/trend.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MB 1e6
#define MINUTE 60.0
#define HOUR 3600.0

static const struct trend_rule RULE = {.least_per_hour = 2 * MB, .least_rise = 4 * MB};

/* --- random numbers ----------------------------------------------------------------------------------------------- */

static double fraction(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return (double)(*seed * UINT64_C(2685821657736338717) >> 11) / 9007199254740992.0;
}

static double between(uint64_t *seed, double least, double most)
{
    return least + (most - least) * fraction(seed);
}

static double normal(uint64_t *seed)
{
    double radius = sqrt(-2 * log(1 - fraction(seed)));
    return radius * cos(2 * M_PI * fraction(seed));
}

/* --- what a process does ------------------------------------------------------------------------------------------ */

enum noise { EVEN, NORMAL, SLOW, SPIKES, NOISES };
enum shape { LEAK, FLAT, SAWTOOTH, STEPS, STARTUP, RAMP, WALK, SHAPES };

static const char *const NOISE_NAMES[] = {"even", "normal", "slow", "spikes"};
static const char *const SHAPE_NAMES[] = {"leak", "flat", "sawtooth", "steps", "start-up", "ramp", "walk"};

struct process {
    uint64_t seed;
    enum shape shape;
    enum noise noise;
    double step, amplitude, onset;
    double base, start_size, start_time; /* a small start-up that all have */
    double size, time, saw_at, saw_time, walk, slow;
    double steps_at[3], steps_by[3];
};

static void make(struct process *p, uint64_t seed, double seconds)
{
    p->seed = seed * 7919 + 1;
    for (int i = 0; i < 9; i++) {
        fraction(&p->seed);
    }
    p->base = between(&p->seed, 20, 80) * MB;
    p->start_size = between(&p->seed, 0, 60) * MB;
    p->start_time = between(&p->seed, 3, 20);
    p->size = between(&p->seed, 10, p->shape == SAWTOOTH ? 30 : 200) * MB;
    p->time = between(&p->seed, 4, p->shape == STARTUP ? 75 : 120);
    p->saw_time = p->time;
    p->saw_at = -between(&p->seed, 0, p->time);
    p->walk = p->slow = 0;
    for (int i = 0; i < 3; i++) {
        p->steps_at[i] = between(&p->seed, 0, seconds);
        p->steps_by[i] = between(&p->seed, -40, 100) * MB;
    }
}

static double noise_at(struct process *p)
{
    double keep = exp(-p->step / 20); /* of the slow one: it goes on for some 20 s */
    switch (p->noise) {
    case EVEN:
        return between(&p->seed, -p->amplitude, p->amplitude);
    case NORMAL:
        return normal(&p->seed) * p->amplitude;
    case SLOW:
        return p->slow = p->slow * keep + normal(&p->seed) * p->amplitude * sqrt(1 - keep * keep);
    default:
        return (fraction(&p->seed) < 0.02 ? between(&p->seed, 0, 30) * MB : 0) +
               between(&p->seed, -p->amplitude, p->amplitude);
    }
}

static double shape_at(struct process *p, double at)
{
    double value = 0;
    switch (p->shape) {
    case LEAK:
        return at > p->onset ? MB * (at - p->onset) / MINUTE : 0;
    case SAWTOOTH: /* an allocator or a collector: never twice the same */
        while (at > p->saw_at + p->saw_time) {
            p->saw_at += p->saw_time;
            p->saw_time = p->time * between(&p->seed, 0.8, 1.2);
        }
        return p->size * (at - p->saw_at) / p->saw_time;
    case STEPS:
        for (int i = 0; i < 3; i++) {
            value += at > p->steps_at[i] ? p->steps_by[i] : 0;
        }
        return value;
    case STARTUP:
        return p->size * (1 - exp(-at / p->time));
    case RAMP:
        return p->size * fmin(at / p->time, 1);
    case WALK:
        return p->walk += normal(&p->seed) * 0.1 * MB * sqrt(p->step / 10);
    default:
        return 0;
    }
}

static double sample(struct process *p, double at)
{
    double start = p->start_size * (1 - exp(-at / p->start_time));
    return floor((p->base + start + shape_at(p, at) + noise_at(p)) / 4096) * 4096;
}

/* Until `seconds`; returns when it was first told to grow, or -1. `at_ten`: the trend after ten minutes. */
static double run(struct process *p, double seconds, bool until_found, struct trend *at_ten, struct trend *last)
{
    struct series s = {0};
    double found = -1;
    *at_ten = *last = (struct trend){0};
    for (double at = 0; at <= seconds && !(until_found && found >= 0); at += p->step) {
        series_add(&s, (int64_t)(at * 1000), sample(p, at));
        if (s.pending == 0) {
            trend_judge(&s, &RULE, last);
            found = found < 0 && last->growing ? at : found;
        }
        *at_ten = at <= 10 * MINUTE ? *last : *at_ten;
    }
    return found;
}

static unsigned series_count(unsigned usual)
{
    const char *text = getenv("LOCKTRAIL_TREND_SERIES");
    return text != NULL && atoi(text) > 0 ? (unsigned)atoi(text) : usual;
}

/* --- leaks -------------------------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double quantile(double *values, unsigned count, double q)
{
    qsort(values, count, sizeof values[0], by_size);
    return values[(unsigned)((count - 1) * q)];
}

/* 1 MB a minute from the start on. */
static void test_a_leak_is_found_in_ten_minutes_with_its_rate(void **state)
{
    static const struct {
        double step;
        enum noise noise;
        double amplitude;
    } cases[] = {{1, EVEN, MB},          {1, EVEN, 2 * MB},      {1, NORMAL, MB},      {1, NORMAL, 2 * MB},
                 {1, SPIKES, MB},        {1, SLOW, 0.5 * MB},    {10, EVEN, 0.5 * MB}, {10, EVEN, MB},
                 {10, NORMAL, 0.5 * MB}, {10, SPIKES, 0.5 * MB}, {10, SLOW, 0.25 * MB}};
    unsigned count = series_count(8);
    double *found = calloc(count, sizeof(double)), *at_ten = calloc(count, sizeof(double)),
           *at_end = calloc(count, sizeof(double));
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        unsigned late = 0;
        for (unsigned i = 0; i < count; i++) {
            struct process p = {
                .shape = LEAK, .step = cases[c].step, .noise = cases[c].noise, .amplitude = cases[c].amplitude};
            struct trend ten, last;
            make(&p, i + 1, 20 * MINUTE);
            found[i] = run(&p, 20 * MINUTE, false, &ten, &last);
            late += found[i] < 0 || found[i] > 10 * MINUTE;
            at_ten[i] = fabs(ten.per_hour / (60 * MB) - 1);
            at_end[i] = last.growing ? fabs(last.per_hour / (60 * MB) - 1) : 9;
        }
        if (getenv("LOCKTRAIL_TREND_SERIES") != NULL) {
            printf("each %2.0f s, %-6s %.2f MB: late %u of %u, found after %.0f s (99 %%: %.0f), rate off after 10 min "
                   "%.1f %% (95 %%: %.1f), after 20 min %.1f %% (99 %%: %.1f)\n",
                   cases[c].step, NOISE_NAMES[cases[c].noise], cases[c].amplitude / MB, late, count,
                   quantile(found, count, 0.5), quantile(found, count, 0.99), 100 * quantile(at_ten, count, 0.5),
                   100 * quantile(at_ten, count, 0.95), 100 * quantile(at_end, count, 0.5),
                   100 * quantile(at_end, count, 0.99));
        }
        assert_true(late <= count / 50);
        assert_true(quantile(at_ten, count, 0.9) < 0.1);
        assert_true(quantile(at_end, count, 0.99) < 0.1);
    }
    free(found);
    free(at_ten);
    free(at_end);
}

static void test_growth_that_begins_after_an_hour_is_found_with_its_start(void **state)
{
    unsigned count = series_count(3);
    (void)state;
    for (unsigned i = 0; i < 2 * count; i++) {
        struct process p = {.shape = LEAK, .onset = HOUR, .step = i % 2 == 0 ? 1 : 10, .noise = EVEN, .amplitude = MB};
        struct trend ten, last;
        make(&p, i + 1, HOUR + 20 * MINUTE);
        double found = run(&p, HOUR + 20 * MINUTE, false, &ten, &last);
        assert_true(found > HOUR && found < HOUR + 15 * MINUTE);
        assert_true(fabs((double)last.since_ms / 1000 - HOUR) < 3 * MINUTE);
        assert_true(fabs(last.per_hour / (60 * MB) - 1) < 0.1);
        assert_true(last.low <= last.per_hour && last.per_hour <= last.high);
        assert_true(fabs(last.to - last.from - 20 * MB) < 4 * MB);
    }
}

/* --- what is no growth -------------------------------------------------------------------------------------------- */

static unsigned count_false(enum shape shape, double step, unsigned count)
{
    unsigned told = 0;
    for (unsigned i = 0; i < count; i++) {
        struct process p = {.shape = shape, .step = step, .noise = i % NOISES};
        struct trend ten, last;
        double seconds = step < 10 ? HOUR : 2 * HOUR;
        make(&p, 1000 * (shape + 1) + i, seconds);
        p.amplitude = between(&p.seed, 0.5, p.noise == SLOW ? 1 : 2) * MB;
        told += run(&p, seconds, true, &ten, &last) >= 0;
    }
    if (getenv("LOCKTRAIL_TREND_SERIES") != NULL) {
        printf("%-8s each %2.0f s: %u of %u told to grow\n", SHAPE_NAMES[shape], step, told, count);
    }
    return told;
}

static void test_what_does_not_grow_is_not_told(void **state)
{
    unsigned count = series_count(16), told = 0;
    (void)state;
    for (enum shape shape = FLAT; shape < WALK; shape++) {
        told += count_false(shape, 1, count) + count_false(shape, 10, count);
    }
    assert_true(told <= 10 * count / 1000);
}

/* It does rise for a while, and by chance steadily: seldom is what can be had, not never. */
static void test_a_random_walk_is_seldom_told(void **state)
{
    unsigned count = series_count(16);
    (void)state;
    assert_true(count_false(WALK, 1, count) + count_false(WALK, 10, count) <= 2 * count / 5);
}

/* --- exact cases -------------------------------------------------------------------------------------------------- */

static struct trend judge(const double *values, size_t count, double step_s)
{
    struct series s = {0};
    struct trend t;
    struct trend_rule rule = {.least_per_hour = 1, .least_rise = 8};
    for (size_t i = 0; i < count; i++) {
        series_add(&s, (int64_t)(i * step_s * 1000), values[i]);
    }
    trend_judge(&s, &rule, &t);
    return t;
}

static void test_few_points_tell_nothing(void **state)
{
    double values[TREND_POINTS_MIN];
    (void)state;
    for (size_t i = 0; i < TREND_POINTS_MIN; i++) {
        values[i] = (double)i;
    }
    struct trend t = judge(values, TREND_POINTS_MIN - 1, 60);
    assert_false(t.known || t.growing);
    t = judge(values, TREND_POINTS_MIN, 60);
    assert_true(t.known && t.growing && t.per_hour == 60 && t.low == 60 && t.high == 60);
    assert_true(t.since_ms == 0 && fabs(t.from) < 1e-9 && fabs(t.to - 19) < 1e-9);
    t = judge(values, TREND_POINTS_MIN, 10); /* for 190 s only */
    assert_true(t.known && !t.growing);
}

static void test_times_that_stand_still_tell_nothing(void **state)
{
    double values[40];
    (void)state;
    for (size_t i = 0; i < 40; i++) {
        values[i] = (double)i;
    }
    struct trend t = judge(values, 40, 0);
    assert_false(t.known || t.growing);
}

static void test_counts_that_rise_now_and_then_grow(void **state)
{
    double values[120];
    (void)state;
    for (size_t i = 0; i < 120; i++) {
        values[i] = 20 + floor((double)i / 7); /* one each 70 s */
    }
    struct trend t = judge(values, 120, 10);
    assert_true(t.growing && fabs(t.per_hour - HOUR / 70) < 3);
    for (size_t i = 0; i < 120; i++) {
        values[i] = i < 60 ? 20 : 40;
    }
    t = judge(values, 120, 10);
    assert_true(t.known && !t.growing && t.per_hour == 0);
    for (size_t i = 0; i < 120; i++) {
        values[i] = 100 - (double)i / 2;
    }
    t = judge(values, 120, 10);
    assert_true(t.known && !t.growing && t.per_hour == -180);
}

static void test_less_than_the_rule_is_not_growth(void **state)
{
    double values[400];
    (void)state;
    for (size_t i = 0; i < 400; i++) {
        values[i] = (double)i / 400 * 7.5; /* the rise is 8 */
    }
    assert_false(judge(values, 400, 10).growing);
    for (size_t i = 0; i < 400; i++) {
        values[i] = (double)i / 400 * 12;
    }
    assert_true(judge(values, 400, 10).growing);
    assert_false(judge(values, 400, 120).growing); /* 0.9 an hour */
}

static void test_growth_that_stopped_is_not_growth(void **state)
{
    double values[400];
    (void)state;
    for (size_t i = 0; i < 400; i++) {
        values[i] = fmin((double)i, 200);
    }
    assert_true(judge(values, 200, 10).growing);
    assert_false(judge(values, 260, 10).growing);
    assert_false(judge(values, 300, 10).growing);
    assert_false(judge(values, 400, 10).growing);
}

static void test_growth_that_dies_away_is_a_start_up(void **state)
{
    double values[40];
    (void)state;
    for (size_t i = 0; i < 40; i++) {
        values[i] = 100 * (1 - exp(-2 * (double)i / 40));
    }
    assert_false(judge(values, 40, 10).growing);
    for (size_t i = 0; i < 40; i++) {
        values[i] = 100 * (1 - exp(-0.5 * (double)i / 40));
    }
    assert_true(judge(values, 40, 10).growing);
}

static void test_a_short_rise_after_a_long_time_is_waited_for(void **state)
{
    double values[500];
    (void)state;
    for (size_t i = 0; i < 500; i++) {
        values[i] = i < 400 ? 0 : (double)i - 400;
    }
    assert_false(judge(values, 440, 60).growing);
    assert_true(judge(values, 500, 60).growing);
}

static void test_any_points_are_judged(void **state)
{
    uint64_t seed = 5;
    (void)state;
    for (int i = 0; i < 2000; i++) {
        struct series s = {0};
        struct trend t, again;
        size_t count = (size_t)between(&seed, 0, 1500);
        double scale = exp(between(&seed, -300, 300)), at = 0;
        for (size_t j = 0; j < count; j++) {
            at += fraction(&seed) < 0.3 ? 0 : between(&seed, 0, 1e6);
            series_add(&s, (int64_t)at, i % 3 == 0 ? floor(between(&seed, 0, 3)) : normal(&seed) * scale);
        }
        trend_judge(&s, &RULE, &t);
        trend_judge(&s, &RULE, &again);
        assert_true(isfinite(t.per_hour) && t.low <= t.per_hour && t.per_hour <= t.high);
        assert_true(t.per_hour == again.per_hour && t.since_ms == again.since_ms && t.growing == again.growing);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_points_tell_nothing),
        cmocka_unit_test(test_times_that_stand_still_tell_nothing),
        cmocka_unit_test(test_counts_that_rise_now_and_then_grow),
        cmocka_unit_test(test_less_than_the_rule_is_not_growth),
        cmocka_unit_test(test_growth_that_stopped_is_not_growth),
        cmocka_unit_test(test_growth_that_dies_away_is_a_start_up),
        cmocka_unit_test(test_a_short_rise_after_a_long_time_is_waited_for),
        cmocka_unit_test(test_any_points_are_judged),
        cmocka_unit_test(test_a_leak_is_found_in_ten_minutes_with_its_rate),
        cmocka_unit_test(test_growth_that_begins_after_an_hour_is_found_with_its_start),
        cmocka_unit_test(test_what_does_not_grow_is_not_told),
        cmocka_unit_test(test_a_random_walk_is_seldom_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
