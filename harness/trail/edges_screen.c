/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/mem.h"
#include "trail/adopt.h"
#include "trail/edges.h"
#include "trail/gather.h"

#include <stdlib.h>

struct screen {
    struct edge_list *l;
    bool *explained; /* by row of the stage before: it is shown, or another label stands for it */
};

static struct edge_seen seen_at(const struct row *before, const struct row *now)
{
    return (struct edge_seen){before->samples, before->acquires, 0, before->path, now ? now->path : NULL};
}

static const struct flow *flow_before(const struct edge_list *l)
{
    return work_flow(l->w, l->instance, l->f->before);
}

/* `old` is the row before, by its place in its flow. */
static void on_found(const struct row *now, uint32_t old, void *data)
{
    struct screen *s = data;
    const struct row *before = &s->l->w->rows[flow_before(s->l)->first_row + old];
    struct edge_seen seen = seen_at(before, now);
    edge_list_add(s->l, EDGE_CHANGED, before->label, now->label, &seen);
    s->explained[old] = true;
}

/* A label that is not shown: another view has more room than names, so where other names are shown this one's label
 * was dropped; where none is, there is nothing of the lock profile at all. */
static enum edge_kind kind_of_missing(const struct flow *f)
{
    return f->copies == 0 ? EDGE_LOST : f->readable == 0 ? EDGE_CORRUPT : f->rows > 0 ? EDGE_UNLABELLED : EDGE_GONE;
}

static void add_missing(struct screen *s)
{
    struct edge_list *l = s->l;
    const struct flow *before = flow_before(l);
    enum edge_kind kind = kind_of_missing(l->f);
    for (size_t i = 0; i < before->rows; i++) {
        if (!s->explained[i]) {
            const struct row *row = &l->w->rows[before->first_row + i];
            struct edge_seen seen = seen_at(row, NULL);
            seen.path_after = kind == EDGE_CORRUPT ? l->f->corrupt_path : l->f->copies > 0 ? l->f->path : NULL;
            edge_list_add(l, kind, row->label, NO_LABEL, &seen)->why = l->f->corrupt_why;
        }
    }
}

static size_t site_number(struct table *sites, const struct label *label)
{
    struct buf key = {0};
    buf_printf(&key, "%u:%s", label->line, label->file);
    size_t number = table_put(sites, key.data, key.size);
    buf_fini(&key);
    return number;
}

/* Another name at the site of a single label that is not shown: it is that one's, whatever it says. */
static void adopt_sites(struct screen *s, const struct adopt_old *old, size_t old_count, struct adopt_new *fresh,
                        size_t fresh_count)
{
    const struct work *w = s->l->w;
    struct table sites = {0};
    size_t *holders = mem_calloc(old_count + fresh_count, sizeof *holders);
    size_t *last = mem_calloc(old_count + fresh_count, sizeof *last);
    for (size_t i = 0; i < old_count; i++) {
        size_t site = site_number(&sites, work_label(w, old[i].row));
        holders[site]++;
        last[site] = i;
    }
    for (size_t i = 0; i < fresh_count; i++) {
        const struct label *label = work_label(w, fresh[i].row);
        size_t site = site_number(&sites, label);
        if (label->line > 0 && holders[site] == 1) {
            on_found(fresh[i].row, old[last[site]].lock, s);
            fresh[i].adopted = true;
        }
    }
    free(holders);
    free(last);
    table_fini(&sites);
}

/* What is still to be explained, in the same order. */
static size_t keep_old(const struct screen *s, struct adopt_old *old, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!s->explained[old[i].lock]) {
            old[kept++] = old[i];
        }
    }
    return kept;
}

static size_t keep_new(struct adopt_new *fresh, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!fresh[i].adopted) {
            fresh[kept++] = fresh[i];
        }
    }
    return kept;
}

void edges_of_screen(struct edge_list *l)
{
    const struct work *w = l->w;
    const struct flow *before = flow_before(l), *f = l->f;
    struct screen s = {.l = l, .explained = mem_calloc(before->rows, sizeof *s.explained)};
    struct adopt_old *old = mem_calloc(before->rows, sizeof *old);
    struct adopt_new *fresh = mem_calloc(f->rows, sizeof *fresh);
    size_t old_count = 0, fresh_count = 0;
    for (size_t i = 0; i < before->rows; i++) {
        const struct row *row = &w->rows[before->first_row + i];
        const struct row *now = gather_find(w, l->instance, l->stage, row->label);
        s.explained[i] = now != NULL;
        if (now == NULL) {
            old[old_count++] = (struct adopt_old){row, (uint32_t)i, true};
        } else {
            struct edge_seen seen = seen_at(row, now);
            seen.acquires_after = row->acquires;
            edge_list_add(l, EDGE_KEPT, row->label, row->label, &seen);
        }
    }
    for (size_t i = 0; i < f->rows; i++) {
        const struct row *row = &w->rows[f->first_row + i];
        if (gather_find(w, l->instance, f->before, row->label) == NULL) {
            fresh[fresh_count++] = (struct adopt_new){.row = row};
        }
    }
    adopt_sites(&s, old, old_count, fresh, fresh_count);
    old_count = keep_old(&s, old, old_count);
    fresh_count = keep_new(fresh, fresh_count);
    adopt(w, old, old_count, fresh, fresh_count, on_found, &s);
    add_missing(&s);
    free(old);
    free(fresh);
    free(s.explained);
}
