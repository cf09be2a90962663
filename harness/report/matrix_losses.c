/* SPDX-License-Identifier: Apache-2.0 */
/* The losses of all attempts, each once for its cell. */
#include "report/matrix_parts.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    const struct matrix_loss *loss;
    size_t place, point, subject, attempt;
    bool decided;
};

static int compare_sizes(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int by_name(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = strcmp(x->loss->worker, y->loss->worker);
    return order ? order : strcmp(x->loss->lock, y->loss->lock);
}

static int by_cell(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = compare_sizes(x->place, y->place);
    if (order == 0)
        order = compare_sizes(x->subject, y->subject);
    if (order == 0)
        order = compare_sizes(x->loss->stage, y->loss->stage);
    return order ? order : compare_sizes(x->loss->mechanism, y->loss->mechanism);
}

static int by_cell_and_attempt(const void *a, const void *b)
{
    int order = by_cell(a, b);
    return order ? order : compare_sizes(((const struct entry *)a)->attempt, ((const struct entry *)b)->attempt);
}

static int by_subject(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = compare_sizes(x->subject, y->subject);
    if (order == 0)
        order = compare_sizes(x->place, y->place);
    return order ? order : compare_sizes(x->attempt, y->attempt);
}

static size_t collect(const struct matrix_report *r, struct entry *out)
{
    size_t count = 0;
    for (size_t p = 0; p < r->point_count; p++)
        for (size_t place = r->points[p].first; place < r->points[p].first + r->points[p].count; place++) {
            const struct matrix_cell_record *c = matrix_cell_record_at(r, place);
            for (size_t a = 0; a < c->attempt_count; a++) {
                const struct matrix_attempt *attempt = &c->attempts[a];
                for (size_t i = 0; i < attempt->loss_count && matrix_attempt_tells(attempt); i++, count++)
                    if (out)
                        out[count] =
                            (struct entry){&attempt->losses[i], place, p, 0, a, matrix_attempt_decides(attempt)};
            }
        }
    return count;
}

static void name_subjects(struct matrix_report *r, struct entry *entries, size_t count)
{
    if (count > 1)
        qsort(entries, count, sizeof *entries, by_name);
    r->subjects = mem_calloc(count, sizeof *r->subjects);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || by_name(&entries[i - 1], &entries[i]) != 0)
            r->subjects[r->subject_count++] = (struct matrix_subject){entries[i].loss->worker, entries[i].loss->lock};
        entries[i].subject = r->subject_count - 1;
        r->several_workers = r->several_workers || strcmp(entries[i].loss->worker, entries[0].loss->worker) != 0;
    }
}

static void add_loss(struct matrix_report *r, const struct entry *e, bool new)
{
    if (new)
        r->losses[r->loss_count++] = (struct matrix_cell_loss){.place = e->place,
                                                               .point = e->point,
                                                               .subject = e->subject,
                                                               .stage = e->loss->stage,
                                                               .mechanism = e->loss->mechanism};
    struct matrix_cell_loss *l = &r->losses[r->loss_count - 1];
    struct matrix_cell_view *v = &r->mine[e->place];
    l->attempts++;
    l->decided += e->decided;
    if (v->loss_count == 0)
        v->first_loss = r->loss_count - 1;
    v->loss_count = r->loss_count - v->first_loss;
}

static void add_hit(struct matrix_report *r, const struct entry *e)
{
    size_t last = r->hit_count - 1; /* where there is one */
    if (r->hit_count == 0 || r->hits[last].subject != e->subject || r->hits[last].point != e->point)
        r->hits[r->hit_count++] = (struct matrix_hit){.subject = e->subject, .point = e->point};
    struct matrix_hit *h = &r->hits[r->hit_count - 1];
    h->attempts++;
    h->decided += e->decided;
}

/* An attempt may name a lock several times: once for each process of its worker. */
void matrix_find_losses(struct matrix_report *r)
{
    size_t count = collect(r, NULL);
    struct entry *entries = mem_calloc(count, sizeof *entries);
    collect(r, entries);
    name_subjects(r, entries, count);
    r->losses = mem_calloc(count, sizeof *r->losses);
    r->hits = mem_calloc(count, sizeof *r->hits);
    if (count > 1)
        qsort(entries, count, sizeof *entries, by_cell_and_attempt);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || by_cell_and_attempt(&entries[i - 1], &entries[i]) != 0)
            add_loss(r, &entries[i], i == 0 || by_cell(&entries[i - 1], &entries[i]) != 0);
    if (count > 1)
        qsort(entries, count, sizeof *entries, by_subject);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || by_subject(&entries[i - 1], &entries[i]) != 0)
            add_hit(r, &entries[i]);
    free(entries);
}
