/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions by tables, and by properties on planted ones. A condition's text is evaluated by a reader of its own. */
#include "trail/explain.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define AXES_MAX 8
#define NOTHING ((size_t)-1)

static const char *const versions[] = {"3.17.3", "3.19.9", "4.8.13", "4.16.0"};
static const char *const locks[] = {"RLock", "Lock"};
static const char *const truth[] = {"false", "true"};
static const char *const agents[] = {"none", "trace-agent", "serverless-compat"};
static const char *const numbers[] = {"1", "2", "3", "4", "5", "6", "7", "8"};

static const struct explain_axis axis_ddtrace = {"ddtrace", versions, 4, true};
static const struct explain_axis axis_lock = {"lock", locks, 2, false};
static const struct explain_axis axis_inspect = {"inspect_dir", truth, 2, false};
static const struct explain_axis axis_agent = {"agent", agents, 3, false};
static const struct explain_axis axis_threads = {"threads", numbers, 8, true};

struct grid {
    struct explain_axis axes[AXES_MAX];
    size_t axis_count;
    struct explain_cell *cells;
    int *values;
    size_t count;
};

/* Every combination, the last axis fastest; `outcomes` has a letter for each: k, l, f, n. NULL: all kept. */
static struct grid grid_of(const struct explain_axis *axes, size_t axis_count, const char *outcomes)
{
    struct grid g = {.axis_count = axis_count, .count = 1};
    for (size_t i = 0; i < axis_count; i++) {
        g.axes[i] = axes[i];
        g.count *= axes[i].count;
    }
    g.cells = mem_calloc(g.count, sizeof *g.cells);
    g.values = mem_calloc(g.count * axis_count, sizeof *g.values);
    for (size_t c = 0; c < g.count; c++) {
        size_t rest = c;
        for (size_t i = axis_count; i-- > 0; rest /= axes[i].count)
            g.values[c * axis_count + i] = (int)(rest % axes[i].count);
        g.cells[c].values = g.values + c * axis_count;
        if (outcomes)
            g.cells[c].outcome = (enum explain_outcome)(strchr("klfn", outcomes[c]) - "klfn");
    }
    return g;
}

static void grid_fini(struct grid *g)
{
    free(g->cells);
    free(g->values);
}

/* --- tables ----------------------------------------------------------------------------------------------------- */

static const struct row {
    const char *what;
    struct explain_axis axes[3];
    size_t axis_count;
    const char *outcomes;
    unsigned attempts;
    enum explain_strength strength;
    const char *condition;
    size_t exceptions;
} rows[] = {
    {"nothing lost", {axis_ddtrace}, 1, "kkkk", 1, EXPLAIN_NO_LOSS, "", 0},
    {"nothing known", {axis_ddtrace}, 1, "nnnn", 1, EXPLAIN_NO_LOSS, "", 0},
    {"all lost", {axis_ddtrace}, 1, "lfln", 1, EXPLAIN_EXACT, "always", 0},
    {"the first of four versions", {axis_ddtrace}, 1, "lkkk", 1, EXPLAIN_EXACT, "ddtrace < 3.19.9", 0},
    {"the bound is the first that is known", {axis_ddtrace}, 1, "lnkk", 1, EXPLAIN_EXACT, "ddtrace < 4.8.13", 0},
    {"from a version on", {axis_ddtrace}, 1, "kkll", 1, EXPLAIN_EXACT, "ddtrace >= 4.8.13", 0},
    {"one in the middle", {axis_ddtrace}, 1, "klkk", 1, EXPLAIN_EXACT, "ddtrace = 3.19.9", 0},
    {"all but one in the middle", {axis_ddtrace}, 1, "lkll", 1, EXPLAIN_EXACT, "ddtrace != 3.19.9", 0},
    {"a boolean", {axis_inspect}, 1, "lk", 1, EXPLAIN_EXACT, "inspect_dir = false", 0},
    {"a word of three", {axis_agent}, 1, "kkf", 1, EXPLAIN_EXACT, "agent = serverless-compat", 0},
    {"all words but one", {axis_agent}, 1, "lkl", 1, EXPLAIN_EXACT, "agent != trace-agent", 0},
    {"one of two axes", {axis_ddtrace, axis_lock}, 2, "llkkkkkk", 1, EXPLAIN_EXACT, "ddtrace < 3.19.9", 0},
    {"two axes and few cells",
     {axis_ddtrace, axis_lock},
     2,
     "lkkkkkkk",
     1,
     EXPLAIN_WEAK,
     "ddtrace < 3.19.9 and lock = RLock",
     0},
    {"two axes and repeats",
     {axis_ddtrace, axis_lock},
     2,
     "lkkkkkkk",
     5,
     EXPLAIN_EXACT,
     "ddtrace < 3.19.9 and lock = RLock",
     0},
    {"either of two",
     {axis_ddtrace, axis_inspect},
     2,
     "lllklklk",
     4,
     EXPLAIN_EXACT,
     "ddtrace < 3.19.9 or inspect_dir = false",
     0},
    {"an axis that is not needed",
     {axis_ddtrace, axis_agent, axis_inspect},
     3,
     "lklklklklklklklklklklklk",
     1,
     EXPLAIN_EXACT,
     "inspect_dir = false",
     0},
    {"both axes, a third not needed",
     {axis_ddtrace, axis_agent, axis_inspect},
     3,
     "lklklkkkkkkkkkkkkkkkkkkk",
     2,
     EXPLAIN_EXACT,
     "ddtrace < 3.19.9 and inspect_dir = false",
     0},
    {"one cell is an exception",
     {axis_threads, axis_agent, axis_inspect},
     3,
     "llllllllllllllllllllllllkkkkkkkkkkkkkkkkkkkkklkk",
     1,
     EXPLAIN_ROUGH,
     "threads < 5",
     1},
    {"a cell that is kept is an exception",
     {axis_threads, axis_agent, axis_inspect},
     3,
     "lllllllllllkllllllllllllkkkkkkkkkkkkkkkkkkkkkkkk",
     1,
     EXPLAIN_ROUGH,
     "threads < 5",
     1},
    {"no pattern",
     {axis_threads, axis_agent, axis_inspect},
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
        struct grid g = grid_of(rows[i].axes, rows[i].axis_count, rows[i].outcomes);
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

/* --- a reader of conditions ------------------------------------------------------------------------------------- */

static size_t find_label(const char *const *labels, size_t count, const char *at, size_t size)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(labels[i]) == size && strncmp(labels[i], at, size) == 0)
            return i;
    fail_msg("no such word: %.*s", (int)size, at);
    return 0;
}

static bool read_comparison(const struct grid *g, const int *values, const char **at)
{
    const char *names[AXES_MAX];
    for (size_t i = 0; i < g->axis_count; i++)
        names[i] = g->axes[i].name;
    size_t name = strcspn(*at, " "), axis = find_label(names, g->axis_count, *at, name);
    const char *sign = *at + name + 1, *word = strchr(sign, ' ') + 1;
    size_t size = strcspn(word, " )");
    int bound = (int)find_label(g->axes[axis].labels, g->axes[axis].count, word, size), value = values[axis];
    *at = word + size;
    switch (sign[0]) {
    case '<':
        return value >= 0 && value < bound;
    case '>':
        return value >= bound;
    case '=':
        return value == bound;
    default:
        return value != bound;
    }
}

static bool read_condition(const struct grid *g, const int *values, const char **at)
{
    bool result = false, all = true, any = false;
    char operator= '\0';
    for (;;) {
        if (**at == '(') {
            ++*at;
            result = read_condition(g, values, at);
            assert_int_equal(**at, ')');
            ++*at;
        } else {
            result = read_comparison(g, values, at);
        }
        all = all && result;
        any = any || result;
        if (**at != ' ')
            return operator== 'a' ? all : any;
        assert_true(operator== '\0' || operator==(*at)[1]);
        operator=(*at)[1];
        *at += operator== 'a' ? 5 : 4;
    }
}

static bool holds(const struct grid *g, const char *condition, size_t cell)
{
    const char *at = condition;
    bool result = strcmp(at, "always") == 0 || read_condition(g, g->cells[cell].values, &at);
    return result;
}

/* --- planted conditions ----------------------------------------------------------------------------------------- */

static uint64_t seed;

static uint64_t next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static size_t below(size_t limit)
{
    return (size_t)(next() % limit);
}

static void begin(uint64_t number)
{
    seed = number * UINT64_C(0x9E3779B97F4A7C15) + 1;
    for (int i = 0; i < 8; i++)
        next();
}

/* Three to five axes; sometimes cells are missing. */
static struct grid random_grid(void)
{
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    struct explain_axis axes[5];
    size_t count = 3 + below(3);
    for (size_t i = 0; i < count; i++)
        axes[i] = (struct explain_axis){names[i], numbers, 2 + below(5), below(2) == 0};
    struct grid g = grid_of(axes, count, NULL);
    if (below(3) == 0) {
        size_t kept = 0;
        for (size_t i = 0; i < g.count; i++)
            if (below(4) > 0)
                g.cells[kept++] = g.cells[i];
        g.count = kept;
    }
    return g;
}

static char *random_comparison(const struct grid *g)
{
    static const char *const signs[] = {"=", "!=", "<", ">="};
    size_t axis = below(g->axis_count), count = g->axes[axis].count;
    size_t sign = below(g->axes[axis].ordered ? 4 : 2);
    return mem_printf("%s %s %s", g->axes[axis].name, signs[sign],
                      numbers[sign < 2 ? below(count) : 1 + below(count - 1)]);
}

static char *random_condition(const struct grid *g, size_t atoms, bool and)
{
    if (atoms == 1)
        return random_comparison(g);
    size_t left = 1 + below(atoms - 1);
    char *parts[] = {random_condition(g, left, !and), random_condition(g, atoms - left, !and)};
    char *text = mem_printf("%s%s%s %s %s%s%s", left > 1 ? "(" : "", parts[0], left > 1 ? ")" : "", and? "and" : "or",
                            atoms - left > 1 ? "(" : "", parts[1], atoms - left > 1 ? ")" : "");
    free(parts[0]);
    free(parts[1]);
    return text;
}

/* Returns the share of cells that are lost. */
static double plant(struct grid *g, const char *condition)
{
    size_t lost = 0;
    for (size_t i = 0; i < g->count; i++) {
        g->cells[i].outcome = holds(g, condition, i) ? EXPLAIN_LOST : EXPLAIN_KEPT;
        lost += g->cells[i].outcome == EXPLAIN_LOST;
    }
    return (double)lost / (double)g->count;
}

static void check_result(const struct grid *g, const struct explain_result *r, uint64_t number)
{
    size_t wrong = 0, inside = 0;
    if (r->strength == EXPLAIN_NO_LOSS || r->strength == EXPLAIN_NO_CONDITION) {
        assert_string_equal(r->condition, "");
        return;
    }
    for (size_t i = 0; i < g->count; i++) {
        bool in = holds(g, r->condition, i), lost = g->cells[i].outcome != EXPLAIN_KEPT;
        inside += in;
        if (in != lost && (wrong >= r->exception_count || r->exceptions[wrong++] != i))
            fail_msg("%lu: `%s` is wrong for cell %zu, which is not told", (unsigned long)number, r->condition, i);
    }
    assert_int_equal(wrong, r->exception_count);
    assert_int_equal(inside, r->inside);
    assert_int_equal(wrong > 0, r->strength == EXPLAIN_ROUGH);
    assert_int_equal(g->cells[r->example].outcome == EXPLAIN_KEPT, 0);
}

/* What is planted is found, or a smaller condition that is as good for these cells. Where a comparison of it decides a
 * cell or two only, these may be told as exceptions of a shorter one; where few cells are lost, nothing may be proven.
 */
static void test_planted_conditions_are_found(void **state)
{
    size_t found = 0, weak = 0, rough = 0, none = 0, longer = 0;
    (void)state;
    for (uint64_t number = 1; number <= 1000; number++) {
        begin(number);
        struct grid g = random_grid();
        size_t atoms = 1 + below(EXPLAIN_ATOMS_MAX);
        char *condition = random_condition(&g, atoms, below(2) == 0);
        double share = plant(&g, condition);
        struct explain_result r;
        explain(g.axes, g.axis_count, g.cells, g.count, &r);
        check_result(&g, &r, number);
        if (share > 0) {
            longer += r.atoms > atoms;
            found += r.strength == EXPLAIN_EXACT;
            weak += r.strength == EXPLAIN_WEAK;
            rough += r.strength == EXPLAIN_ROUGH;
            none += r.strength == EXPLAIN_NO_CONDITION;
        }
        explain_result_fini(&r);
        free(condition);
        grid_fini(&g);
    }
    print_message("planted: %zu exact, %zu weak, %zu with exceptions, %zu none\n", found, weak, rough, none);
    assert_int_equal(longer, 0);
    assert_true(found > 900);
    assert_true(found + weak + rough > 940);
}

/* One cell in 50 is turned round. */
static void test_planted_conditions_are_found_in_noise(void **state)
{
    size_t same = 0, told = 0;
    (void)state;
    for (uint64_t number = 1; number <= 300; number++) {
        begin(number);
        struct grid g = random_grid();
        char *condition = random_condition(&g, 1 + below(2), below(2) == 0);
        double share = plant(&g, condition);
        size_t turned = 0, wrong = 0;
        for (size_t i = 0; i < g.count; i++)
            if (below(50) == 0) {
                turned++;
                g.cells[i].outcome = g.cells[i].outcome == EXPLAIN_LOST ? EXPLAIN_KEPT : EXPLAIN_LOST;
            }
        struct explain_result r;
        explain(g.axes, g.axis_count, g.cells, g.count, &r);
        check_result(&g, &r, number);
        if (share > 0.1 && share < 0.9 && g.count > 100) {
            told++;
            for (size_t i = 0; i < g.count && r.condition[0]; i++)
                wrong += holds(&g, r.condition, i) != holds(&g, condition, i);
            same += r.condition[0] && wrong <= turned;
        }
        explain_result_fini(&r);
        free(condition);
        grid_fini(&g);
    }
    print_message("in noise: %zu of %zu found\n", same, told);
    assert_true(told > 100);
    assert_true(same * 100 >= told * 97);
}

static void test_random_outcomes_have_no_condition(void **state)
{
    size_t none = 0, weak = 0, told = 0;
    (void)state;
    for (uint64_t number = 1; number <= 1000; number++) {
        begin(number);
        struct grid g = random_grid();
        size_t share = 1 + below(9);
        for (size_t i = 0; i < g.count; i++)
            g.cells[i].outcome = below(10) < share ? EXPLAIN_LOST : EXPLAIN_KEPT;
        struct explain_result r;
        explain(g.axes, g.axis_count, g.cells, g.count, &r);
        check_result(&g, &r, number);
        none += r.strength == EXPLAIN_NO_CONDITION || r.strength == EXPLAIN_NO_LOSS;
        weak += r.strength == EXPLAIN_WEAK;
        told += r.strength == EXPLAIN_ROUGH || r.strength == EXPLAIN_EXACT;
        explain_result_fini(&r);
        grid_fini(&g);
    }
    print_message("random: %zu none, %zu weak, %zu with a condition\n", none, weak, told);
    assert_true(none >= 985);
    assert_true(told <= 5);
}

/* 10,000 of eight axes of eight values: the search comes to its end. */
static void test_a_large_matrix(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    static const char *const planted = "(a < 4 and d = 3) or (f >= 7 and g != 2)";
    struct grid g = {.axis_count = AXES_MAX, .count = 10000};
    (void)state;
    begin(1);
    g.cells = mem_calloc(g.count, sizeof *g.cells);
    g.values = mem_calloc(g.count * AXES_MAX, sizeof *g.values);
    for (size_t i = 0; i < AXES_MAX; i++)
        g.axes[i] = (struct explain_axis){names[i], numbers, 8, true};
    for (size_t i = 0; i < g.count * AXES_MAX; i++)
        g.values[i] = (int)below(8);
    for (size_t i = 0; i < g.count; i++)
        g.cells[i].values = g.values + i * AXES_MAX;
    for (int random = 0; random < 2; random++) {
        struct explain_result r;
        plant(&g, planted);
        for (size_t i = 0; i < g.count && random; i++)
            g.cells[i].outcome = below(2) ? EXPLAIN_LOST : EXPLAIN_KEPT;
        explain(g.axes, g.axis_count, g.cells, g.count, &r);
        assert_false(r.bounded);
        assert_int_equal(r.strength, random ? EXPLAIN_NO_CONDITION : EXPLAIN_EXACT);
        assert_string_equal(r.condition, random ? "" : planted);
        explain_result_fini(&r);
    }
    grid_fini(&g);
}

/* More comparisons than there is room for: what is not found may be there. */
static void test_reaching_a_bound_is_said(void **state)
{
    enum { VALUES = 1000, CELLS = 1000, AXES = 5 };
    static char texts[VALUES][5];
    const char *labels[VALUES];
    static const char *const names[AXES] = {"a", "b", "c", "d", "e"};
    static struct explain_cell cells[CELLS];
    static int values[CELLS][AXES];
    struct explain_axis axes[AXES];
    struct explain_result r;
    (void)state;
    begin(2);
    for (size_t i = 0; i < VALUES; i++) {
        snprintf(texts[i], sizeof texts[i], "%zu", i);
        labels[i] = texts[i];
    }
    for (size_t i = 0; i < AXES; i++)
        axes[i] = (struct explain_axis){names[i], labels, VALUES, true};
    for (size_t i = 0; i < CELLS; i++) {
        for (size_t a = 0; a < AXES; a++)
            values[i][a] = (int)below(VALUES);
        cells[i] = (struct explain_cell){values[i], i % 2 == 0 ? EXPLAIN_LOST : EXPLAIN_KEPT, 1};
    }
    explain(axes, AXES, cells, CELLS, &r);
    assert_int_equal(r.strength, EXPLAIN_NO_CONDITION);
    assert_true(r.bounded);
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
        cmocka_unit_test(test_a_large_matrix),
        cmocka_unit_test(test_reaching_a_bound_is_said),
        cmocka_unit_test(test_planted_conditions_are_found),
        cmocka_unit_test(test_planted_conditions_are_found_in_noise),
        cmocka_unit_test(test_random_outcomes_have_no_condition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
