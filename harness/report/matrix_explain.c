/* SPDX-License-Identifier: Apache-2.0 */
#include "report/matrix_parts.h"

#include "base/mem.h"

#include <stdlib.h>

void matrix_explain(const struct matrix_report *r, const enum explain_outcome *outcomes, const unsigned *attempts,
                    struct explain_result *out)
{
    const struct matrix *m = r->record->matrix;
    struct explain_axis axes[MATRIX_AXES_MAX];
    const char **labels[MATRIX_AXES_MAX];
    struct explain_cell *cells = mem_calloc(r->point_count, sizeof *cells);
    for (size_t i = 0; i < m->axis_count; i++) {
        labels[i] = mem_calloc(m->axes[i].value_count, sizeof *labels[i]);
        for (size_t v = 0; v < m->axes[i].value_count; v++)
            labels[i][v] = m->axes[i].values[v].label;
        axes[i] =
            (struct explain_axis){m->axes[i].name, labels[i], m->axes[i].value_count, m->axes[i].order != AXIS_WORDS};
    }
    for (size_t i = 0; i < r->point_count; i++)
        cells[i] = (struct explain_cell){matrix_cell_at(r, r->points[i].first)->values, outcomes[i], attempts[i]};
    explain(axes, m->axis_count, cells, r->point_count, out);
    for (size_t i = 0; i < m->axis_count; i++)
        free(labels[i]);
    free(cells);
}

/* Of the locks of a group, which are lost in the same combinations: flaky where one of them is. */
struct tally {
    enum explain_outcome *outcomes;
    unsigned *attempts;
};

static void put(struct tally *t, size_t point, unsigned lost, unsigned kept)
{
    enum explain_outcome outcome = kept > 0 ? EXPLAIN_FLAKY : EXPLAIN_LOST;
    if (t->outcomes[point] != EXPLAIN_FLAKY)
        t->outcomes[point] = outcome;
    if (t->attempts[point] < lost + kept)
        t->attempts[point] = lost + kept;
}

static void begin(const struct matrix_report *r, struct tally *t, bool of_verdict)
{
    for (size_t i = 0; i < r->point_count; i++) {
        unsigned known = of_verdict ? r->points[i].attempts : r->points[i].decided;
        t->outcomes[i] = known > 0 ? EXPLAIN_KEPT : EXPLAIN_NONE;
        t->attempts[i] = known;
    }
}

static const struct matrix_hit *first_hit(const struct matrix_report *r, size_t subject)
{
    size_t low = 0, high = r->hit_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (r->hits[middle].subject < subject)
            low = middle + 1;
        else
            high = middle;
    }
    return &r->hits[low];
}

static void explain_locks(const struct matrix_report *r, struct matrix_group *g, struct tally *t)
{
    begin(r, t, false);
    for (size_t i = 0; i < g->point_count; i++)
        t->attempts[g->points[i]] = 0;
    for (size_t s = 0; s < g->subject_count; s++) {
        const struct matrix_hit *h = first_hit(r, g->subjects[s]);
        for (size_t i = 0; i < g->point_count; i++)
            put(t, h[i].point, h[i].attempts, r->points[h[i].point].decided - h[i].decided);
    }
    matrix_explain(r, t->outcomes, t->attempts, &g->result);
}

static void explain_verdict(const struct matrix_report *r, struct matrix_group *g, struct tally *t)
{
    begin(r, t, true);
    for (size_t i = 0; i < g->point_count; i++) {
        size_t point = g->points[i];
        bool all = matrix_count_verdict(r, point, g->verdict) == r->points[point].attempts;
        t->outcomes[point] = all ? EXPLAIN_LOST : EXPLAIN_FLAKY;
    }
    matrix_explain(r, t->outcomes, t->attempts, &g->result);
}

/* Where any lock of the group is lost in this way. */
static void explain_cause(const struct matrix_report *r, struct matrix_cause *c, const bool *members, struct tally *t)
{
    begin(r, t, false);
    for (size_t i = 0; i < r->loss_count; i++) {
        const struct matrix_cell_loss *l = &r->losses[i];
        if (members[l->subject] && l->stage == c->stage && l->mechanism == c->mechanism)
            t->outcomes[l->point] = EXPLAIN_LOST;
    }
    c->explained = true;
    matrix_explain(r, t->outcomes, t->attempts, &c->result);
}

static void explain_causes(const struct matrix_report *r, struct matrix_group *g, struct tally *t)
{
    bool *members = mem_calloc(r->subject_count, sizeof *members);
    for (size_t i = 0; i < g->subject_count; i++)
        members[g->subjects[i]] = true;
    for (size_t i = 0; i < g->cause_count && g->cause_count > 1; i++)
        explain_cause(r, &g->causes[i], members, t);
    free(members);
}

void matrix_explain_groups(struct matrix_report *r)
{
    struct tally t = {mem_calloc(r->point_count, sizeof *t.outcomes), mem_calloc(r->point_count, sizeof *t.attempts)};
    for (size_t i = 0; i < r->group_count && i < MATRIX_EXPLAINED_MAX; i++) {
        struct matrix_group *g = &r->groups[i];
        g->explained = true;
        if (g->is_verdict)
            explain_verdict(r, g, &t);
        else
            explain_locks(r, g, &t);
        if (g->is_verdict)
            matrix_find_reasons(r, g, i < MATRIX_CAUSES_EXPLAINED_MAX);
        if (i < MATRIX_CAUSES_EXPLAINED_MAX)
            explain_causes(r, g, &t);
    }
    free(t.outcomes);
    free(t.attempts);
}

/* --- examples --------------------------------------------------------------------------------------------------- */

static const struct matrix_attempt *attempt_with(const struct matrix_report *r, size_t place, enum verdict verdict)
{
    const struct matrix_cell_record *c = matrix_cell_record_at(r, place);
    for (size_t a = 0; a < c->attempt_count; a++)
        if (c->attempts[a].verdict == verdict)
            return &c->attempts[a];
    return NULL;
}

static bool loses(const struct matrix_report *r, size_t place, size_t subject)
{
    const struct matrix_cell_view *v = &r->mine[place];
    for (size_t i = 0; i < v->loss_count; i++)
        if (r->losses[v->first_loss + i].subject == subject)
            return true;
    return false;
}

size_t matrix_group_example(const struct matrix_report *r, const struct matrix_group *g)
{
    const struct matrix_point *p = &r->points[g->result.example];
    for (size_t place = p->first; place < p->first + p->count; place++)
        if (g->is_verdict ? attempt_with(r, place, g->verdict) != NULL : loses(r, place, g->subjects[0]))
            return place;
    return p->first;
}

const char *matrix_group_conclusion(const struct matrix_report *r, const struct matrix_group *g)
{
    const struct matrix_attempt *a = g->explained ? attempt_with(r, matrix_group_example(r, g), g->verdict) : NULL;
    return a && a->conclusion ? a->conclusion : "";
}
