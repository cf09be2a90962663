/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/kins.h"
#include "base/mem.h"
#include "trail/edges.h"
#include "trail/gather.h"
#include "trail/rewrite.h"
#include "trail/rules.h"

#include <stdlib.h>
#include <string.h>

/* A stack may carry several locks of which each process happened to sample another one. With k samples here and none
 * there that is chance once in 2^k (design.md, "Evidence before verdicts"): 10 make it rarer than 0.001. Where it is
 * not that, a good part of a label's samples has changed. */
#define SAMPLES_MIN 10
#define PART_MIN 4 /* a fourth */

struct builder {
    struct edge_list l;
    const struct trail_kin *kin;
    const struct trail_move **same_site; /* another name at the site that was there */
    size_t same_site_count;
    uint64_t *totals; /* for each move: samples of its `from`, whatever became of them */
};

/* --- which moves are taken ---------------------------------------------------------------------------------------- */

static const struct label *label_of(const struct builder *b, const char *text)
{
    uint32_t number = text ? gather_label(b->l.w, text) : NO_LABEL;
    return number == NO_LABEL ? NULL : &b->l.w->labels[number];
}

static bool has_site_of(const struct label *from, const struct label *to)
{
    return to->line != 0 && to->line == from->line && strcmp(to->file, from->file) == 0;
}

static bool is_strong(const struct builder *b, const struct trail_move *m, uint64_t total)
{
    bool all = work_instance(b->l.w, b->kin->instance)->capture_rate >= 1;
    return m->samples >= total / PART_MIN && (all || m->samples >= SAMPLES_MIN);
}

/* Whether the one is made of the other, and no process of the worker shows it locally. */
static bool is_plain(const struct builder *b, const struct label *from, const struct label *to)
{
    const struct work *w = b->l.w;
    size_t size;
    enum rewrite kind = rewrite_classify(from, to);
    bool made = rules_is_truncated(from->text, to->text, &size) || kind == REWRITE_CASE || kind == REWRITE_CHARACTERS ||
                kind == REWRITE_PREFIX_ADDED || kind == REWRITE_SUFFIX_ADDED;
    return made && gather_find(w, b->kin->of, STAGE_COLLECTOR, (uint32_t)(to - w->labels)) == NULL;
}

/* The name is there, and shorter: a collector that finds another variable hardly finds one that begins alike. */
static bool is_cut_in_name(const struct label *from, const struct label *to)
{
    size_t size = strlen(to->name);
    return size > 0 && size < strlen(from->name) && strncmp(from->name, to->name, size) == 0;
}

static void take(struct builder *b, const struct trail_move *m)
{
    static const enum edge_kind kinds[] = {
        [MOVE_KEPT] = EDGE_KEPT,
        [MOVE_CHANGED] = EDGE_CHANGED,
        [MOVE_REKEYED] = EDGE_REKEYED,
        [MOVE_UNLABELLED] = EDGE_UNLABELLED,
    };
    struct work *w = b->l.w;
    uint32_t from = gather_label(w, m->from);
    const char *to = m->kind == MOVE_KEPT ? m->from : m->kind == MOVE_UNLABELLED ? NULL : m->to;
    uint32_t row_label = to ? gather_label(w, to) : NO_LABEL;
    const struct row *row = row_label != NO_LABEL ? gather_find(w, b->l.instance, b->l.stage, row_label) : NULL;
    struct edge_seen seen = {m->samples, m->acquires_before, m->acquires_after, NULL, row ? row->path : b->l.f->path};
    if (from != NO_LABEL) {
        edge_list_add_text(&b->l, kinds[m->kind], from, to, m->kind == MOVE_REKEYED ? (m->key ? m->key : "") : NULL,
                           &seen);
    }
}

static void weigh_changed(struct builder *b, const struct trail_move *m, uint64_t total)
{
    const struct label *from = label_of(b, m->from), *to = label_of(b, m->to);
    if (from == NULL || to == NULL) {
        return;
    }
    if (!has_site_of(from, to)) {
        if (is_strong(b, m, total) || is_plain(b, from, to)) {
            take(b, m);
        }
    } else if (is_cut_in_name(from, to)) {
        take(b, m);
    } else if (to->name[0] != '\0' && from->name[0] != '\0') {
        b->same_site[b->same_site_count++] = m;
    }
}

/* Other names at the right sites are the collector's own, unless one rule makes all of them. */
static void weigh_same_site(struct builder *b)
{
    struct rewriting *changes = mem_calloc(b->same_site_count, sizeof *changes);
    for (size_t i = 0; i < b->same_site_count; i++) {
        changes[i] = (struct rewriting){label_of(b, b->same_site[i]->from), b->same_site[i]->to};
    }
    if (b->same_site_count > 1 && rules_is_general(changes, b->same_site_count)) {
        for (size_t i = 0; i < b->same_site_count; i++) {
            take(b, b->same_site[i]);
        }
    }
    free(changes);
}

/* Samples of each move's `from`. */
static void find_totals(struct builder *b)
{
    struct table froms = {0};
    uint64_t *sums = mem_calloc(b->kin->move_count, sizeof *sums);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < b->kin->move_count; i++) {
            const struct trail_move *m = &b->kin->moves[i];
            size_t number = table_put_text(&froms, m->from ? m->from : "");
            sums[number] += pass == 0 ? m->samples : 0;
            b->totals[i] = sums[number];
        }
    }
    free(sums);
    table_fini(&froms);
}

static void build(struct work *w, const struct trail_kin *kin)
{
    struct flow *f = work_flow(w, kin->instance, STAGE_UPLOAD);
    struct builder b = {.kin = kin};
    b.l = (struct edge_list){.w = w, .f = f, .instance = (uint32_t)kin->instance, .stage = STAGE_UPLOAD};
    b.same_site = mem_calloc(kin->move_count, sizeof(struct trail_move *));
    b.totals = mem_calloc(kin->move_count, sizeof *b.totals);
    f->first_edge = w->edge_count;
    find_totals(&b);
    for (size_t i = 0; i < kin->move_count; i++) {
        const struct trail_move *m = &kin->moves[i];
        if (m->from == NULL || m->samples == 0) {
            continue;
        }
        if (m->kind == MOVE_CHANGED) {
            weigh_changed(&b, m, b.totals[i]);
        } else if (m->kind != MOVE_GONE && m->kind != MOVE_ADDED) {
            take(&b, m);
        }
    }
    weigh_same_site(&b);
    f->by_kin = true;
    f->kin = (uint32_t)kin->of;
    edges_end(&b.l);
    free(b.same_site);
    free(b.totals);
}

void kins_build(struct work *w)
{
    for (size_t i = 0; i < w->input->kin_count; i++) {
        const struct trail_kin *kin = &w->input->kins[i];
        const struct flow *f = work_flow(w, kin->instance, STAGE_UPLOAD);
        if (f->feeds && f->before == NO_STAGE && !f->by_kin && work_flow(w, kin->of, STAGE_COLLECTOR)->feeds &&
            w->instance_worker[kin->of] == w->instance_worker[kin->instance]) {
            build(w, kin);
        }
    }
}

/* --- whose the samples are ---------------------------------------------------------------------------------------- */

/* The one lock to which the local process's label belongs; false where there is none, or several. */
static bool find_owner(struct sites *sites, const struct work *w, const struct flow *f, uint32_t label, uint32_t *lock)
{
    const struct row *row = gather_find(w, f->kin, STAGE_COLLECTOR, label);
    size_t group = row ? sites_group(sites, row) : TABLE_NONE;
    if (group == TABLE_NONE) {
        return false;
    }
    const struct span *locks = &sites->groups[group];
    struct span owners = {0, 1};
    if (locks->count > 1) {
        owners = sites_owners(sites, group, row);
    }
    if (owners.count != 1) {
        return false;
    }
    *lock = w->site_items[locks->first + (locks->count > 1 ? sites->places[owners.first] : 0)];
    return true;
}

static uint64_t less(uint64_t from, uint64_t amount)
{
    return from > amount ? from - amount : 0;
}

static uint64_t share_of(uint64_t whole, uint64_t samples, uint64_t of)
{
    return of > 0 ? (uint64_t)((double)whole * (double)samples / (double)of + 0.5) : 0;
}

static void add_hit(struct work *w, const struct edge *e, const struct row *row, uint32_t lock)
{
    struct hit *hit = hits_add(w, row, lock);
    hit->origin = e->from;
    hit->samples = e->samples < row->samples ? e->samples : row->samples;
    hit->acquires = e->acquires_after < row->acquires ? e->acquires_after : row->acquires;
    hit->wait_ns = share_of(row->wait_ns, hit->samples, row->samples);
    hit->releases = share_of(row->releases, hit->samples, row->samples);
    hit->hold_ns = share_of(row->hold_ns, hit->samples, row->samples);
    hit->spoken = e->acquires_after > 0;
}

/* What is another lock's of each row of the flow. */
struct taken {
    uint64_t samples, acquires;
};

static void reduce_hits(struct work *w, const struct flow *f, size_t first, size_t end, const struct taken *taken)
{
    size_t to = first;
    for (size_t i = first; i < w->hit_count; i++) {
        struct hit hit = w->hits[i];
        const struct row *row = &w->rows[hit.row];
        const struct taken *t = &taken[hit.row - f->first_row];
        if (i < end && t->samples > 0) {
            hit.samples = less(hit.samples, t->samples);
            hit.acquires = less(hit.acquires, t->acquires);
            hit.wait_ns = share_of(row->wait_ns, hit.samples, row->samples);
            hit.releases = share_of(row->releases, hit.samples, row->samples);
            hit.hold_ns = share_of(row->hold_ns, hit.samples, row->samples);
            hit.spoken = hit.acquires > 0;
            hit.shared_known = false;
        }
        if (i >= end || hit.samples > 0) {
            w->hits[to++] = hit;
        }
    }
    w->hit_count = to;
}

static void reduce_leftover(struct work *w, const struct flow *f, size_t first, const struct taken *taken)
{
    size_t to = first;
    for (size_t i = first; i < w->leftover_count; i++) {
        struct leftover left = w->leftover[i];
        left.samples = less(left.samples, taken[left.row - f->first_row].samples);
        left.acquires = less(left.acquires, taken[left.row - f->first_row].acquires);
        if (left.samples > 0) {
            w->leftover[to++] = left;
        }
    }
    w->leftover_count = to;
}

void kins_match(struct work *w, struct sites *sites, const struct flow *f, size_t first_hit, size_t first_left)
{
    struct taken *taken = mem_calloc(f->rows, sizeof *taken);
    size_t end = w->hit_count;
    for (size_t i = 0; i < f->edges; i++) {
        struct edge *e = &w->edges[f->first_edge + i];
        uint32_t lock;
        if (!find_owner(sites, w, f, e->from, &lock)) {
            e->harmless = true;
            continue;
        }
        hits_add_part(w, lock, e, e->samples);
        const struct row *row =
            e->kind == EDGE_CHANGED && e->to != NO_LABEL ? gather_find(w, e->instance, e->stage, e->to) : NULL;
        if (row != NULL) {
            add_hit(w, e, row, lock);
            taken[row - w->rows - f->first_row].samples += e->samples;
            taken[row - w->rows - f->first_row].acquires += e->acquires_after;
        }
    }
    reduce_hits(w, f, first_hit, end, taken);
    reduce_leftover(w, f, first_left, taken);
    free(taken);
}
