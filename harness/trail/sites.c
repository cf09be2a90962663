/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/sites.h"
#include "base/mem.h"
#include "trail/gather.h"

#include <stdlib.h>
#include <string.h>

static bool has_site(const struct lock *lock)
{
    return lock->line != 0 && lock->file[0] != '\0';
}

static void key_start(struct sites *t, char kind, size_t worker)
{
    buf_clear(&t->key);
    buf_add_char(&t->key, kind);
    buf_add(&t->key, &worker, sizeof worker);
}

static void key_site(struct sites *t, size_t worker, const char *file, unsigned line)
{
    key_start(t, 's', worker);
    buf_add(&t->key, &line, sizeof line);
    buf_add_str(&t->key, file);
}

static void key_name(struct sites *t, size_t worker, const char *name)
{
    key_start(t, 'n', worker);
    buf_add_str(&t->key, name);
}

static void key_owner(struct sites *t, size_t group, const char *name)
{
    key_start(t, 'o', group);
    buf_add_str(&t->key, name);
}

/* --- groups ------------------------------------------------------------------------------------------------------- */

/* Writes the groups under which the lock is found: its site's; or, without one, its name's and its mangled name's.
 * Returns how many. */
static size_t lock_groups(struct sites *t, size_t i, size_t groups[2])
{
    const struct lock *lock = work_lock(t->w, i);
    size_t count = 0;
    if (has_site(lock)) {
        key_site(t, t->w->lock_worker[i], gather_base_name(lock->file), lock->line);
        groups[count++] = table_put(&t->keys, t->key.data, t->key.size);
        return count;
    }
    if (lock->name[0] != '\0') {
        key_name(t, t->w->lock_worker[i], lock->name);
        groups[count++] = table_put(&t->keys, t->key.data, t->key.size);
    }
    if (lock->mangled != NULL && strcmp(lock->mangled, lock->name) != 0) {
        key_name(t, t->w->lock_worker[i], lock->mangled);
        groups[count++] = table_put(&t->keys, t->key.data, t->key.size);
    }
    return count;
}

static void build_groups(struct sites *t)
{
    struct work *w = t->w;
    size_t locks = w->input->ledger->lock_count, capacity = 0, total = 0, groups[2];
    w->site_locks = mem_calloc(locks, sizeof *w->site_locks);
    for (size_t i = 0; i < locks; i++) {
        size_t count = lock_groups(t, i, groups);
        for (size_t k = 0; k < count; k++, total++) {
            size_t old = capacity;
            t->groups = mem_grow(t->groups, t->keys.count - 1, &capacity, sizeof *t->groups);
            memset(t->groups + old, 0, (capacity - old) * sizeof *t->groups);
            t->groups[groups[k]].count++;
        }
    }
    w->site_items = mem_calloc(total, sizeof *w->site_items);
    for (size_t i = 0, first = 0; i < t->keys.count; i++) {
        t->groups[i].first = first;
        first += t->groups[i].count;
        t->groups[i].count = 0;
    }
    for (size_t i = 0; i < locks; i++) {
        size_t count = lock_groups(t, i, groups);
        for (size_t k = 0; k < count; k++) {
            struct span *s = &t->groups[groups[k]];
            w->site_items[s->first + s->count++] = (uint32_t)i;
        }
    }
    for (size_t i = 0; i < locks; i++) {
        if (lock_groups(t, i, groups) > 0) {
            w->site_locks[i] = t->groups[groups[0]];
        }
    }
}

/* The names that are this lock's own among those of its site: its name, its mangled one, and none where it is to have
 * none. Returns how many. */
static size_t own_names(const struct lock *lock, const char *names[3])
{
    size_t count = 0;
    if (lock->name[0] != '\0') {
        names[count++] = lock->name;
    }
    if (lock->mangled != NULL && strcmp(lock->mangled, lock->name) != 0) {
        names[count++] = lock->mangled;
    }
    if (lock->rendering == RENDERING_GENERIC) {
        names[count++] = "";
    }
    return count;
}

struct owner {
    size_t name; /* in t->owners */
    uint32_t place;
};

static int by_owner_name(const void *a, const void *b)
{
    const struct owner *x = a, *y = b;
    if (x->name != y->name) {
        return x->name < y->name ? -1 : 1;
    }
    return (x->place > y->place) - (x->place < y->place);
}

static void build_owners(struct sites *t)
{
    struct owner *owners = NULL;
    size_t count = 0, capacity = 0;
    for (size_t g = 0; g < t->keys.count; g++) {
        const struct span *locks = &t->groups[g];
        for (size_t k = 0; k < locks->count && locks->count > 1; k++) {
            const char *names[3];
            size_t name_count = own_names(work_lock(t->w, t->w->site_items[locks->first + k]), names);
            for (size_t n = 0; n < name_count; n++) {
                key_owner(t, g, names[n]);
                owners = mem_grow(owners, count, &capacity, sizeof *owners);
                owners[count++] = (struct owner){table_put(&t->owners, t->key.data, t->key.size), (uint32_t)k};
            }
        }
    }
    if (count > 0) {
        qsort(owners, count, sizeof *owners, by_owner_name);
    }
    t->owner_places = mem_calloc(t->owners.count, sizeof *t->owner_places);
    t->places = mem_calloc(count, sizeof *t->places);
    for (size_t i = 0; i < count; i++) {
        struct span *s = &t->owner_places[owners[i].name];
        s->first = s->count ? s->first : i;
        s->count++;
        t->places[i] = owners[i].place;
    }
    free(owners);
}

void sites_build(struct sites *t, struct work *w)
{
    *t = (struct sites){.w = w};
    build_groups(t);
    build_owners(t);
}

void sites_fini(struct sites *t)
{
    table_fini(&t->keys);
    table_fini(&t->owners);
    free(t->groups);
    free(t->owner_places);
    free(t->places);
    buf_fini(&t->key);
}

size_t sites_group(struct sites *t, const struct row *row)
{
    const struct label *label = work_label(t->w, row);
    size_t worker = t->w->instance_worker[row->instance];
    key_site(t, worker, label->file, label->line);
    size_t group = table_find(&t->keys, t->key.data, t->key.size);
    if (group == TABLE_NONE && label->name[0] != '\0') {
        key_name(t, worker, label->name);
        group = table_find(&t->keys, t->key.data, t->key.size);
    }
    return group;
}

struct span sites_owners(struct sites *t, size_t group, const struct row *row)
{
    key_owner(t, group, work_label(t->w, row)->name);
    size_t number = table_find(&t->owners, t->key.data, t->key.size);
    return number == TABLE_NONE ? (struct span){0, 0} : t->owner_places[number];
}

bool sites_is_exact(const struct work *w, size_t instance, size_t lock)
{
    const struct instance *in = work_instance(w, instance);
    return in->capture_rate >= 1 && work_lock(w, lock)->counted && in->counts[lock].known;
}

struct shared_truth sites_truth(const struct sites *t, size_t group, size_t instance)
{
    const struct span *locks = &t->groups[group];
    struct shared_truth truth = {.known = true};
    for (size_t i = 0; i < locks->count; i++) {
        uint32_t lock = t->w->site_items[locks->first + i];
        /* Locks without a site may have samples under other names too. */
        truth.known = truth.known && has_site(work_lock(t->w, lock)) && sites_is_exact(t->w, instance, lock);
        truth.acquires += work_instance(t->w, instance)->counts[lock].acquires;
    }
    return truth;
}
