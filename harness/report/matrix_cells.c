/* SPDX-License-Identifier: Apache-2.0 */
#include "report/matrix_parts.h"

#include "base/mem.h"

#include <string.h>

static bool same_values(const struct matrix *m, const struct matrix_cell *a, const struct matrix_cell *b)
{
    return memcmp(a->values, b->values, m->axis_count * sizeof *a->values) == 0;
}

static void take_cell(struct matrix_report *r, size_t cell)
{
    const struct matrix_cell_record *c = &r->record->cells[cell];
    struct matrix_cell_view *v = &r->mine[r->mine_count++];
    *v = (struct matrix_cell_view){.cell = cell, .verdict = VERDICT_ERROR};
    if (c->attempt_count == 0) {
        r->not_run_count++;
        return;
    }
    v->verdict = matrix_cell_verdict(c);
    v->flaky = matrix_cell_flaky(c);
    for (size_t i = 0; i < c->attempt_count; i++)
        v->dropped += c->attempts[i].losses_dropped;
    r->run_count++;
    r->verdicts[v->verdict]++;
}

static void find_points(struct matrix_report *r)
{
    const struct matrix *m = r->record->matrix;
    r->points = mem_calloc(r->mine_count, sizeof *r->points);
    for (size_t i = 0; i < r->mine_count; i++) {
        const struct matrix_cell_record *c = matrix_cell_record_at(r, i);
        if (i == 0 || !same_values(m, matrix_cell_at(r, i - 1), matrix_cell_at(r, i)))
            r->points[r->point_count++].first = i;
        struct matrix_point *p = &r->points[r->point_count - 1];
        p->count++;
        p->attempts += (unsigned)c->attempt_count;
        for (size_t a = 0; a < c->attempt_count; a++)
            p->decided += matrix_attempt_decides(&c->attempts[a]);
    }
}

void matrix_find_cells(struct matrix_report *r)
{
    const struct matrix *m = r->record->matrix;
    r->mine = mem_calloc(m->cell_count, sizeof *r->mine);
    r->whole = true;
    for (size_t i = 0; i < m->cell_count; i++) {
        if (r->record->mine[i])
            take_cell(r, i);
        else if (r->record->chosen[i])
            r->elsewhere_count++;
        r->whole = r->whole && r->record->cells[i].attempt_count > 0;
    }
    find_points(r);
}

unsigned matrix_count_verdict(const struct matrix_report *r, size_t point, enum verdict verdict)
{
    const struct matrix_point *p = &r->points[point];
    unsigned count = 0;
    for (size_t place = p->first; place < p->first + p->count; place++) {
        const struct matrix_cell_record *c = matrix_cell_record_at(r, place);
        for (size_t a = 0; a < c->attempt_count; a++)
            count += c->attempts[a].verdict == verdict;
    }
    return count;
}
