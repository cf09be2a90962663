/* SPDX-License-Identifier: Apache-2.0 */
/* Locks that are lost in the same combinations have one cause, and are told as one; so are cells with one verdict that
 * names no lock. */
#include "report/matrix_parts.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct pattern {
    const struct matrix_hit *hits; /* of one subject */
    size_t count;
};

static int compare_sizes(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int by_points(const void *a, const void *b)
{
    const struct pattern *x = a, *y = b;
    int order = compare_sizes(x->count, y->count);
    for (size_t i = 0; i < x->count && order == 0; i++)
        order = compare_sizes(x->hits[i].point, y->hits[i].point);
    return order;
}

static int by_points_and_subject(const void *a, const void *b)
{
    int order = by_points(a, b);
    return order
               ? order
               : compare_sizes(((const struct pattern *)a)->hits->subject, ((const struct pattern *)b)->hits->subject);
}

static void add_locks(struct matrix_report *r, const struct pattern *patterns, size_t count)
{
    struct matrix_group *g = &r->groups[r->group_count++];
    g->subjects = mem_calloc(count, sizeof *g->subjects);
    for (size_t i = 0; i < count; i++)
        g->subjects[g->subject_count++] = patterns[i].hits->subject;
    g->points = mem_calloc(patterns->count, sizeof *g->points);
    for (size_t i = 0; i < patterns->count; i++)
        g->points[g->point_count++] = patterns->hits[i].point;
}

static void add_verdict(struct matrix_report *r, enum verdict verdict)
{
    struct matrix_group g = {.is_verdict = true, .verdict = verdict};
    g.points = mem_calloc(r->point_count, sizeof *g.points);
    for (size_t i = 0; i < r->point_count; i++)
        if (matrix_count_verdict(r, i, verdict) > 0)
            g.points[g.point_count++] = i;
    if (g.point_count > 0)
        r->groups[r->group_count++] = g;
    else
        free(g.points);
}

/* --- what is told of a group ------------------------------------------------------------------------------------ */

static size_t group_of(const size_t *groups, const struct matrix_cell_loss *l)
{
    return groups[l->subject];
}

static struct matrix_cause *find_cause(struct matrix_group *g, enum stage stage, enum mechanism mechanism)
{
    for (size_t i = 0; i < g->cause_count; i++)
        if (g->causes[i].stage == stage && g->causes[i].mechanism == mechanism)
            return &g->causes[i];
    if (g->cause_count == MATRIX_CAUSES_MAX) {
        g->causes_left++;
        return NULL;
    }
    g->causes[g->cause_count] = (struct matrix_cause){.stage = stage, .mechanism = mechanism};
    return &g->causes[g->cause_count++];
}

/* Each loss into its group; combinations of each cause are counted once. */
static void count_losses(struct matrix_report *r)
{
    size_t *groups = mem_calloc(r->subject_count, sizeof *groups);
    struct last {
        size_t point[MATRIX_CAUSES_MAX];
    } *last = mem_calloc(r->group_count, sizeof *last);
    for (size_t i = 0; i < r->group_count; i++)
        for (size_t s = 0; s < r->groups[i].subject_count; s++)
            groups[r->groups[i].subjects[s]] = i;
    for (size_t i = 0; i < r->loss_count; i++) {
        const struct matrix_cell_loss *l = &r->losses[i];
        struct matrix_group *g = &r->groups[group_of(groups, l)];
        struct matrix_cause *c = find_cause(g, l->stage, l->mechanism);
        g->standings[l->standing]++;
        if (!c)
            continue;
        size_t *seen = &last[group_of(groups, l)].point[c - g->causes];
        c->points += *seen != l->point + 1;
        *seen = l->point + 1;
    }
    free(last);
    free(groups);
}

static bool counts(const struct matrix_report *r, const struct matrix_group *g)
{
    bool any = g->standings[MATRIX_NEW] + g->standings[MATRIX_EXPIRED] > 0;
    for (size_t i = 0; i < g->point_count && g->is_verdict; i++) {
        const struct matrix_point *p = &r->points[g->points[i]];
        for (size_t place = p->first; place < p->first + p->count; place++)
            any = any || r->mine[place].counted == g->verdict;
    }
    return any;
}

static int by_weight(const void *a, const void *b)
{
    const struct matrix_group *x = a, *y = b;
    if (x->counts != y->counts)
        return x->counts ? -1 : 1;
    int order = compare_sizes(y->point_count, x->point_count);
    if (order == 0)
        order = compare_sizes(y->subject_count, x->subject_count);
    if (order == 0)
        order = compare_sizes(x->is_verdict, y->is_verdict);
    if (order == 0 && x->is_verdict)
        return verdict_compare(x->verdict, y->verdict);
    return order ? order : compare_sizes(x->subjects[0], y->subjects[0]);
}

void matrix_find_groups(struct matrix_report *r)
{
    static const enum verdict verdicts[] = {VERDICT_ERROR, VERDICT_CRITICAL, VERDICT_INCONCLUSIVE};
    const size_t verdict_count = sizeof verdicts / sizeof *verdicts;
    struct pattern *patterns = mem_calloc(r->subject_count, sizeof *patterns);
    size_t count = 0;
    for (size_t i = 0; i < r->hit_count; i++) {
        if (i == 0 || r->hits[i].subject != r->hits[i - 1].subject)
            patterns[count++].hits = &r->hits[i];
        patterns[count - 1].count++;
    }
    if (count > 1)
        qsort(patterns, count, sizeof *patterns, by_points_and_subject);
    r->groups = mem_calloc(count + verdict_count, sizeof *r->groups);
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && by_points(&patterns[first], &patterns[end]) == 0;)
            end++;
        add_locks(r, patterns + first, end - first);
    }
    for (size_t i = 0; i < verdict_count; i++)
        add_verdict(r, verdicts[i]);
    count_losses(r);
    for (size_t i = 0; i < r->group_count; i++)
        r->groups[i].counts = counts(r, &r->groups[i]);
    if (r->group_count > 1)
        qsort(r->groups, r->group_count, sizeof *r->groups, by_weight);
    free(patterns);
}
