/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/sites.h"
#include "base/mem.h"
#include "trail/gather.h"
#include "trail/naming.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* What a key is made of, besides the worker or the group. */
enum kind {
    KIND_SITE = 's',     /* base name and line */
    KIND_TEXT = 't',     /* a site of another form: MODULE+0xOFFSET */
    KIND_NAME = 'n',     /* a name of a lock without a site */
    KIND_MEMBER = 'm',   /* the same, as the last member of an expression */
    KIND_ANY_NAME = 'N', /* a name of any lock: for labels that say no site */
    KIND_ANY_MEMBER = 'M',
    KIND_OWNER = 'o',
    KIND_OWNER_MEMBER = 'p'
};

static bool has_site(const struct lock *lock)
{
    return lock->line != 0 && lock->file[0] != '\0';
}

static void key_start(struct sites *t, enum kind kind, size_t number)
{
    buf_clear(&t->key);
    buf_add_char(&t->key, (char)kind);
    buf_add(&t->key, &number, sizeof number);
}

static void key_text(struct sites *t, enum kind kind, size_t number, const char *text)
{
    key_start(t, kind, number);
    buf_add_str(&t->key, text);
}

static void key_site(struct sites *t, size_t worker, const char *file, size_t file_size, unsigned line)
{
    key_start(t, KIND_SITE, worker);
    buf_add(&t->key, &line, sizeof line);
    buf_add(&t->key, file, file_size);
}

/* --- groups ------------------------------------------------------------------------------------------------------- */

static void list_key(struct sites *t)
{
    t->list = mem_grow(t->list, t->list_count, &t->list_capacity, sizeof *t->list);
    t->list[t->list_count++] = table_put(&t->keys, t->key.data, t->key.size);
}

static void list_name(struct sites *t, enum kind kind, size_t i, const char *name)
{
    key_text(t, kind, t->w->lock_worker[i], name);
    list_key(t);
}

/* `FILE:LINE`, where the text is of that form; any other text stands for itself. */
static void list_further(struct sites *t, size_t worker, const char *text)
{
    const char *file = gather_base_name(text), *colon = strrchr(file, ':');
    size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
    unsigned long line = digits > 0 && colon[1 + digits] == '\0' ? strtoul(colon + 1, NULL, 10) : 0;
    if (line > 0 && line <= UINT_MAX && colon > file) {
        key_site(t, worker, file, (size_t)(colon - file), (unsigned)line);
    } else {
        key_text(t, KIND_TEXT, worker, text);
    }
    list_key(t);
}

static void list_names(struct sites *t, size_t i)
{
    const struct lock *lock = work_lock(t->w, i);
    bool nowhere = !has_site(lock), mangled = lock->mangled != NULL && strcmp(lock->mangled, lock->name) != 0;
    for (int any = nowhere ? 0 : 1; any < 2; any++) {
        if (lock->name[0] != '\0') {
            list_name(t, any ? KIND_ANY_NAME : KIND_NAME, i, lock->name);
        }
        if (mangled) {
            list_name(t, any ? KIND_ANY_NAME : KIND_NAME, i, lock->mangled);
        }
        if (lock->qualified && lock->name[0] != '\0') {
            list_name(t, any ? KIND_ANY_MEMBER : KIND_MEMBER, i, lock->name);
        }
    }
}

static int by_number(const void *a, const void *b)
{
    const size_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Fills the list with the groups in which the lock is found, each once. Returns the one that it shares with the locks
 * of its site, or without a site with those of its name; TABLE_NONE where it has neither. */
static size_t list_groups(struct sites *t, size_t i)
{
    const struct lock *lock = work_lock(t->w, i);
    t->list_count = 0;
    if (has_site(lock)) {
        const char *file = gather_base_name(lock->file);
        key_site(t, t->w->lock_worker[i], file, strlen(file), lock->line);
        list_key(t);
    }
    list_names(t, i);
    for (size_t k = 0; k < lock->site_count; k++) {
        list_further(t, t->w->lock_worker[i], lock->sites[k]);
    }
    if (t->list_count == 0) {
        return TABLE_NONE;
    }
    size_t first = t->list[0], to = 1;
    qsort(t->list, t->list_count, sizeof *t->list, by_number);
    for (size_t k = 1; k < t->list_count; k++) {
        if (t->list[k] != t->list[to - 1]) {
            t->list[to++] = t->list[k];
        }
    }
    t->list_count = to;
    return first;
}

static size_t count_groups(struct sites *t)
{
    size_t capacity = 0, counted = 0, total = 0;
    for (size_t i = 0; i < t->w->input->ledger->lock_count; i++) {
        list_groups(t, i);
        for (; counted < t->keys.count; counted++) {
            t->groups = mem_grow(t->groups, counted, &capacity, sizeof *t->groups);
            t->groups[counted] = (struct span){0, 0};
        }
        for (size_t k = 0; k < t->list_count; k++) {
            t->groups[t->list[k]].count++;
        }
        total += t->list_count;
    }
    return total;
}

static void build_groups(struct sites *t)
{
    struct work *w = t->w;
    size_t locks = w->input->ledger->lock_count, first = 0;
    w->site_items = mem_calloc(count_groups(t), sizeof *w->site_items);
    for (size_t i = 0; i < t->keys.count; i++) {
        t->groups[i].first = first;
        first += t->groups[i].count;
        t->groups[i].count = 0;
    }
    size_t *shared = mem_calloc(locks, sizeof *shared);
    for (size_t i = 0; i < locks; i++) {
        shared[i] = list_groups(t, i);
        for (size_t k = 0; k < t->list_count; k++) {
            struct span *s = &t->groups[t->list[k]];
            w->site_items[s->first + s->count++] = (uint32_t)i;
        }
    }
    w->site_locks = mem_calloc(locks, sizeof *w->site_locks);
    for (size_t i = 0; i < locks; i++) {
        w->site_locks[i] = shared[i] == TABLE_NONE ? (struct span){0, 0} : t->groups[shared[i]];
    }
    free(shared);
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

bool sites_is_own(const struct lock *lock, const char *name)
{
    const char *names[3];
    size_t count = own_names(lock, names);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return naming_is_declared(lock, name);
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

struct owner_list {
    struct owner *items;
    size_t count, capacity;
};

static void add_owner(struct sites *t, struct owner_list *list, enum kind kind, size_t group, const char *name,
                      size_t place)
{
    key_text(t, kind, group, name);
    list->items = mem_grow(list->items, list->count, &list->capacity, sizeof *list->items);
    list->items[list->count++] = (struct owner){table_put(&t->owners, t->key.data, t->key.size), (uint32_t)place};
}

static void list_owners(struct sites *t, struct owner_list *list, size_t group)
{
    const struct span *locks = &t->groups[group];
    for (size_t k = 0; k < locks->count && locks->count > 1; k++) {
        const struct lock *lock = work_lock(t->w, t->w->site_items[locks->first + k]);
        const char *names[3];
        size_t name_count = own_names(lock, names);
        for (size_t n = 0; n < name_count; n++) {
            add_owner(t, list, KIND_OWNER, group, names[n], k);
        }
        if (lock->qualified && lock->name[0] != '\0') {
            add_owner(t, list, KIND_OWNER_MEMBER, group, lock->name, k);
        }
    }
}

static void build_owners(struct sites *t)
{
    struct owner_list list = {0};
    for (size_t g = 0; g < t->keys.count; g++) {
        list_owners(t, &list, g);
    }
    if (list.count > 0) {
        qsort(list.items, list.count, sizeof *list.items, by_owner_name);
    }
    t->owner_places = mem_calloc(t->owners.count, sizeof *t->owner_places);
    t->places = mem_calloc(list.count, sizeof *t->places);
    for (size_t i = 0; i < list.count; i++) {
        struct span *s = &t->owner_places[list.items[i].name];
        s->first = s->count ? s->first : i;
        s->count++;
        t->places[i] = list.items[i].place;
    }
    free(list.items);
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
    free(t->list);
    buf_fini(&t->key);
}

/* The number of a name in one of the two tables: first whole, then as an expression whose ends may be a name, the
 * longest first. */
static size_t find_name(struct sites *t, const struct table *table, enum kind whole, enum kind member, size_t number,
                        const char *name)
{
    key_text(t, whole, number, name);
    size_t found = table_find(table, t->key.data, t->key.size);
    name = naming_next_member(name);
    for (int i = 0; found == TABLE_NONE && name != NULL && name[0] != '\0' && i < NAMING_MEMBERS_MAX; i++) {
        key_text(t, member, number, name);
        found = table_find(table, t->key.data, t->key.size);
        name = naming_next_member(name);
    }
    return found;
}

size_t sites_group(struct sites *t, const struct row *row)
{
    const struct label *label = work_label(t->w, row);
    size_t worker = t->w->instance_worker[row->instance], group = TABLE_NONE;
    if (label->line != 0) {
        key_site(t, worker, label->file, strlen(label->file), label->line);
        group = table_find(&t->keys, t->key.data, t->key.size);
    } else {
        key_text(t, KIND_TEXT, worker, label->text);
        group = table_find(&t->keys, t->key.data, t->key.size);
    }
    bool nowhere = label->line == 0 && label->file[0] != '\0'; /* MODULE:0:SYMBOL */
    if (group == TABLE_NONE && label->name[0] != '\0') {
        group = find_name(t, &t->keys, nowhere ? KIND_ANY_NAME : KIND_NAME, nowhere ? KIND_ANY_MEMBER : KIND_MEMBER,
                          worker, label->name);
    }
    return group;
}

struct span sites_owners(struct sites *t, size_t group, const struct row *row)
{
    const char *name = work_label(t->w, row)->name;
    size_t number = find_name(t, &t->owners, KIND_OWNER, KIND_OWNER_MEMBER, group, name);
    if (number == TABLE_NONE && naming_is_place(name)) {
        key_text(t, KIND_OWNER, group, ""); /* a place is no name */
        number = table_find(&t->owners, t->key.data, t->key.size);
    }
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
        /* Locks without a site may have samples under other names too, and those of further sites there. */
        bool here = has_site(work_lock(t->w, lock)) && work_lock(t->w, lock)->site_count == 0;
        truth.known = truth.known && here && sites_is_exact(t->w, instance, lock);
        truth.acquires += work_instance(t->w, instance)->counts[lock].acquires;
    }
    return truth;
}
