/* SPDX-License-Identifier: Apache-2.0 */
/* EXPLANATION: one entry for each pattern of lost cells. */
#include "report/matrix_terminal.h"

#include "base/mem.h"

#include <stdlib.h>

#define GROUPS_SHOWN 10
#define LOCKS_SHOWN 6
/* Exceptions, or cells of a pattern without a condition. */
#define POINTS_SHOWN 6

static void add_line(const struct matrix_terminal *t, char *text)
{
    buf_add_str(t->out, "    ");
    text_add_wrapped(t->out, text, 6);
    free(text);
}

/* Alone on its line and not wrapped, so that it can be copied. */
static void add_command(const struct matrix_terminal *t, char *command)
{
    buf_add_str(t->out, "      ");
    text_add_clean(t->out, command);
    buf_add_char(t->out, '\n');
    free(command);
}

static void add_points(const struct matrix_terminal *t, const size_t *points, size_t count, const char *before)
{
    for (size_t i = 0; i < count && i < POINTS_SHOWN; i++) {
        char *point = matrix_point_text(t->r, points[i]);
        add_line(t, mem_printf("%s %s", before, point));
        free(point);
    }
    if (count > POINTS_SHOWN)
        add_line(t, mem_printf("and in %zu more cells", count - POINTS_SHOWN));
}

static void add_exceptions(const struct matrix_terminal *t, const struct matrix_group *g, const char *verb)
{
    const struct explain_result *x = &g->result;
    for (size_t i = 0; i < x->exception_count && i < POINTS_SHOWN; i++) {
        char *point = matrix_point_text(t->r, x->exceptions[i]);
        add_line(t, mem_printf("%s%s in %s", matrix_group_has(g, x->exceptions[i]) ? "" : "not ", verb, point));
        free(point);
    }
    if (x->exception_count > POINTS_SHOWN)
        add_line(t, mem_printf("and %zu more counterexamples", x->exception_count - POINTS_SHOWN));
}

static void add_doubts(const struct matrix_terminal *t, const struct explain_result *x)
{
    if (x->flaky > 0)
        add_line(t, mem_printf("flaky in %zu of these cells", x->flaky));
    if (x->unknown > 0)
        add_line(t, mem_printf("nothing is known of %zu %s", x->unknown, x->unknown == 1 ? "cell" : "cells"));
}

static void add_boundary(const struct matrix_terminal *t, const struct matrix_group *g)
{
    char *search, *text = matrix_boundary_text(t->r, g, &search);
    if (!text)
        return;
    add_line(t, mem_printf("%s%s", text, search ? ":" : ""));
    if (search)
        add_command(t, search);
    free(text);
}

/* The cell of a point that shows it: of its repeats the first with the loss or the verdict. */
static void add_example(const struct matrix_terminal *t, const struct matrix_group *g)
{
    const struct matrix_report *r = t->r;
    const struct explain_result *x = &g->result;
    if (x->example == (size_t)-1)
        return;
    size_t place = matrix_group_example(r, g);
    char *point = matrix_point_text(r, x->example);
    add_line(t, mem_printf("to reproduce, %s:", point));
    add_command(t, matrix_command_text(r, place));
    free(point);
    if (x->counterpart == (size_t)-1)
        return;
    const struct matrix *m = r->record->matrix;
    const struct matrix_cell *near = matrix_cell_at(r, r->points[x->counterpart].first);
    struct buf text = {0};
    buf_add_str(&text, "the nearest cell without it has");
    for (size_t i = 0; i < x->differing_count; i++) {
        size_t axis = x->differing[i];
        buf_printf(&text, "%s %s=%s", i > 0 ? "," : "", m->axes[axis].name,
                   near->values[axis] < 0 ? "(as the scenario)" : m->axes[axis].values[near->values[axis]].label);
    }
    add_line(t, buf_steal(&text));
}

static void add_standings(const struct matrix_terminal *t, const struct matrix_group *g)
{
    size_t known = g->standings[MATRIX_KNOWN], expected = g->standings[MATRIX_EXPECTED];
    size_t all = known + expected + g->standings[MATRIX_NEW] + g->standings[MATRIX_EXPIRED];
    if (known + expected > 0)
        add_line(t, mem_printf("of its %zu losses %zu are known and %zu expected", all, known, expected));
}

static void add_conclusion(const struct matrix_terminal *t, const struct matrix_group *g)
{
    if (g->reason_count > 1) {
        for (size_t i = 0; i < g->reason_count; i++)
            add_line(t, matrix_reason_text(&g->reasons[i]));
        if (g->reasons_left > 0)
            add_line(t, mem_printf("in %zu cells for further reasons", g->reasons_left));
        return;
    }
    const char *conclusion = g->is_verdict ? matrix_group_conclusion(t->r, g) : NULL;
    if (conclusion && conclusion[0])
        add_line(t, mem_strdup(conclusion));
}

static void add_group(const struct matrix_terminal *t, size_t number)
{
    const struct matrix_report *r = t->r;
    const struct matrix_group *g = &r->groups[number];
    const char *verb = g->is_verdict ? verdict_name(g->verdict) : "lost";
    char *head = matrix_group_text(r, g), *locks = matrix_group_locks_text(r, g, LOCKS_SHOWN);
    char *line = locks[0] ? mem_printf("%s: %s", head, locks) : mem_strdup(head);
    buf_printf(t->out, "%2zu. ", number + 1);
    text_add_wrapped(t->out, line, 6);
    free(line);
    free(locks);
    free(head);
    if (g->explained) {
        buf_add_str(t->out, "    ");
        char *condition = matrix_condition_text(&g->result, verb);
        text_add_wrapped(t->out, condition, 6);
        free(condition);
    }
    add_exceptions(t, g, verb);
    if (!g->explained || g->result.strength == EXPLAIN_NO_CONDITION)
        add_points(t, g->points, g->point_count, "in");
    for (size_t i = 0; i < g->cause_count; i++)
        add_line(t, matrix_cause_text(&g->causes[i]));
    if (g->causes_left > 0)
        add_line(t, mem_printf("%zu losses in further ways", g->causes_left));
    add_conclusion(t, g);
    add_doubts(t, &g->result);
    add_standings(t, g);
    add_boundary(t, g);
    if (g->explained)
        add_example(t, g);
}

void matrix_terminal_groups(const struct matrix_terminal *t)
{
    if (t->r->group_count == 0)
        return;
    matrix_terminal_title(t, "EXPLANATION");
    if (t->r->point_count < t->r->mine_count)
        buf_add_str(t->out, "Cells that differ in their seed only count as one here.\n");
    for (size_t i = 0; i < t->r->group_count && i < GROUPS_SHOWN; i++)
        add_group(t, i);
    if (t->r->group_count > GROUPS_SHOWN)
        buf_printf(t->out, "and %zu more patterns, all in report.json\n", t->r->group_count - GROUPS_SHOWN);
}
