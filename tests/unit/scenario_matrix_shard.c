/* SPDX-License-Identifier: Apache-2.0 */
/* Shards: each cell in one, as equal as can be, the same for everybody, and steady. */
#include "matrix_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define CELLS 400

static struct matrix *make(void)
{
    static const char text[] = "name: m\nscenario: base.yaml\naxes: {build: [O2g, g1, split, stripped]}\nrepeat: 100\n";
    struct buf said = {0};
    struct matrix *m = read_matrix(text, strlen(text), matrix_scenario, &said);
    assert_non_null(m);
    assert_int_equal(m->cell_count, CELLS);
    return m;
}

static uint64_t roll(uint64_t *dice)
{
    *dice = *dice * 6364136223846793005u + 1442695040888963407u;
    return *dice >> 33;
}

/* Most of them seconds, some minutes. */
static void random_durations(int64_t *out)
{
    uint64_t dice = 42;
    for (size_t i = 0; i < CELLS; i++) {
        out[i] = 1000 + (int64_t)(roll(&dice) % 20000) + (roll(&dice) % 20 == 0 ? 60000 : 0);
    }
}

/* The longest shard in parts of the mean. */
static double balance(const unsigned *shards, const int64_t *durations, unsigned n)
{
    double sums[CELLS + 1] = {0}, sum = 0, most = 0;
    for (size_t i = 0; i < CELLS; i++) {
        assert_true(shards[i] >= 1 && shards[i] <= n);
        sums[shards[i]] += (double)durations[i];
        sum += (double)durations[i];
    }
    for (unsigned i = 1; i <= n; i++) {
        most = sums[i] > most ? sums[i] : most;
    }
    return most / (sum / n);
}

static void test_shards_are_balanced(void **state)
{
    (void)state;
    struct matrix *m = make();
    int64_t durations[CELLS], ones[CELLS];
    unsigned shards[CELLS];
    random_durations(durations);
    for (size_t i = 0; i < CELLS; i++) {
        ones[i] = 1;
    }
    for (unsigned n = 1; n <= 16; n++) {
        matrix_shard(m, NULL, durations, n, shards);
        if (balance(shards, durations, n) > 1.15) {
            fail_msg("%u shards: the longest is %.3f of the mean", n, balance(shards, durations, n));
        }
        /* Without durations all are equal. */
        matrix_shard(m, NULL, NULL, n, shards);
        assert_true(balance(shards, ones, n) <= (double)((CELLS + n - 1) / n) * n / CELLS + 1e-9);
    }
    matrix_free(m);
}

static void test_cells_that_are_not_chosen_have_none(void **state)
{
    (void)state;
    struct matrix *m = make();
    bool chosen[CELLS];
    unsigned shards[CELLS];
    size_t counts[4] = {0};
    for (size_t i = 0; i < CELLS; i++) {
        chosen[i] = i % 5 == 0;
    }
    matrix_shard(m, chosen, NULL, 3, shards);
    for (size_t i = 0; i < CELLS; i++) {
        assert_int_equal(shards[i] > 0, chosen[i]);
        counts[shards[i]]++;
    }
    assert_int_equal(counts[0], 320);
    assert_true(counts[1] >= 26 && counts[2] >= 26 && counts[3] >= 26);
    matrix_free(m);
}

/* Measured anew, each a little longer or shorter: most of the cells stay. */
static void test_small_changes_move_little(void **state)
{
    (void)state;
    struct matrix *m = make();
    int64_t durations[CELLS], again[CELLS];
    unsigned before[CELLS], after[CELLS];
    size_t moved = 0;
    uint64_t dice = 7;
    for (size_t i = 0; i < CELLS; i++) {
        durations[i] = 2000 * (int64_t)(1 + i % 4);
        again[i] = durations[i] + (int64_t)(roll(&dice) % 200) - 100;
    }
    matrix_shard(m, NULL, durations, 8, before);
    matrix_shard(m, NULL, again, 8, after);
    for (size_t i = 0; i < CELLS; i++) {
        moved += before[i] != after[i];
    }
    assert_int_equal(moved, 0);
    matrix_free(m);
}

static void test_the_order_of_the_file_decides_nothing(void **state)
{
    (void)state;
    static const char turned[] =
        "name: m\nscenario: base.yaml\naxes: {build: [stripped, split, g1, O2g]}\nrepeat: 100\n";
    struct matrix *a = make();
    struct buf said = {0};
    struct matrix *b = read_matrix(turned, strlen(turned), matrix_scenario, &said);
    unsigned of_a[CELLS], of_b[CELLS];
    matrix_shard(a, NULL, NULL, 7, of_a);
    matrix_shard(b, NULL, NULL, 7, of_b);
    for (size_t i = 0; i < CELLS; i++) {
        size_t other = (3 - i / 100) * 100 + i % 100;
        assert_string_equal(a->cells[i].id, b->cells[other].id);
        assert_int_equal(of_a[i], of_b[other]);
    }
    matrix_free(a);
    matrix_free(b);
}

static void test_more_shards_than_cells_leave_some_empty(void **state)
{
    (void)state;
    struct matrix *m = make();
    unsigned shards[CELLS];
    bool seen[MATRIX_SHARDS_MAX + 1] = {0};
    int64_t huge[CELLS];
    for (size_t i = 0; i < CELLS; i++) {
        huge[i] = INT64_MAX / CELLS / 2;
    }
    matrix_shard(m, NULL, huge, MATRIX_SHARDS_MAX, shards);
    for (size_t i = 0; i < CELLS; i++) {
        assert_false(seen[shards[i]]);
        seen[shards[i]] = true;
    }
    matrix_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shards_are_balanced),
        cmocka_unit_test(test_cells_that_are_not_chosen_have_none),
        cmocka_unit_test(test_small_changes_move_little),
        cmocka_unit_test(test_the_order_of_the_file_decides_nothing),
        cmocka_unit_test(test_more_shards_than_cells_leave_some_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
