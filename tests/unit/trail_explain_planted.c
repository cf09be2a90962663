/* SPDX-License-Identifier: Apache-2.0 */
/* Properties of conditions on planted and on random outcomes. */
#include "explain_grid.h"

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
        cmocka_unit_test(test_planted_conditions_are_found),
        cmocka_unit_test(test_planted_conditions_are_found_in_noise),
        cmocka_unit_test(test_random_outcomes_have_no_condition),
        cmocka_unit_test(test_a_large_matrix),
        cmocka_unit_test(test_reaching_a_bound_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
