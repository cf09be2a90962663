/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/images.h"
#include "base/mem.h"
#include "trail/gather.h"

#include <stdlib.h>

struct images {
    struct work *w;
    struct sites *sites;
    const struct flow *f;
    struct hit_range before;
    const struct edge *edge; /* at hand */
    const struct row *row, *now;
    uint64_t *covered, *covered_acquires; /* of each row of the flow: what locks have of it */
};

/* `whole` for a share of `share` in `of`, to the nearest. */
static uint64_t proportion(uint64_t whole, uint64_t share, uint64_t of)
{
    return share == of || of == 0 ? whole : (uint64_t)((double)whole * (double)share / (double)of + 0.5);
}

/* The lock has `share` of `of` samples of the edge. Times and releases are not known sample by sample: it gets them as
 * it gets samples of the row. Returns NULL where the edge leads to no row. */
static struct hit *add_image(struct images *m, uint32_t lock, uint64_t share, uint64_t of)
{
    const struct edge *e = m->edge;
    uint64_t samples = proportion(e->samples, share, of);
    hits_add_part(m->w, lock, e, samples);
    if (m->now == NULL) {
        return NULL;
    }
    const struct row *now = m->now;
    struct hit *hit = hits_add(m->w, now, lock);
    hit->samples = samples < now->samples ? samples : now->samples; /* fewer where they were added up */
    hit->acquires = proportion(e->acquires_after, share, of);
    hit->wait_ns = proportion(now->wait_ns, samples, now->samples);
    hit->releases = proportion(now->releases, samples, now->samples);
    hit->hold_ns = proportion(now->hold_ns, samples, now->samples);
    return hit;
}

static void cover(struct images *m, uint64_t samples, uint64_t acquires)
{
    if (m->now != NULL) {
        size_t row = (size_t)(m->now - m->w->rows) - m->f->first_row;
        m->covered[row] += samples;
        m->covered_acquires[row] += acquires;
    }
}

/* To those who had the samples before. Of a row that is several locks' each has its share of what is left of it, as
 * long as all of it went one way; else who has which can't be said. */
static bool follow(struct images *m)
{
    const struct edge *e = m->edge;
    size_t count = 0;
    if (m->row != NULL) {
        hits_of(m->w, m->before, m->row, &count);
    }
    for (size_t i = 0; i < count; i++) {
        /* Hits move when one is added. */
        size_t unused;
        const struct hit old = hits_of(m->w, m->before, m->row, &unused)[i];
        bool whole = old.shared || old.samples >= m->row->samples;
        struct hit *hit = add_image(m, old.lock, whole ? 1 : old.samples, whole ? 1 : m->row->samples);
        if (hit == NULL) {
            continue;
        }
        hit->origin = old.origin;
        hit->spoken = old.spoken && (e->acquires_before > 0 || m->row->acquires == 0);
        hit->adopted = old.adopted;
        hit->ambiguous = old.ambiguous || (!whole && e->samples < m->row->samples);
        hit->shared = old.shared;
        hit->shared_known = old.shared_known;
        hit->shared_true = old.shared_true;
        hit->shared_acquires = old.shared_acquires;
    }
    if (count > 0) {
        cover(m, e->samples, e->acquires_after);
    }
    return count > 0;
}

/* Samples that were not there before: to those who had the same label there, else to those of its site. */
static bool find_owner(struct images *m)
{
    struct work *w = m->w;
    const struct row *then = m->now ? gather_find(w, m->now->instance, m->f->before, m->now->label) : NULL;
    m->row = then;
    if (m->now == NULL || (then != NULL && follow(m))) {
        return m->now != NULL;
    }
    size_t group = sites_group(m->sites, m->now);
    if (group == TABLE_NONE) {
        return false;
    }
    const struct span *locks = &m->sites->groups[group];
    struct span owners = sites_owners(m->sites, group, m->now);
    if (locks->count > 1 && owners.count != 1) {
        return false;
    }
    uint32_t place = locks->count > 1 ? m->sites->places[owners.first] : 0;
    add_image(m, w->site_items[locks->first + place], 1, 1);
    cover(m, m->edge->samples, m->edge->acquires_after);
    return true;
}

static void leave_rest(struct images *m)
{
    struct work *w = m->w;
    for (size_t i = 0; i < m->f->rows; i++) {
        const struct row *row = &w->rows[m->f->first_row + i];
        uint64_t samples = m->covered[i], acquires = m->covered_acquires[i];
        bool all = m->f->names_only ? samples > 0 : samples >= row->samples;
        if (!all) {
            hits_leave(w, row, row->samples - samples, row->acquires > acquires ? row->acquires - acquires : 0);
        }
    }
}

/* Of locks that share a site nothing is known any more of their acquires together where one of them lost some. */
static void doubt_shared(struct work *w, size_t first_hit, size_t first_part, uint32_t *harmed, uint32_t number)
{
    for (size_t i = first_part; i < w->part_count; i++) {
        if (!w->edges[w->parts[i].edge].harmless) {
            harmed[w->parts[i].lock] = number;
        }
    }
    for (size_t i = first_hit; i < w->hit_count; i++) {
        if (w->hits[i].shared && harmed[w->hits[i].lock] == number) {
            w->hits[i].shared_known = false;
        }
    }
}

void images_match(struct work *w, struct sites *sites, const struct flow *f, struct hit_range before, uint32_t *harmed,
                  uint32_t number)
{
    size_t first_hit = w->hit_count, first_part = w->part_count;
    struct images m = {.w = w, .sites = sites, .f = f, .before = before};
    m.covered = mem_calloc(f->rows, sizeof *m.covered);
    m.covered_acquires = mem_calloc(f->rows, sizeof *m.covered_acquires);
    for (size_t i = 0; i < f->edges; i++) {
        const struct edge *e = &w->edges[f->first_edge + i];
        bool rekeyed = e->kind == EDGE_REKEYED;
        m.edge = e;
        m.row = e->from != NO_LABEL ? gather_find(w, e->instance, f->before, e->from) : NULL;
        m.now = e->to != NO_LABEL && !rekeyed ? gather_find(w, e->instance, e->stage, e->to) : NULL;
        if (e->from != NO_LABEL) {
            follow(&m);
        } else {
            find_owner(&m);
        }
    }
    leave_rest(&m);
    doubt_shared(w, first_hit, first_part, harmed, number);
    free(m.covered);
    free(m.covered_acquires);
}

static int by_lock(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    if (x->lock != y->lock) {
        return x->lock < y->lock ? -1 : 1;
    }
    return (x->edge > y->edge) - (x->edge < y->edge);
}

void images_settle(struct work *w)
{
    if (w->part_count > 0) {
        qsort(w->parts, w->part_count, sizeof *w->parts, by_lock);
    }
    w->lock_parts = mem_calloc(w->input->ledger->lock_count, sizeof *w->lock_parts);
    for (size_t i = 0; i < w->part_count; i++) {
        struct span *s = &w->lock_parts[w->parts[i].lock];
        s->first = s->count ? s->first : i;
        s->count++;
    }
}
