/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/edges.h"
#include "base/mem.h"
#include "trail/gather.h"

#include <stdlib.h>
#include <string.h>

/* --- one flow's list ---------------------------------------------------------------------------------------------- */

static void lesser(const char **kept, const char *text)
{
    if (text != NULL && (*kept == NULL || strcmp(text, *kept) < 0)) {
        *kept = text;
    }
}

static struct edge *find_edge(struct edge_list *l, const struct edge *like)
{
    struct work *w = l->w;
    buf_clear(&l->key);
    buf_add(&l->key, &like->kind, sizeof like->kind);
    buf_add(&l->key, &like->from, sizeof like->from);
    buf_add(&l->key, &like->to, sizeof like->to);
    if (like->to == NO_LABEL && like->to_text != NULL) {
        buf_add(&l->key, like->to_text, strlen(like->to_text) + 1);
    }
    if (like->key != NULL) {
        buf_add_str(&l->key, like->key);
    }
    size_t known = l->keys.count, number = table_put(&l->keys, l->key.data, l->key.size);
    if (number == known) {
        w->edges = mem_grow(w->edges, w->edge_count, &w->edge_capacity, sizeof *w->edges);
        w->edges[w->edge_count++] = *like;
    }
    return &w->edges[l->f->first_edge + number];
}

static struct edge *add(struct edge_list *l, const struct edge *like, const struct edge_seen *seen)
{
    struct edge *e = find_edge(l, like);
    e->samples += seen->samples;
    e->acquires_before += seen->acquires_before;
    e->acquires_after += seen->acquires_after;
    e->copies++;
    lesser(&e->path_before, seen->path_before);
    lesser(&e->path_after, seen->path_after);
    return e;
}

struct edge *edge_list_add(struct edge_list *l, enum edge_kind kind, uint32_t from, uint32_t to,
                           const struct edge_seen *seen)
{
    struct edge like = {.kind = kind, .instance = l->instance, .stage = l->stage, .from = from, .to = to};
    like.to_text = to != NO_LABEL ? l->w->labels[to].text : NULL;
    return add(l, &like, seen);
}

struct edge *edge_list_add_text(struct edge_list *l, enum edge_kind kind, uint32_t from, const char *to,
                                const char *key, const struct edge_seen *seen)
{
    struct edge like = {.kind = kind, .instance = l->instance, .stage = l->stage, .from = from, .to_text = to};
    like.to = to != NULL ? gather_label(l->w, to) : NO_LABEL;
    like.key = key;
    return add(l, &like, seen);
}

/* --- copies ------------------------------------------------------------------------------------------------------- */

static const struct trail_copy *copy_of(const struct work *w, size_t copy)
{
    return &w->input->copies[copy];
}

/* Every label of a copy goes one way. `at` is the copy's place in work.copies. */
static void add_whole(struct edge_list *l, size_t at, enum edge_kind kind, const char *path_before,
                      const char *path_after, const char *why)
{
    const struct work *w = l->w;
    const struct trail_copy *c = w->copies[at];
    bool before = kind != EDGE_UNKNOWN && kind != EDGE_READABLE;
    bool there = kind == EDGE_KEPT || kind == EDGE_DOUBLED || !before;
    for (size_t i = 0; i < c->sighting_count; i++) {
        const struct sighting *s = &c->sightings[i];
        uint32_t label = w->sighted[w->sighted_at[at] + i];
        struct edge_seen seen = {s->samples, before ? s->acquires : 0, there ? s->acquires : 0, path_before,
                                 path_after};
        if (s->samples > 0) {
            struct edge *e = edge_list_add(l, kind, before ? label : NO_LABEL, there ? label : NO_LABEL, &seen);
            e->why = e->why == NULL || (why != NULL && strcmp(why, e->why) < 0) ? why : e->why;
        }
    }
}

static void add_move(struct edge_list *l, const struct trail_pair *pair, const struct trail_move *m, bool doubled)
{
    static const enum edge_kind kinds[] = {
        [MOVE_KEPT] = EDGE_KEPT,       [MOVE_CHANGED] = EDGE_CHANGED,
        [MOVE_REKEYED] = EDGE_REKEYED, [MOVE_UNLABELLED] = EDGE_UNLABELLED,
        [MOVE_GONE] = EDGE_GONE,       [MOVE_ADDED] = EDGE_ADDED,
    };
    struct edge_seen seen = {m->samples, m->acquires_before, m->acquires_after, copy_of(l->w, pair->before)->path,
                             copy_of(l->w, pair->after)->path};
    uint32_t from = m->from != NULL ? gather_label(l->w, m->from) : NO_LABEL;
    bool there = m->kind == MOVE_KEPT || m->kind == MOVE_CHANGED || m->kind == MOVE_ADDED;
    const char *to = m->kind == MOVE_KEPT ? m->from : m->to;
    enum edge_kind kind = doubled ? EDGE_DOUBLED : kinds[m->kind];
    /* Samples without a label concern nobody; those that got one are none of the lock's that has it. */
    if (m->samples == 0 || (from == NO_LABEL && m->kind != MOVE_ADDED) || (doubled && !there)) {
        return;
    }
    edge_list_add_text(l, kind, from, there || m->kind == MOVE_REKEYED ? to : NULL,
                       m->kind == MOVE_REKEYED ? (m->key ? m->key : "") : NULL, &seen);
}

/* `places` has for each copy of the input its place in work.copies. */
static void add_pair(struct edge_list *l, const size_t *places, size_t at, const struct trail_pair *pair, bool doubled)
{
    const struct trail_copy *before = copy_of(l->w, pair->before), *after = copy_of(l->w, pair->after);
    if (pair->same && after->status != COPY_CORRUPT) {
        add_whole(l, at, doubled ? EDGE_DOUBLED : EDGE_KEPT, before->path, after->path, NULL);
    } else if (pair->compared) {
        for (size_t i = 0; i < pair->move_count; i++) {
            add_move(l, pair, &pair->moves[i], doubled);
        }
    } else if (after->status == COPY_CORRUPT && !doubled) {
        if (places[pair->before] != FATE_NO_COPY) {
            add_whole(l, places[pair->before], EDGE_CORRUPT, before->path, after->path,
                      after->why ? after->why : "not readable");
        }
    } else if (!doubled) {
        add_whole(l, at, EDGE_READABLE, NULL, after->path, NULL);
    }
}

/* Merged or split: all labels have as many samples as before (flow_is_by_moves has looked). */
static void add_parts(struct edge_list *l, const struct flow *before)
{
    const struct work *w = l->w;
    for (size_t i = 0; i < before->copies; i++) {
        size_t at = before->first_copy + i;
        enum fate_out out = w->fates[w->copies[at] - w->input->copies].out;
        if (out == FATE_INTO_ONE || out == FATE_INTO_MANY) {
            add_whole(l, at, EDGE_KEPT, w->copies[at]->path, l->f->path, NULL);
        }
    }
}

static void add_lost(struct edge_list *l, const struct flow *before)
{
    const struct work *w = l->w;
    for (size_t i = 0; i < before->copies; i++) {
        size_t at = before->first_copy + i;
        if (w->fates[w->copies[at] - w->input->copies].out == FATE_LOST) {
            add_whole(l, at, EDGE_LOST, w->copies[at]->path, NULL, NULL);
        }
    }
}

static void add_copies(struct edge_list *l, const size_t *places)
{
    const struct work *w = l->w;
    for (size_t i = 0; i < l->f->copies; i++) {
        size_t at = l->f->first_copy + i, copy = (size_t)(w->copies[at] - w->input->copies);
        const struct fate *fate = &w->fates[copy];
        if (fate->in == FATE_PAIRED || fate->in == FATE_DOUBLED) {
            add_pair(l, places, at, &w->input->pairs[w->pair_of[copy] - 1], fate->in == FATE_DOUBLED);
        } else if (fate->in == FATE_UNKNOWN) {
            add_whole(l, at, EDGE_UNKNOWN, NULL, w->copies[at]->path, NULL);
        }
    }
}

/* --- whether the copies of a flow are paired ---------------------------------------------------------------------- */

/* Whether what became of the samples of the copy `copy` is known. */
static bool is_known(const struct work *w, const struct flow *f, size_t copy)
{
    const struct trail_copy *after = copy_of(w, copy);
    const struct fate *fate = &w->fates[copy];
    if (fate->in != FATE_PAIRED && fate->in != FATE_DOUBLED) {
        return true;
    }
    if (w->pair_of[copy] == 0) {
        return false;
    }
    const struct trail_pair *pair = &w->input->pairs[w->pair_of[copy] - 1];
    const struct trail_copy *before = copy_of(w, pair->before);
    if (before->instance != after->instance || before->stage != f->before) {
        return false;
    }
    return pair->compared || pair->same || after->status == COPY_CORRUPT || before->status == COPY_CORRUPT;
}

/* A lost copy and one that was never sent may be one upload, where nobody knows the time of both. */
static bool is_doubtful(const struct work *w, const struct flow *f, const struct flow *before)
{
    bool lost = false, unknown = false, timed = true;
    for (size_t i = 0; i < before->copies; i++) {
        const struct trail_copy *c = w->copies[before->first_copy + i];
        if (w->fates[c - w->input->copies].out == FATE_LOST) {
            lost = true;
            timed = timed && c->start_ns != 0;
        }
    }
    for (size_t i = 0; i < f->copies; i++) {
        const struct trail_copy *c = w->copies[f->first_copy + i];
        if (w->fates[c - w->input->copies].in == FATE_UNKNOWN) {
            unknown = true;
            timed = timed && c->start_ns != 0;
        }
    }
    return lost && unknown && !timed;
}

static void add_labels(const struct work *w, const struct flow *f, bool after, uint64_t *sums)
{
    for (size_t i = 0; i < f->copies; i++) {
        size_t at = f->first_copy + i;
        const struct trail_copy *c = w->copies[at];
        const struct fate *fate = &w->fates[c - w->input->copies];
        bool part = after ? fate->in == FATE_MERGED || fate->in == FATE_SPLIT
                          : fate->out == FATE_INTO_ONE || fate->out == FATE_INTO_MANY;
        for (size_t k = 0; part && k < c->sighting_count; k++) {
            sums[2 * w->sighted[w->sighted_at[at] + k]] += c->sightings[k].samples;
            sums[2 * w->sighted[w->sighted_at[at] + k] + 1] += c->sightings[k].acquires;
        }
    }
}

/* Whether what was merged or split has all labels as often as before. */
static bool parts_are_whole(const struct work *w, const struct flow *f, const struct flow *before)
{
    bool any = false;
    for (size_t i = 0; i < f->copies && !any; i++) {
        enum fate_in in = w->fates[w->copies[f->first_copy + i] - w->input->copies].in;
        any = in == FATE_MERGED || in == FATE_SPLIT;
    }
    if (!any) {
        return true;
    }
    size_t size = 2 * w->label_count * sizeof(uint64_t);
    uint64_t *then = mem_calloc(2 * w->label_count, sizeof *then), *now = mem_calloc(2 * w->label_count, sizeof *now);
    add_labels(w, before, false, then);
    add_labels(w, f, true, now);
    bool whole = size == 0 || memcmp(then, now, size) == 0;
    free(then);
    free(now);
    return whole;
}

static bool flow_is_by_moves(const struct work *w, const struct flow *f, const struct flow *before)
{
    if (w->input->pair_count == 0) {
        return false;
    }
    for (size_t i = 0; i < f->copies; i++) {
        if (!is_known(w, f, (size_t)(w->copies[f->first_copy + i] - w->input->copies))) {
            return false;
        }
    }
    return !is_doubtful(w, f, before) && parts_are_whole(w, f, before);
}

/* --- all flows ---------------------------------------------------------------------------------------------------- */

static int by_label(const void *a, const void *b)
{
    const struct edge *x = a, *y = b;
    const char *p = x->to_text ? x->to_text : "", *q = y->to_text ? y->to_text : "";
    if (x->kind != y->kind) {
        return x->kind < y->kind ? -1 : 1;
    }
    if (x->from != y->from) {
        return x->from < y->from ? -1 : 1;
    }
    int order = strcmp(p, q);
    return order ? order : strcmp(x->key ? x->key : "", y->key ? y->key : "");
}

void edges_end(struct edge_list *l)
{
    struct work *w = l->w;
    l->f->edges = w->edge_count - l->f->first_edge;
    if (l->f->edges > 0) {
        qsort(w->edges + l->f->first_edge, l->f->edges, sizeof *w->edges, by_label);
    }
    edges_judge(w, l->f);
    table_fini(&l->keys);
    buf_fini(&l->key);
}

static void build_flow(struct work *w, uint32_t instance, enum stage stage, const size_t *places)
{
    struct flow *f = work_flow(w, instance, stage);
    const struct flow *before = work_flow(w, instance, f->before);
    struct edge_list l = {.w = w, .f = f, .instance = instance, .stage = stage};
    f->first_edge = w->edge_count;
    if (f->names_only) {
        edges_of_screen(&l);
        f->by_moves = true;
    } else if (flow_is_by_moves(w, f, before)) {
        add_copies(&l, places);
        add_parts(&l, before);
        add_lost(&l, before);
        f->by_moves = true;
    }
    f->countless = f->countless || (f->by_moves && before->countless);
    edges_end(&l);
}

void edges_build(struct work *w)
{
    size_t *places = mem_calloc(w->input->copy_count, sizeof *places);
    for (size_t i = 0; i < w->input->copy_count; i++) {
        places[i] = FATE_NO_COPY;
    }
    for (size_t i = 0; i < w->copy_count; i++) {
        places[w->copies[i] - w->input->copies] = i;
    }
    for (size_t i = 0; i < w->input->ledger->instance_count; i++) {
        for (enum stage s = STAGE_CONTROL; s < STAGE_COUNT; s++) {
            const struct flow *f = work_flow(w, i, s);
            if (f->feeds && f->before != NO_STAGE) {
                build_flow(w, (uint32_t)i, s, places);
            }
        }
    }
    free(places);
}

void edges_fini(struct work *w)
{
    for (size_t i = 0; i < w->input->ledger->instance_count * STAGE_COUNT; i++) {
        free(w->flows[i].rule);
    }
    free(w->edges);
}
