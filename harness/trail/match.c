/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/match.h"
#include "base/buf.h"
#include "base/mem.h"
#include "trail/adopt.h"
#include "trail/gather.h"

#include <stdlib.h>
#include <string.h>

/* A row at the site of a group of locks that share it. */
struct pending {
    size_t group;
    uint32_t row;
};

struct matcher {
    struct work *w;
    struct table groups;      /* (worker, file, line), or (worker, name) of locks without a site */
    struct span *group_locks; /* in work.site_items */
    struct buf key;
    struct pending *pending; /* of the flow at hand */
    size_t pending_count, pending_capacity;
    size_t hits_before; /* where the hits of the stage before begin, of the same process */
    size_t hits_now;
};

static bool has_site(const struct lock *lock)
{
    return lock->line != 0 && lock->file[0] != '\0';
}

static void key_start(struct matcher *m, char kind, size_t worker)
{
    buf_clear(&m->key);
    buf_add_char(&m->key, kind);
    buf_add(&m->key, &worker, sizeof worker);
}

static void key_site(struct matcher *m, size_t worker, const char *file, unsigned line)
{
    key_start(m, 's', worker);
    buf_add(&m->key, &line, sizeof line);
    buf_add_str(&m->key, file);
}

static void key_name(struct matcher *m, size_t worker, const char *name)
{
    key_start(m, 'n', worker);
    buf_add_str(&m->key, name);
}

/* --- groups ------------------------------------------------------------------------------------------------------- */

/* Writes the groups under which the lock is found: its site's; or, without one, its name's and its mangled name's.
 * Returns how many. */
static size_t lock_groups(struct matcher *m, size_t i, size_t groups[2])
{
    const struct lock *lock = work_lock(m->w, i);
    size_t count = 0;
    if (has_site(lock)) {
        key_site(m, m->w->lock_worker[i], gather_base_name(lock->file), lock->line);
        groups[count++] = table_put(&m->groups, m->key.data, m->key.size);
        return count;
    }
    if (lock->name[0] != '\0') {
        key_name(m, m->w->lock_worker[i], lock->name);
        groups[count++] = table_put(&m->groups, m->key.data, m->key.size);
    }
    if (lock->mangled != NULL && strcmp(lock->mangled, lock->name) != 0) {
        key_name(m, m->w->lock_worker[i], lock->mangled);
        groups[count++] = table_put(&m->groups, m->key.data, m->key.size);
    }
    return count;
}

static void build_groups(struct matcher *m)
{
    struct work *w = m->w;
    size_t locks = w->input->ledger->lock_count, capacity = 0, total = 0, groups[2];
    w->site_locks = mem_calloc(locks, sizeof *w->site_locks);
    for (size_t i = 0; i < locks; i++) {
        size_t count = lock_groups(m, i, groups);
        for (size_t k = 0; k < count; k++, total++) {
            size_t old = capacity;
            m->group_locks = mem_grow(m->group_locks, m->groups.count - 1, &capacity, sizeof *m->group_locks);
            memset(m->group_locks + old, 0, (capacity - old) * sizeof *m->group_locks);
            m->group_locks[groups[k]].count++;
        }
    }
    w->site_items = mem_calloc(total, sizeof *w->site_items);
    for (size_t i = 0, first = 0; i < m->groups.count; i++) {
        m->group_locks[i].first = first;
        first += m->group_locks[i].count;
        m->group_locks[i].count = 0;
    }
    for (size_t i = 0; i < locks; i++) {
        size_t count = lock_groups(m, i, groups);
        for (size_t k = 0; k < count; k++) {
            struct span *s = &m->group_locks[groups[k]];
            w->site_items[s->first + s->count++] = (uint32_t)i;
        }
    }
    for (size_t i = 0; i < locks; i++) {
        if (lock_groups(m, i, groups) > 0) {
            w->site_locks[i] = m->group_locks[groups[0]];
        }
    }
}

/* --- hits --------------------------------------------------------------------------------------------------------- */

static struct hit *add_hit(struct work *w, const struct row *row, uint32_t lock)
{
    w->hits = mem_grow(w->hits, w->hit_count, &w->hit_capacity, sizeof *w->hits);
    struct hit *hit = &w->hits[w->hit_count++];
    *hit = (struct hit){
        .lock = lock,
        .instance = row->instance,
        .row = (uint32_t)(row - w->rows),
        .stage = row->stage,
    };
    return hit;
}

/* Whether the row's name is this lock's own. A row without a name is that of a lock which is to have none. */
static bool is_own(const struct work *w, const struct row *row, uint32_t lock)
{
    const struct lock *l = work_lock(w, lock);
    const char *name = work_label(w, row)->name;
    if (name[0] == '\0') {
        return l->rendering == RENDERING_GENERIC;
    }
    return strcmp(name, l->name) == 0 || (l->mangled != NULL && strcmp(name, l->mangled) == 0);
}

static int by_group(const void *a, const void *b)
{
    const struct pending *x = a, *y = b;
    if (x->group != y->group) {
        return x->group < y->group ? -1 : 1;
    }
    return (x->row > y->row) - (x->row < y->row);
}

/* The rows of one site that several locks share: each to the locks whose name it bears; one that bears nobody's name
 * to those locks that are still without any, or, where there are none, to all. */
static void share_rows(struct matcher *m, const struct pending *rows, size_t row_count)
{
    struct work *w = m->w;
    const struct span *locks = &m->group_locks[rows[0].group];
    const uint32_t *items = w->site_items + locks->first;
    bool *named = mem_calloc(locks->count, sizeof *named);
    size_t first_hit = w->hit_count, named_count = 0;
    uint64_t acquires = 0;
    bool clear = true;
    for (size_t i = 0; i < row_count; i++) {
        const struct row *row = &w->rows[rows[i].row];
        size_t owners = 0;
        acquires += row->acquires;
        for (size_t k = 0; k < locks->count; k++) {
            if (is_own(w, row, items[k])) {
                add_hit(w, row, items[k]);
                named_count += !named[k];
                named[k] = true;
                owners++;
            }
        }
        clear = clear && owners == 1;
    }
    for (size_t i = 0; i < row_count; i++) {
        const struct row *row = &w->rows[rows[i].row];
        bool owned = false;
        for (size_t k = 0; k < locks->count && !owned; k++) {
            owned = is_own(w, row, items[k]);
        }
        for (size_t k = 0; k < locks->count && !owned; k++) {
            if (!named[k] || named_count == locks->count) {
                add_hit(w, row, items[k]);
            }
        }
    }
    for (size_t i = first_hit; i < w->hit_count; i++) {
        w->hits[i].shared = !clear;
        w->hits[i].shared_acquires = acquires;
    }
    free(named);
}

static void share_pending(struct matcher *m)
{
    if (m->pending_count > 0) {
        qsort(m->pending, m->pending_count, sizeof *m->pending, by_group);
    }
    for (size_t i = 0, count; i < m->pending_count; i += count) {
        for (count = 1; i + count < m->pending_count && m->pending[i + count].group == m->pending[i].group;) {
            count++;
        }
        share_rows(m, m->pending + i, count);
    }
    m->pending_count = 0;
}

/* The group of the row's site, or of its name among the locks without a site. */
static size_t group_of(struct matcher *m, const struct row *row)
{
    const struct label *label = work_label(m->w, row);
    size_t worker = m->w->instance_worker[row->instance];
    key_site(m, worker, label->file, label->line);
    size_t group = table_find(&m->groups, m->key.data, m->key.size);
    if (group == TABLE_NONE && label->name[0] != '\0') {
        key_name(m, worker, label->name);
        group = table_find(&m->groups, m->key.data, m->key.size);
    }
    return group;
}

/* --- through the copy before -------------------------------------------------------------------------------------- */

static int by_row(const void *a, const void *b)
{
    const struct hit *x = a, *y = b;
    if (x->row != y->row) {
        return x->row < y->row ? -1 : 1;
    }
    return (x->lock > y->lock) - (x->lock < y->lock);
}

/* The hits of the stage before that are this row's; their number in *count. */
static const struct hit *hits_of(const struct matcher *m, const struct row *row, size_t *count)
{
    const struct work *w = m->w;
    size_t wanted = (size_t)(row - w->rows), low = m->hits_before, high = m->hits_now;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (w->hits[middle].row < wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *count = 0;
    while (low + *count < m->hits_now && w->hits[low + *count].row == wanted) {
        (*count)++;
    }
    return w->hits + low;
}

static void on_adopted(const struct row *row, uint32_t lock, void *data)
{
    struct matcher *m = data;
    add_hit(m->w, row, lock)->adopted = true;
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
        const struct hit *hit = hits_of(m, row, &hits);
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
        hits_of(m, before, &hits);
        for (size_t k = 0; k < hits; k++) {
            /* add_hit may move the hits. */
            size_t unused;
            uint32_t lock = hits_of(m, before, &unused)[k].lock;
            add_hit(w, row, lock)->adopted = true;
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
        w->leftover = mem_grow(w->leftover, w->leftover_count, &w->leftover_capacity, sizeof *w->leftover);
        w->leftover[w->leftover_count++] = loose[i];
    }
    free(old);
    free(fresh);
}

static void match_flow(struct matcher *m, const struct flow *f)
{
    struct work *w = m->w;
    uint32_t *loose = mem_calloc(f->rows, sizeof *loose);
    size_t loose_count = 0;
    for (size_t i = 0; i < f->rows; i++) {
        uint32_t row = (uint32_t)(f->first_row + i);
        size_t group = group_of(m, &w->rows[row]);
        if (group == TABLE_NONE) {
            loose[loose_count++] = row;
        } else if (m->group_locks[group].count == 1) {
            add_hit(w, &w->rows[row], w->site_items[m->group_locks[group].first]);
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
            w->leftover = mem_grow(w->leftover, w->leftover_count, &w->leftover_capacity, sizeof *w->leftover);
            w->leftover[w->leftover_count++] = loose[i];
        }
    }
    free(loose);
}

/* Puts the hits from `first` on in the order of their rows and drops those that are there twice (two labels of a lock
 * became one). */
static void settle_hits(struct work *w, size_t first)
{
    size_t to = first;
    if (w->hit_count == first) {
        return;
    }
    qsort(w->hits + first, w->hit_count - first, sizeof *w->hits, by_row);
    for (size_t i = first; i < w->hit_count; i++) {
        struct hit *last = to > first ? &w->hits[to - 1] : NULL;
        if (last == NULL || last->row != w->hits[i].row) {
            w->hits[to++] = w->hits[i];
        } else if (last->lock != w->hits[i].lock) {
            last->ambiguous = last->adopted;
            w->hits[to] = w->hits[i];
            w->hits[to].ambiguous = w->hits[to].adopted;
            to++;
        }
    }
    w->hit_count = to;
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
    build_groups(&m);
    for (size_t i = 0; i < w->input->ledger->instance_count; i++) {
        m.hits_now = w->hit_count;
        for (enum stage s = STAGE_CONTROL; s < STAGE_COUNT; s++) {
            const struct flow *f = work_flow(w, i, s);
            if (!f->feeds) {
                continue;
            }
            m.hits_before = m.hits_now;
            m.hits_now = w->hit_count;
            match_flow(&m, f);
            settle_hits(w, m.hits_now);
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
    table_fini(&m.groups);
    free(m.group_locks);
    free(m.pending);
    buf_fini(&m.key);
}

void match_fini(struct work *w)
{
    free(w->hits);
    free(w->lock_hits);
    free(w->site_locks);
    free(w->site_items);
    free(w->leftover);
}
