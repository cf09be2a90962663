/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions by tables. */
#include "explain_grid.h"

#define NOTHING ((size_t)-1)

static const char *const versions[] = {"3.17.3", "3.19.9", "4.8.13", "4.16.0"};
static const char *const locks[] = {"RLock", "Lock"};
static const char *const truth[] = {"false", "true"};
static const char *const agents[] = {"none", "trace-agent", "serverless-compat"};

static const struct explain_axis axis_ddtrace = {"ddtrace", versions, 4, true};
static const struct explain_axis axis_lock = {"lock", locks, 2, false};
static const struct explain_axis axis_inspect = {"inspect_dir", truth, 2, false};
static const struct explain_axis axis_agent = {"agent", agents, 3, false};
static const struct explain_axis axis_threads = {"threads", numbers, 8, true};

/* --- tables ----------------------------------------------------------------------------------------------------- */

static const struct row {
    const char *what;
    const struct explain_axis *axes[3];
    size_t axis_count;
    const char *outcomes;
    unsigned attempts;
    enum explain_strength strength;
    const char *condition;
    size_t exceptions;
} rows[] = {
    {"nothing lost", {&axis_ddtrace}, 1, "kkkk", 1, EXPLAIN_NO_LOSS, "", 0},
    {"nothing known", {&axis_ddtrace}, 1, "nnnn", 1, EXPLAIN_NO_LOSS, "", 0},
    {"all lost", {&axis_ddtrace}, 1, "lfln", 1, EXPLAIN_EXACT, "always", 0},
    {"the first of four versions", {&axis_ddtrace}, 1, "lkkk", 1, EXPLAIN_EXACT, "ddtrace < 3.19.9", 0},
    {"the bound is the first that is known", {&axis_ddtrace}, 1, "lnkk", 1, EXPLAIN_EXACT, "ddtrace < 4.8.13", 0},
    {"from a version on", {&axis_ddtrace}, 1, "kkll", 1, EXPLAIN_EXACT, "ddtrace >= 4.8.13", 0},
    {"one in the middle", {&axis_ddtrace}, 1, "klkk", 1, EXPLAIN_EXACT, "ddtrace = 3.19.9", 0},
    {"all but one in the middle", {&axis_ddtrace}, 1, "lkll", 1, EXPLAIN_EXACT, "ddtrace != 3.19.9", 0},
    {"a boolean", {&axis_inspect}, 1, "lk", 1, EXPLAIN_EXACT, "inspect_dir = false", 0},
    {"a word of three", {&axis_agent}, 1, "kkf", 1, EXPLAIN_EXACT, "agent = serverless-compat", 0},
    {"all words but one", {&axis_agent}, 1, "lkl", 1, EXPLAIN_EXACT, "agent != trace-agent", 0},
    {"one of two axes", {&axis_ddtrace, &axis_lock}, 2, "llkkkkkk", 1, EXPLAIN_EXACT, "ddtrace < 3.19.9", 0},
    {"two axes and few cells",
     {&axis_ddtrace, &axis_lock},
     2,
     "lkkkkkkk",
     1,
     EXPLAIN_WEAK,
     "ddtrace < 3.19.9 and lock = RLock",
     0},
    {"two axes and repeats",
     {&axis_ddtrace, &axis_lock},
     2,
     "lkkkkkkk",
     5,
     EXPLAIN_EXACT,
     "ddtrace < 3.19.9 and lock = RLock",
     0},
    {"either of two",
     {&axis_ddtrace, &axis_inspect},
     2,
     "lllklklk",
     4,
     EXPLAIN_EXACT,
     "ddtrace < 3.19.9 or inspect_dir = false",
     0},
    {"an axis that is not needed",
     {&axis_ddtrace, &axis_agent, &axis_inspect},
     3,
     "lklklklklklklklklklklklk",
     1,
     EXPLAIN_EXACT,
     "inspect_dir = false",
     0},
    {"both axes, a third not needed",
     {&axis_ddtrace, &axis_agent, &axis_inspect},
     3,
     "lklklkkkkkkkkkkkkkkkkkkk",
     2,
     EXPLAIN_EXACT,
     "ddtrace < 3.19.9 and inspect_dir = false",
     0},
    {"one cell is an exception",
     {&axis_threads, &axis_agent, &axis_inspect},
     3,
     "llllllllllllllllllllllllkkkkkkkkkkkkkkkkkkkkklkk",
     1,
     EXPLAIN_ROUGH,
     "threads < 5",
     1},
    {"a cell that is kept is an exception",
     {&axis_threads, &axis_agent, &axis_inspect},
     3,
     "lllllllllllkllllllllllllkkkkkkkkkkkkkkkkkkkkkkkk",
     1,
     EXPLAIN_ROUGH,
     "threads < 5",
     1},
    {"no pattern",
     {&axis_threads, &axis_agent, &axis_inspect},
     3,
     "lkklklkkkklklllkkklkklklkklllkkklklkkklklllkkklk",
     1,
     EXPLAIN_NO_CONDITION,
     "",
     0},
};

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct explain_axis axes[3];
        for (size_t a = 0; a < rows[i].axis_count; a++)
            axes[a] = *rows[i].axes[a];
        struct grid g = grid_of(axes, rows[i].axis_count, rows[i].outcomes);
        struct explain_result r;
        for (size_t c = 0; c < g.count; c++)
            g.cells[c].attempts = rows[i].attempts;
        explain(g.axes, g.axis_count, g.cells, g.count, &r);
        if (r.strength != rows[i].strength || strcmp(r.condition, rows[i].condition) != 0 ||
            r.exception_count != rows[i].exceptions || r.bounded)
            fail_msg("%s: got %d `%s` with %zu exceptions", rows[i].what, r.strength, r.condition, r.exception_count);
        explain_result_fini(&r);
        grid_fini(&g);
    }
}

static void test_counts_examples_and_exceptions(void **state)
{
    (void)state;
    /* An exception (the last), a flaky one (the first), an unknown one; the example is neither. */
    struct grid g = grid_of((struct explain_axis[]){axis_threads, axis_agent, axis_inspect}, 3,
                            "fllnllllllllllllllllllllkkkkkkkkkkkkkkkkkkkkkkkl");
    struct explain_result r;
    explain(g.axes, g.axis_count, g.cells, g.count, &r);
    assert_string_equal(r.condition, "threads < 5");
    assert_int_equal(r.lost, 23);
    assert_int_equal(r.flaky, 1);
    assert_int_equal(r.kept, 23);
    assert_int_equal(r.unknown, 1);
    assert_int_equal(r.inside, 23);
    assert_int_equal(r.inside_lost, 23);
    assert_int_equal(r.atoms, 1);
    assert_int_equal(r.comparisons[0].axis, 0);
    assert_int_equal(r.comparisons[0].comparator, EXPLAIN_BELOW);
    assert_int_equal(r.comparisons[0].value, 4);
    assert_int_equal(r.exception_count, 1);
    assert_int_equal(r.exceptions[0], 47);
    assert_int_equal(r.example, 1);
    assert_int_equal(r.counterpart, 25);
    assert_int_equal(r.differing_count, 1);
    assert_int_equal(r.differing[0], 0);
    explain_result_fini(&r);
    grid_fini(&g);
}

/* The first lost cell is an exception, the second one is flaky: neither shows the condition. */
static void test_the_example_shows_the_condition(void **state)
{
    (void)state;
    struct grid g = grid_of((struct explain_axis[]){axis_threads, axis_agent, axis_inspect}, 3,
                            "lkkkkkkkkkkkkkkkkkkkkkkkflllllllllllllllllllllll");
    struct explain_result r;
    explain(g.axes, g.axis_count, g.cells, g.count, &r);
    assert_string_equal(r.condition, "threads >= 5");
    assert_int_equal(r.exception_count, 1);
    assert_int_equal(r.exceptions[0], 0);
    assert_int_equal(r.example, 25);
    assert_int_equal(r.counterpart, 1);
    explain_result_fini(&r);
    grid_fini(&g);
}

/* Only cells that differ in both axes are there: the nearest kept one is two away. */
static void test_nearest_of_a_sparse_matrix(void **state)
{
    (void)state;
    const int values[][2] = {{0, 0}, {1, 1}, {2, 2}, {3, 3}};
    struct explain_axis axes[] = {axis_threads, axis_ddtrace};
    struct explain_cell cells[4];
    struct explain_result r;
    for (size_t i = 0; i < 4; i++)
        cells[i] = (struct explain_cell){values[i], i < 2 ? EXPLAIN_KEPT : EXPLAIN_LOST, 1};
    explain(axes, 2, cells, 4, &r);
    assert_string_equal(r.condition, "threads >= 3");
    assert_int_equal(r.example, 2);
    assert_int_equal(r.counterpart, 0);
    assert_int_equal(r.differing_count, 2);
    explain_result_fini(&r);
}

/* An include that leaves an axis as the scenario has it is neither below a value nor from it on. */
static void test_values_of_no_axis(void **state)
{
    (void)state;
    const int values[] = {0, 1, 2, 3, -1};
    struct explain_axis axes[] = {axis_ddtrace};
    struct explain_cell cells[5];
    struct explain_result r;
    for (size_t i = 0; i < 5; i++)
        cells[i] = (struct explain_cell){values + i, i < 2 || i == 4 ? EXPLAIN_LOST : EXPLAIN_KEPT, 1};
    explain(axes, 1, cells, 5, &r);
    assert_int_equal(r.strength, EXPLAIN_WEAK);
    assert_string_equal(r.condition, "ddtrace != 4.8.13 and ddtrace != 4.16.0");
    explain_result_fini(&r);
}

static void test_nothing_at_all(void **state)
{
    (void)state;
    struct explain_result r;
    explain(NULL, 0, NULL, 0, &r);
    assert_int_equal(r.strength, EXPLAIN_NO_LOSS);
    assert_int_equal(r.example, NOTHING);
    explain_result_fini(&r);
    struct explain_cell one = {NULL, EXPLAIN_LOST, 1};
    explain(NULL, 0, &one, 1, &r);
    assert_string_equal(r.condition, "always");
    assert_int_equal(r.example, 0);
    assert_int_equal(r.counterpart, NOTHING);
    explain_result_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_counts_examples_and_exceptions),
        cmocka_unit_test(test_the_example_shows_the_condition),
        cmocka_unit_test(test_nearest_of_a_sparse_matrix),
        cmocka_unit_test(test_values_of_no_axis),
        cmocka_unit_test(test_nothing_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
