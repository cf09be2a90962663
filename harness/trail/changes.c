/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/changes.h"
#include "base/buf.h"
#include "base/mem.h"
#include "trail/gather.h"
#include "trail/rewrite.h"

#include <stdlib.h>
#include <string.h>

/* Old labels of one lock that are weighed for one new label. A lock has one or two names; hundreds at one site are a
 * hostile input, and then the first of them serve as well as any. */
#define CANDIDATES_MAX 64

/* The hits of one lock at one stage of one process. */
struct group {
    const struct hit *hits;
    size_t count;
};

/* A label of the stage before that lost samples. */
struct candidate {
    uint32_t label;
    uint64_t missing;
};

static uint64_t missing(const struct work *w, const struct hit *before, enum stage stage)
{
    const struct row *then = &w->rows[before->row];
    const struct row *now = gather_find(w, then->instance, stage, then->label);
    uint64_t samples = now ? now->samples : 0;
    return then->samples > samples ? then->samples - samples : 0;
}

/* The labels that lost samples, at most CANDIDATES_MAX of them; returns how many. */
static size_t find_candidates(const struct work *w, const struct group *before, enum stage stage,
                              struct candidate candidates[CANDIDATES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < before->count && count < CANDIDATES_MAX; i++) {
        uint64_t lost = missing(w, &before->hits[i], stage);
        if (lost > 0) {
            candidates[count++] = (struct candidate){w->rows[before->hits[i].row].label, lost};
        }
    }
    return count;
}

/* The old label that the new one most plainly stands for: by the rule, then by how many samples it lost. */
static uint32_t best_old(const struct work *w, const struct candidate *candidates, size_t count, uint32_t label)
{
    size_t best = 0;
    enum rewrite best_kind = REWRITE_REPLACED;
    for (size_t i = 0; i < count; i++) {
        enum rewrite kind = rewrite_classify(&w->labels[candidates[i].label], &w->labels[label]);
        if (i == 0 || kind < best_kind || (kind == best_kind && candidates[i].missing > candidates[best].missing)) {
            best = i;
            best_kind = kind;
        }
    }
    return candidates[best].label;
}

static void count_change(struct work *w, const struct change *c)
{
    struct flow *f = work_flow(w, c->instance, c->stage);
    const struct label *before = &w->labels[c->before], *after = &w->labels[c->after];
    f->changed++;
    if (rewrite_classify(before, after) != REWRITE_SHORTENED) {
        return;
    }
    size_t size = strlen(after->text);
    f->shortest = f->shortened == 0 || size < f->shortest ? size : f->shortest;
    f->longest = size > f->longest ? size : f->longest;
    f->shortened++;
    f->cut_at_site += rewrite_is_site(before, after);
}

static void rename_key(const struct work *w, const struct change *c, bool back, struct buf *key)
{
    const char *from = w->labels[back ? c->after : c->before].name;
    const char *to = w->labels[back ? c->before : c->after].name;
    buf_clear(key);
    buf_add(key, &c->instance, sizeof c->instance);
    buf_add(key, &c->stage, sizeof c->stage);
    buf_add(key, from, strlen(from) + 1);
    buf_add_str(key, to);
}

static void note_rename(struct work *w, uint32_t change, struct buf *key)
{
    const struct change *c = &w->changes[change];
    if (w->labels[c->before].name[0] == '\0' || w->labels[c->after].name[0] == '\0' ||
        rewrite_classify(&w->labels[c->before], &w->labels[c->after]) != REWRITE_NAME_REPLACED) {
        return;
    }
    rename_key(w, c, false, key);
    size_t count = w->renames.count;
    if (table_put(&w->renames, key->data, key->size) == count) {
        w->rename_items = mem_grow(w->rename_items, count, &w->rename_capacity, sizeof *w->rename_items);
        w->rename_items[count] = change;
    }
}

const struct change *changes_swapped_with(const struct work *w, const struct change *change)
{
    struct buf key = {0};
    rename_key(w, change, true, &key);
    size_t found = table_find(&w->renames, key.data, key.size);
    buf_fini(&key);
    if (found == TABLE_NONE || w->changes[w->rename_items[found]].lock == change->lock) {
        return NULL;
    }
    return &w->changes[w->rename_items[found]];
}

static void compare_groups(struct work *w, const struct group *before, const struct group *now)
{
    struct candidate candidates[CANDIDATES_MAX];
    size_t count = find_candidates(w, before, now->hits->stage, candidates);
    for (size_t i = 0; i < now->count && count > 0; i++) {
        const struct row *row = &w->rows[now->hits[i].row];
        const struct row *then = gather_find(w, row->instance, before->hits->stage, row->label);
        /* A qualified lock may have several right names, and one of them become another that was there already. */
        bool grew = then != NULL && row->samples > then->samples && work_lock(w, now->hits[i].lock)->qualified;
        if (then != NULL && !grew) {
            continue;
        }
        w->changes = mem_grow(w->changes, w->change_count, &w->change_capacity, sizeof *w->changes);
        w->changes[w->change_count] = (struct change){
            .lock = now->hits[i].lock,
            .instance = row->instance,
            .stage = row->stage,
            .before = best_old(w, candidates, count, row->label),
            .after = row->label,
        };
        count_change(w, &w->changes[w->change_count++]);
    }
}

static void lock_changes(struct work *w, const struct span *hits)
{
    struct group before = {NULL, 0};
    for (size_t i = 0, count; i < hits->count; i += count) {
        const struct hit *first = &w->hits[hits->first + i];
        for (count = 1; i + count < hits->count && first[count].instance == first->instance &&
                        first[count].stage == first->stage;) {
            count++;
        }
        struct group now = {first, count};
        enum stage stage_before = work_flow(w, first->instance, first->stage)->before;
        bool known = work_flow(w, first->instance, first->stage)->by_moves;
        if (!known && stage_before != NO_STAGE && before.count > 0 && before.hits->instance == first->instance &&
            before.hits->stage == stage_before) {
            compare_groups(w, &before, &now);
        }
        before = now;
    }
}

void changes_find(struct work *w)
{
    size_t locks = w->input->ledger->lock_count;
    w->lock_changes = mem_calloc(locks, sizeof *w->lock_changes);
    for (size_t i = 0; i < locks; i++) {
        w->lock_changes[i].first = w->change_count;
        lock_changes(w, &w->lock_hits[i]);
        w->lock_changes[i].count = w->change_count - w->lock_changes[i].first;
    }
    struct buf key = {0};
    for (size_t i = 0; i < w->change_count; i++) {
        note_rename(w, (uint32_t)i, &key);
    }
    buf_fini(&key);
}

void changes_fini(struct work *w)
{
    free(w->changes);
    free(w->lock_changes);
    table_fini(&w->renames);
    free(w->rename_items);
}

const struct change *changes_of(const struct work *w, size_t lock, size_t instance, enum stage stage)
{
    const struct span *s = &w->lock_changes[lock];
    for (size_t i = 0; i < s->count; i++) {
        const struct change *c = &w->changes[s->first + i];
        if (c->instance == instance && c->stage == stage) {
            return c;
        }
    }
    return NULL;
}
