/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/match.h"
#include "base/mem.h"
#include "trail/adopt.h"
#include "trail/gather.h"
#include "trail/hits.h"
#include "trail/images.h"
#include "trail/kins.h"
#include "trail/sites.h"

#include <stdlib.h>
#include <string.h>

/* A row at the site of a group of locks that share it. */
struct pending {
    size_t group;
    uint32_t row;
};

/* Hits that the nameless rows of one shared site may give in one flow. A site of few locks is never near it; a list of
 * thousands of locks under many names would give their product. Further rows are listed as undeclared. */
#define SHARED_HITS_MAX 65536

/* The rows of one flow at a site that several locks share. */
struct shared {
    const struct pending *rows;
    size_t count;
    uint64_t acquires;
    bool clear; /* each row bears the name of exactly one lock */
    struct shared_truth truth;
};

struct matcher {
    struct work *w;
    struct sites sites;
    struct pending *pending; /* of the flow at hand */
    size_t pending_count, pending_capacity;
    struct hit_range before; /* hits of the stage before, of the same process */
    uint32_t *named;         /* for each lock: the last flow, from 1, in which a row bears its own name */
    uint32_t *harmed;        /* the same, in which it lost something; only where what became of samples is known */
    uint32_t flow;
};

/* --- hits --------------------------------------------------------------------------------------------------------- */

static void leave_row(struct work *w, uint32_t row)
{
    hits_leave(w, &w->rows[row], w->rows[row].samples, w->rows[row].acquires);
}

static int by_group(const void *a, const void *b)
{
    const struct pending *x = a, *y = b;
    if (x->group != y->group) {
        return x->group < y->group ? -1 : 1;
    }
    return (x->row > y->row) - (x->row < y->row);
}

static void share(struct matcher *m, const struct shared *s, uint32_t row, uint32_t lock)
{
    struct hit *hit = hits_add(m->w, &m->w->rows[row], lock);
    hit->shared = !s->clear;
    hit->shared_acquires = s->acquires;
    hit->shared_known = s->truth.known;
    hit->shared_true = s->truth.acquires;
}

/* The rows that bear a lock's own name: to the locks that have it. */
static void share_named(struct matcher *m, struct shared *s)
{
    const struct span *locks = &m->sites.groups[s->rows[0].group];
    s->clear = true;
    for (size_t i = 0; i < s->count; i++) {
        const struct row *row = &m->w->rows[s->rows[i].row];
        s->acquires += row->acquires;
        s->clear = s->clear && sites_owners(&m->sites, s->rows[i].group, row).count == 1;
    }
    s->truth = sites_truth(&m->sites, s->rows[0].group, m->w->rows[s->rows[0].row].instance);
    for (size_t i = 0; i < s->count; i++) {
        struct span owners = sites_owners(&m->sites, s->rows[i].group, &m->w->rows[s->rows[i].row]);
        for (size_t k = 0; k < owners.count; k++) {
            uint32_t lock = m->w->site_items[locks->first + m->sites.places[owners.first + k]];
            share(m, s, s->rows[i].row, lock);
            m->named[lock] = m->flow;
        }
    }
}

/* The rows that bear nobody's name: to the locks that are still without any, or, where there are none, to all. */
static void share_nameless(struct matcher *m, const struct shared *s)
{
    const struct span *locks = &m->sites.groups[s->rows[0].group];
    size_t shared = 0, most = SHARED_HITS_MAX / locks->count, named = 0;
    for (size_t k = 0; k < locks->count; k++) {
        named += m->named[m->w->site_items[locks->first + k]] == m->flow;
    }
    for (size_t i = 0; i < s->count; i++) {
        if (sites_owners(&m->sites, s->rows[i].group, &m->w->rows[s->rows[i].row]).count > 0) {
            continue;
        }
        if (shared++ >= (most > 0 ? most : 1)) {
            leave_row(m->w, s->rows[i].row);
            continue;
        }
        for (size_t k = 0; k < locks->count; k++) {
            uint32_t lock = m->w->site_items[locks->first + k];
            if (m->named[lock] != m->flow || named == locks->count) {
                share(m, s, s->rows[i].row, lock);
            }
        }
    }
}

/* First all rows whose name tells the lock, since a lock that has its name at one site lacks none at another. */
static void share_pending(struct matcher *m)
{
    if (m->pending_count == 0) {
        return;
    }
    qsort(m->pending, m->pending_count, sizeof *m->pending, by_group);
    struct shared *sites = mem_calloc(m->pending_count, sizeof *sites);
    size_t site_count = 0;
    for (size_t i = 0; i < m->pending_count; i++) {
        if (i == 0 || m->pending[i].group != m->pending[i - 1].group) {
            sites[site_count++].rows = &m->pending[i];
        }
        sites[site_count - 1].count++;
    }
    for (size_t i = 0; i < site_count; i++) {
        share_named(m, &sites[i]);
    }
    for (size_t i = 0; i < site_count; i++) {
        share_nameless(m, &sites[i]);
    }
    free(sites);
    m->pending_count = 0;
}

/* --- through the copy before -------------------------------------------------------------------------------------- */

static void on_adopted(const struct row *row, uint32_t lock, void *data)
{
    struct matcher *m = data;
    hits_add(m->w, row, lock)->adopted = true;
}

/* The labels of the stage before that have fewer samples here or none. For the caller to free. */
static struct adopt_old *old_labels(const struct matcher *m, const struct flow *before, enum stage stage, size_t *count)
{
    const struct work *w = m->w;
    struct adopt_old *old = NULL;
    size_t capacity = 0;
    *count = 0;
    for (size_t i = 0; i < before->rows; i++) {
        const struct row *row = &w->rows[before->first_row + i];
        const struct row *now = gather_find(w, row->instance, stage, row->label);
        if (now != NULL && now->samples >= row->samples) {
            continue;
        }
        size_t hits;
        const struct hit *hit = hits_of(m->w, m->before, row, &hits);
        for (size_t k = 0; k < hits || k == 0; k++) {
            old = mem_grow(old, *count, &capacity, sizeof *old);
            old[(*count)++] = (struct adopt_old){row, hits ? hit[k].lock : ADOPT_NO_LOCK, now == NULL};
        }
    }
    return old;
}

/* Rows that are at no lock's site: the ones which a lock had at the stage before stay its own, new ones may be what
 * became of a label that is gone. The rest is left over. */
static void match_through(struct matcher *m, const struct flow *f, uint32_t *loose, size_t count)
{
    struct work *w = m->w;
    const struct row *first = &w->rows[loose[0]];
    struct adopt_new *fresh = mem_calloc(count, sizeof *fresh);
    size_t fresh_count = 0, left = 0;
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &w->rows[loose[i]];
        const struct row *before = gather_find(w, row->instance, f->before, row->label);
        if (before == NULL) {
            fresh[fresh_count++] = (struct adopt_new){.row = row};
            continue;
        }
        size_t hits;
        hits_of(w, m->before, before, &hits);
        for (size_t k = 0; k < hits; k++) {
            /* add_hit may move the hits. */
            size_t unused;
            uint32_t lock = hits_of(w, m->before, before, &unused)[k].lock;
            hits_add(w, row, lock)->adopted = true;
        }
        if (hits == 0) {
            loose[left++] = loose[i];
        }
    }
    size_t old_count;
    struct adopt_old *old = old_labels(m, work_flow(w, first->instance, f->before), first->stage, &old_count);
    adopt(w, old, old_count, fresh, fresh_count, on_adopted, m);
    for (size_t i = 0; i < fresh_count; i++) {
        if (!fresh[i].adopted) {
            loose[left++] = (uint32_t)(fresh[i].row - w->rows);
        }
    }
    for (size_t i = 0; i < left; i++) {
        leave_row(w, loose[i]);
    }
    free(old);
    free(fresh);
}

static void match_flow(struct matcher *m, const struct flow *f)
{
    struct work *w = m->w;
    uint32_t *loose = mem_calloc(f->rows, sizeof *loose);
    size_t loose_count = 0;
    m->flow++;
    for (size_t i = 0; i < f->rows; i++) {
        uint32_t row = (uint32_t)(f->first_row + i);
        size_t group = sites_group(&m->sites, &w->rows[row]);
        if (group == TABLE_NONE) {
            loose[loose_count++] = row;
        } else if (m->sites.groups[group].count == 1) {
            uint32_t lock = w->site_items[m->sites.groups[group].first];
            hits_add(w, &w->rows[row], lock);
            if (sites_is_own(work_lock(w, lock), work_label(w, &w->rows[row])->name)) {
                m->named[lock] = m->flow;
            }
        } else {
            m->pending = mem_grow(m->pending, m->pending_count, &m->pending_capacity, sizeof *m->pending);
            m->pending[m->pending_count++] = (struct pending){group, row};
        }
    }
    share_pending(m);
    if (loose_count > 0 && f->before != NO_STAGE) {
        match_through(m, f, loose, loose_count);
    } else {
        for (size_t i = 0; i < loose_count; i++) {
            leave_row(w, loose[i]);
        }
    }
    free(loose);
}

static int by_lock(const void *a, const void *b)
{
    const struct hit *x = a, *y = b;
    if (x->lock != y->lock) {
        return x->lock < y->lock ? -1 : 1;
    }
    /* Rows are numbered by process, stage and label. */
    return (x->row > y->row) - (x->row < y->row);
}

void match(struct work *w)
{
    struct matcher m = {.w = w};
    sites_build(&m.sites, w);
    m.named = mem_calloc(w->input->ledger->lock_count, sizeof *m.named);
    m.harmed = mem_calloc(w->input->ledger->lock_count, sizeof *m.harmed);
    for (size_t i = 0; i < w->input->ledger->instance_count; i++) {
        m.before = (struct hit_range){w->hit_count, w->hit_count};
        for (enum stage s = STAGE_CONTROL; s < STAGE_COUNT; s++) {
            const struct flow *f = work_flow(w, i, s);
            if (!f->feeds) {
                continue;
            }
            size_t first = w->hit_count;
            if (f->by_moves) {
                images_match(w, &m.sites, f, m.before, m.harmed, ++m.flow);
            } else {
                size_t left = w->leftover_count;
                match_flow(&m, f);
                if (f->by_kin) {
                    kins_match(w, &m.sites, f, first, left);
                }
            }
            hits_settle(w, first, f->by_moves || f->by_kin);
            m.before = (struct hit_range){first, w->hit_count};
        }
    }
    if (w->hit_count > 0) {
        qsort(w->hits, w->hit_count, sizeof *w->hits, by_lock);
    }
    w->lock_hits = mem_calloc(w->input->ledger->lock_count, sizeof *w->lock_hits);
    for (size_t i = 0; i < w->hit_count; i++) {
        struct span *s = &w->lock_hits[w->hits[i].lock];
        s->first = s->count ? s->first : i;
        s->count++;
    }
    images_settle(w);
    sites_fini(&m.sites);
    free(m.pending);
    free(m.named);
    free(m.harmed);
}

void match_fini(struct work *w)
{
    free(w->hits);
    free(w->lock_hits);
    free(w->site_locks);
    free(w->site_items);
    free(w->leftover);
    free(w->parts);
    free(w->lock_parts);
}
