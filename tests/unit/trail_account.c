/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/account.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS INT64_C(1000000)

static const bool BOTH[] = {true, true};

/* One lock; times in milliseconds. */
static void line(struct account *a, int64_t at_ms, uint64_t acquires)
{
    account_line(a, at_ms * MS, at_ms * MS, &acquires);
}

static void upload(struct account *a, uint64_t number, int64_t end_ms, uint64_t acquires)
{
    account_upload(a, number, end_ms * MS, end_ms * MS, &acquires);
}

/* "gap 0 40 @3 double 1 7 @0 " */
static const char *found(struct account *a, bool final)
{
    static char text[256];
    const struct account_finding *findings;
    size_t count = account_findings(a, final, &findings), size = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size += (size_t)snprintf(text + size, sizeof text - size, "%s %zu %" PRIu64 " @%" PRIu64 " ",
                                 findings[i].kind == ACCOUNT_GAP ? "gap" : "double", findings[i].lock,
                                 findings[i].acquires, findings[i].upload);
    }
    return text;
}

/* 100 acquires a second, a line each 250 ms, at `from_ms` and until before `to_ms`. */
static void lines(struct account *a, int64_t from_ms, int64_t to_ms)
{
    for (int64_t at = from_ms; at < to_ms; at += 250) {
        line(a, at, (uint64_t)at / 10);
    }
}

static void test_uploads_that_add_up_tell_nothing(void **state)
{
    struct account *a = account_new(1, BOTH);
    uint64_t done, seen;
    (void)state;
    for (uint64_t u = 0; u < 10; u++) {
        lines(a, (int64_t)u * 1000, (int64_t)u * 1000 + 1000);
        upload(a, u + 1, (int64_t)u * 1000 + 900, u == 0 ? 90 : 100);
        assert_string_equal(found(a, false), "");
    }
    line(a, 9900, 990);
    assert_string_equal(found(a, true), "");
    account_sums(a, 0, &done, &seen);
    assert_int_equal(done, 990);
    assert_int_equal(seen, 990);
    account_free(a);
}

/* Between the lines around an upload's end lie 25 acquires: so many are open, and told at the end. */
static void test_a_gap_is_told_once_when_a_line_lies_behind_it(void **state)
{
    struct account *a = account_new(1, BOTH);
    (void)state;
    lines(a, 0, 1000);
    upload(a, 1, 900, 90);
    lines(a, 1000, 2000);
    upload(a, 2, 1900, 40);
    assert_string_equal(found(a, false), "");
    line(a, 2000, 200);
    assert_string_equal(found(a, false), "gap 0 45 @2 ");
    assert_string_equal(found(a, false), "");
    lines(a, 2250, 3000);
    upload(a, 3, 2900, 100);
    line(a, 3000, 300);
    assert_string_equal(found(a, false), "");
    line(a, 3100, 310);
    upload(a, 4, 3100, 20);
    assert_string_equal(found(a, true), "gap 0 15 @0 ");
    account_free(a);
}

static void test_an_upload_that_never_came_is_a_gap_at_the_next_one(void **state)
{
    struct account *a = account_new(1, BOTH);
    (void)state;
    lines(a, 0, 3001);
    upload(a, 1, 900, 90);
    upload(a, 3, 2900, 100);
    assert_string_equal(found(a, false), "gap 0 85 @3 ");
    account_free(a);
}

static void test_the_last_upload_that_never_came_is_a_gap_at_the_end(void **state)
{
    struct account *a = account_new(1, BOTH);
    (void)state;
    lines(a, 0, 3001);
    upload(a, 1, 900, 90);
    upload(a, 2, 1900, 100);
    assert_string_equal(found(a, false), "");
    assert_string_equal(found(a, true), "gap 0 110 @0 ");
    account_free(a);
}

static void test_an_upload_that_came_twice_is_a_double(void **state)
{
    struct account *a = account_new(1, BOTH);
    (void)state;
    lines(a, 0, 1000);
    upload(a, 1, 900, 90);
    lines(a, 1000, 2001);
    upload(a, 2, 1900, 100);
    upload(a, 2, 1900, 100);
    assert_string_equal(found(a, false), "double 0 90 @2 ");
    assert_string_equal(found(a, false), "");
    upload(a, 3, 2000, 10);
    assert_string_equal(found(a, true), "double 0 10 @0 ");
    account_free(a);
}

/* Both kinds in one life do not cancel. */
static void test_a_double_after_a_gap_is_told_beside_it(void **state)
{
    struct account *a = account_new(1, BOTH);
    (void)state;
    lines(a, 0, 4001);
    upload(a, 1, 1000, 100);
    upload(a, 2, 2000, 10);
    upload(a, 3, 3000, 190);
    assert_string_equal(found(a, false), "gap 0 65 @2 double 0 40 @3 ");
    upload(a, 4, 4000, 100);
    assert_string_equal(found(a, true), "double 0 25 @0 ");
    account_free(a);
}

/* An end within the slack of a line can lie on either side of it. */
static void test_clocks_may_be_off_by_the_slack(void **state)
{
    struct account *a = account_new(1, BOTH);
    (void)state;
    line(a, 1000, 100);
    line(a, 1040, 900);
    upload(a, 1, 1000, 900);
    line(a, 2000, 1000);
    upload(a, 2, 2000, 100);
    line(a, 2030, 1000);
    assert_string_equal(found(a, true), "");
    account_free(a);
}

/* Its counters were read 800 ms behind its clock: it has what the next one should have. */
/* Level at the second upload, for certain; the third lacks some, which the lines can't prove before the fourth. */
static void test_a_finding_says_since_when_it_is_possible(void **state)
{
    struct account *a = account_new(1, BOTH);
    const struct account_finding *findings;
    (void)state;
    line(a, 500, 50);
    line(a, 2500, 50); /* the lock rests */
    upload(a, 1, 1000, 50);
    upload(a, 2, 2000, 0);
    line(a, 2900, 90);
    line(a, 3300, 110);
    upload(a, 3, 3000, 45);
    line(a, 4500, 110);
    assert_int_equal(account_findings(a, false, &findings), 0);
    upload(a, 4, 4000, 5);
    assert_int_equal(account_findings(a, false, &findings), 1);
    assert_int_equal(findings[0].upload, 4);
    assert_int_equal(findings[0].acquires, 10);
    assert_int_equal(findings[0].since_ns, 2000 * MS);
    account_free(a);
}

static void test_an_exporter_that_is_held_up_is_believed(void **state)
{
    struct account *a = account_new(1, BOTH);
    (void)state;
    lines(a, 0, 1900);
    account_upload(a, 1, 900 * MS, 1750 * MS, &(uint64_t){170});
    lines(a, 2000, 3001);
    account_upload(a, 2, 1900 * MS, 1950 * MS, &(uint64_t){20});
    assert_string_equal(found(a, false), "");
    line(a, 3100, 310);
    account_upload(a, 3, 3100 * MS, 3150 * MS, &(uint64_t){120});
    assert_string_equal(found(a, true), "");
    account_free(a);
}

static void test_an_upload_that_comes_late_is_no_double(void **state)
{
    struct account *a = account_new(1, BOTH);
    (void)state;
    lines(a, 0, 1900);
    upload(a, 2, 1900, 100); /* number 1 is still on its way */
    upload(a, 1, 900, 90);
    lines(a, 2000, 3001);
    assert_string_equal(found(a, false), "");
    upload(a, 4, 2950, 50);
    assert_string_equal(found(a, false), "gap 0 35 @4 "); /* 45 to 60 are missing, and 0 to 10 were open */
    upload(a, 3, 2400, 55);
    line(a, 3100, 310);
    upload(a, 5, 3100, 15);
    assert_string_equal(found(a, true), "");
    account_free(a);
}

static void test_locks_that_are_not_judged_are_summed_only(void **state)
{
    const bool judged[] = {false, true};
    struct account *a = account_new(2, judged), *none = account_new(1, judged);
    uint64_t done, seen;
    (void)state;
    account_line(a, 0, 0, (uint64_t[]){0, 0});
    account_line(a, 1000 * MS, 1000 * MS, (uint64_t[]){500, 700});
    account_upload(a, 1, 500 * MS, 500 * MS, (uint64_t[]){3, 400});
    assert_string_equal(found(a, true), "gap 1 300 @0 ");
    account_sums(a, 0, &done, &seen);
    assert_int_equal(done, 500);
    assert_int_equal(seen, 3);
    line(none, 1000, 5);
    upload(none, 1, 1000, 2);
    assert_string_equal(found(none, true), "");
    account_sums(none, 0, &done, &seen);
    assert_int_equal(done, 5);
    assert_int_equal(seen, 2);
    account_free(a);
    account_free(none);
    account_free(NULL);
}

static void test_of_a_process_that_says_nothing_nothing_is_told(void **state)
{
    struct account *a = account_new(1, BOTH);
    (void)state;
    upload(a, 1, 1000, 100);
    assert_string_equal(found(a, true), "");
    account_free(a);
}

static void test_lines_without_uploads_are_thinned(void **state)
{
    struct account *a = account_new(1, BOTH);
    (void)state;
    lines(a, 0, 3600 * 1000);
    upload(a, 1, 1800 * 1000, 180000 - 20000);
    assert_string_equal(found(a, false), "gap 0 18825 @1 ");
    upload(a, 2, 3599750, 179975);
    assert_string_equal(found(a, true), "gap 0 1175 @0 ");
    assert_int_equal(account_dropped(a), 0);
    account_free(a);
}

static void test_uploads_without_lines_are_dropped_and_summed(void **state)
{
    struct account *a = account_new(1, BOTH);
    (void)state;
    line(a, 0, 0);
    for (uint64_t u = 1; u <= ACCOUNT_UPLOADS_MAX + 44; u++) {
        upload(a, u, (int64_t)u * 1000, 100);
    }
    assert_int_equal(account_dropped(a), 44);
    assert_string_equal(found(a, false), "");
    line(a, (ACCOUNT_UPLOADS_MAX + 45) * 1000, (ACCOUNT_UPLOADS_MAX + 44) * 100);
    assert_string_equal(found(a, true), "");
    account_free(a);
}

/* --- any process -------------------------------------------------------------------------------------------------- */

#define SEEDS 10000
#define TICK_MS 5
#define TICKS 4000
#define LOCKS 2
#define UPLOADS_MAX 128
/* Of lines, with what clocks, ticks and deliveries add on both sides of an end. */
#define LINE_MS 400
#define HIDDEN_MS (LINE_MS + 110 + 2 * HELD_UP_MS)
/* That somebody stands still between his clock and his counters, or before he is heard. */
#define HELD_UP_MS 200

static uint64_t next(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * UINT64_C(2685821657736338717);
}

static int64_t between(uint64_t *seed, int64_t least, int64_t most)
{
    return least + (int64_t)((next(seed) >> 33) % (uint64_t)(most - least + 1));
}

struct planted {
    int64_t true_ms, arrives_ms;
    int64_t end_ns;
    uint64_t acquires[LOCKS];
    int64_t changed[LOCKS]; /* what is planted: above 0 a double, below 0 a gap */
    bool certain[LOCKS];    /* more than the lines can hide */
    bool told[LOCKS];
};

struct world {
    uint64_t seed;
    uint64_t done[TICKS + 1][LOCKS];
    struct planted uploads[UPLOADS_MAX];
    size_t count;
    uint64_t gaps[LOCKS], doubles[LOCKS]; /* planted */
    uint64_t told_gaps[LOCKS], told_doubles[LOCKS];
    bool last_sent;
};

static uint64_t done_at(const struct world *w, int64_t ms, size_t lock)
{
    int64_t tick = ms < 0 ? 0 : ms / TICK_MS;
    return w->done[tick > TICKS ? TICKS : tick][lock];
}

static int64_t clock_ns(struct world *w, int64_t ms)
{
    return ms * MS + between(&w->seed, -(ACCOUNT_SLACK_NS / 2), ACCOUNT_SLACK_NS / 2);
}

static void make_process(struct world *w)
{
    for (size_t lock = 0; lock < LOCKS; lock++) {
        int64_t rate = 0;
        for (size_t t = 1; t <= TICKS; t++) {
            rate = t % 200 == 1 ? between(&w->seed, 0, 3) * between(&w->seed, 0, 40) : rate;
            w->done[t][lock] = w->done[t - 1][lock] + (uint64_t)between(&w->seed, 0, rate);
        }
    }
}

static void make_uploads(struct world *w, unsigned kinds)
{
    int64_t at = 0, before = 0;
    while (at < TICKS * TICK_MS) {
        struct planted *u = &w->uploads[w->count++];
        at += between(&w->seed, 300, 3000);
        at = at > TICKS * TICK_MS - 200 ? TICKS * TICK_MS : at;
        *u = (struct planted){.true_ms = at, .end_ns = clock_ns(w, at), .arrives_ms = at + between(&w->seed, 0, 200)};
        for (size_t lock = 0; lock < LOCKS; lock++) {
            uint64_t acquires = done_at(w, at, lock) - done_at(w, before, lock);
            int64_t most = (int64_t)acquires;
            if (kinds & 1 && between(&w->seed, 0, 5) == 0) {
                u->changed[lock] = between(&w->seed, 0, 1) ? -most : -between(&w->seed, 0, most);
            } else if (kinds & 2 && between(&w->seed, 0, 5) == 0) {
                u->changed[lock] = between(&w->seed, 0, 1) ? most : between(&w->seed, 0, 2 * most);
            }
            u->acquires[lock] = (uint64_t)(most + u->changed[lock]);
            *(u->changed[lock] > 0 ? &w->doubles[lock] : &w->gaps[lock]) += (uint64_t)llabs(u->changed[lock]);
            uint64_t hidden = done_at(w, at + HIDDEN_MS, lock) - done_at(w, at - HIDDEN_MS, lock) +
                              done_at(w, before + HIDDEN_MS, lock) - done_at(w, before - HIDDEN_MS, lock);
            u->certain[lock] = (uint64_t)llabs(u->changed[lock]) > hidden;
        }
        before = at;
    }
}

static void look(struct world *w, struct account *a, bool final)
{
    const struct account_finding *f;
    size_t count = account_findings(a, final, &f);
    for (size_t i = 0; i < count; i++) {
        (f[i].kind == ACCOUNT_GAP ? w->told_gaps : w->told_doubles)[f[i].lock] += f[i].acquires;
        assert_true(f[i].acquires > 0);
        if (f[i].upload > 0) {
            w->uploads[f[i].upload - 1].told[f[i].lock] |=
                (f[i].kind == ACCOUNT_GAP) == (w->uploads[f[i].upload - 1].changed[f[i].lock] < 0);
        }
    }
    for (size_t lock = 0; lock < LOCKS; lock++) {
        assert_true(w->told_gaps[lock] <= w->gaps[lock]);
        assert_true(w->told_doubles[lock] <= w->doubles[lock]);
    }
}

/* Each upload and each line at its time; what is certain is told with the first line that lies behind it. */
static void let_run(struct world *w, struct account *a)
{
    int64_t line_ms = between(&w->seed, 0, LINE_MS);
    size_t sent = 0, certain = 0;
    for (int64_t ms = 0; ms <= TICKS * TICK_MS + 200; ms++) {
        if (sent < w->count && w->uploads[sent].arrives_ms <= ms) {
            account_upload(a, sent + 1, w->uploads[sent].end_ns - between(&w->seed, 0, HELD_UP_MS) * MS,
                           w->uploads[sent].end_ns + between(&w->seed, 0, HELD_UP_MS) * MS, w->uploads[sent].acquires);
            sent++;
        }
        if (ms == line_ms || ms == TICKS * TICK_MS) {
            int64_t at = clock_ns(w, ms);
            account_line(a, at - between(&w->seed, 0, HELD_UP_MS) * MS, at + between(&w->seed, 0, HELD_UP_MS) * MS,
                         w->done[ms / TICK_MS]);
            line_ms = ms < TICKS * TICK_MS ? ms + between(&w->seed, 20, LINE_MS) : -1;
            look(w, a, false);
        }
        while (certain < sent && ms < TICKS * TICK_MS && w->uploads[certain].arrives_ms + HIDDEN_MS < ms) {
            for (size_t lock = 0; lock < LOCKS; lock++) {
                assert_true(!w->uploads[certain].certain[lock] || w->uploads[certain].told[lock]);
            }
            certain++;
        }
    }
}

static void test_what_is_planted_is_found_and_nothing_else(void **state)
{
    static struct world w;
    size_t certain = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        w.seed = seed * 77 + 1;
        w.count = 0;
        memset(w.gaps, 0, sizeof w.gaps);
        memset(w.doubles, 0, sizeof w.doubles);
        memset(w.told_gaps, 0, sizeof w.told_gaps);
        memset(w.told_doubles, 0, sizeof w.told_doubles);
        make_process(&w);
        make_uploads(&w, (unsigned)seed % 4);
        struct account *a = account_new(LOCKS, BOTH);
        let_run(&w, a);
        look(&w, a, true);
        for (size_t lock = 0; lock < LOCKS; lock++) {
            assert_true(w.told_gaps[lock] - w.told_doubles[lock] == w.gaps[lock] - w.doubles[lock]);
        }
        for (size_t u = 0; u < w.count; u++) {
            certain += w.uploads[u].certain[0] + w.uploads[u].certain[1];
        }
        assert_int_equal(account_dropped(a), 0);
        account_free(a);
    }
    assert_in_range(certain, SEEDS / 5, 100 * SEEDS); /* the test is about something */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uploads_that_add_up_tell_nothing),
        cmocka_unit_test(test_a_gap_is_told_once_when_a_line_lies_behind_it),
        cmocka_unit_test(test_an_upload_that_never_came_is_a_gap_at_the_next_one),
        cmocka_unit_test(test_the_last_upload_that_never_came_is_a_gap_at_the_end),
        cmocka_unit_test(test_an_upload_that_came_twice_is_a_double),
        cmocka_unit_test(test_a_double_after_a_gap_is_told_beside_it),
        cmocka_unit_test(test_clocks_may_be_off_by_the_slack),
        cmocka_unit_test(test_a_finding_says_since_when_it_is_possible),
        cmocka_unit_test(test_an_exporter_that_is_held_up_is_believed),
        cmocka_unit_test(test_an_upload_that_comes_late_is_no_double),
        cmocka_unit_test(test_locks_that_are_not_judged_are_summed_only),
        cmocka_unit_test(test_of_a_process_that_says_nothing_nothing_is_told),
        cmocka_unit_test(test_lines_without_uploads_are_thinned),
        cmocka_unit_test(test_uploads_without_lines_are_dropped_and_summed),
        cmocka_unit_test(test_what_is_planted_is_found_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
