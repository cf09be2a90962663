/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/notes.h"
#include "base/buf.h"
#include "base/mem.h"
#include "trail/gather.h"
#include "trail/naming.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Notes of one kind that are written out; a report with thousands of lines of one kind is read by nobody. */
#define KIND_MAX 20
/* Names at one site that a note quotes. */
#define NAMES_MAX 8
/* Bytes of a name that a note quotes. */
#define NAME_SHOWN_MAX 200

struct notes {
    const struct work *w;
    struct trail_result *result;
    size_t capacity;
    size_t of_kind;
};

static void add(struct notes *n, char *text)
{
    n->result->notes = mem_grow(n->result->notes, n->result->note_count, &n->capacity, sizeof(char *));
    n->result->notes[n->result->note_count++] = text;
}

/* Takes the text, or drops it where there are enough of its kind. */
static void add_of_kind(struct notes *n, char *text)
{
    if (++n->of_kind <= KIND_MAX) {
        add(n, text);
    } else {
        free(text);
    }
}

static void end_kind(struct notes *n, const char *what)
{
    if (n->of_kind > KIND_MAX) {
        add(n, mem_printf("and %zu more %s", n->of_kind - KIND_MAX, what));
    }
    n->of_kind = 0;
}

static void note_control(struct notes *n)
{
    if (n->w->input->control == CONTROL_NOT_RUN) {
        add(n, mem_strdup("the control did not run: a broken collector can't be told from a lost "
                          "name"));
    }
}

static int by_path(const void *a, const void *b)
{
    const struct trail_copy *x = *(const struct trail_copy *const *)a;
    const struct trail_copy *y = *(const struct trail_copy *const *)b;
    return strcmp(x->path, y->path);
}

static void note_unread_copies(struct notes *n)
{
    const struct trail_input *in = n->w->input;
    const struct trail_copy **copies = mem_calloc(in->copy_count, sizeof *copies);
    for (size_t i = 0; i < in->copy_count; i++) {
        copies[i] = &in->copies[i];
    }
    qsort(copies, in->copy_count, sizeof *copies, by_path);
    for (size_t i = 0; i < in->copy_count; i++) {
        const struct trail_copy *c = copies[i];
        if (c->status == COPY_CORRUPT || c->status == COPY_FOREIGN) {
            const char *what = c->status == COPY_CORRUPT ? "not readable" : "without lock names";
            add_of_kind(n, mem_printf("%s: %s: %s", c->path, what, c->why ? c->why : "no reason"));
        }
    }
    end_kind(n, "copies that are not readable or without lock names");
    for (size_t i = 0; i < in->copy_count; i++) {
        const struct trail_copy *c = copies[i];
        if (!work_flow(n->w, c->instance, c->stage)->feeds) {
            add_of_kind(n, mem_printf("%s: not looked at: %s has no part in stage %s", c->path,
                                      work_instance(n->w, c->instance)->name, stage_name(c->stage)));
        }
    }
    end_kind(n, "copies that were not looked at");
    free(copies);
}

/* What a mirror has at `upload` is another's, and noted there. */
static bool is_lent(const struct work *w, size_t instance, enum stage stage)
{
    return stage == STAGE_UPLOAD && work_instance(w, instance)->mirror;
}

static void note_twice(struct notes *n)
{
    const struct work *w = n->w;
    for (size_t i = 1; i < w->copy_count; i++) {
        const struct trail_copy *c = w->copies[i], *before = w->copies[i - 1];
        if (c->hash != NULL && before->hash != NULL && c->instance == before->instance && c->stage == before->stage &&
            strcmp(c->hash, before->hash) == 0 && !is_lent(w, c->instance, c->stage)) {
            add_of_kind(n, mem_printf("%s: the same bytes as %s: one copy came twice", c->path, before->path));
        }
    }
    end_kind(n, "copies that came twice");
}

static void note_missing_copies(struct notes *n)
{
    const struct work *w = n->w;
    for (size_t i = 0; i < w->input->ledger->instance_count; i++) {
        for (enum stage s = STAGE_COLLECTOR; s < STAGE_COUNT; s++) {
            const struct flow *f = work_flow(w, i, s);
            if (f->before == NO_STAGE) {
                continue;
            }
            size_t before = work_flow(w, i, f->before)->copies;
            if (f->copies != before && !f->names_only) {
                add_of_kind(n, mem_printf("%s: %zu of its copies at %s, %zu at %s", work_instance(w, i)->name, before,
                                          stage_name(f->before), f->copies, stage_name(s)));
            }
        }
    }
    end_kind(n, "processes whose copies are not the same in number");
}

/* Copies that are left out of all counts, and such as nothing can be counted in. */
static void note_ways(struct notes *n)
{
    const struct work *w = n->w;
    for (size_t i = 0; i < w->matching.hop_count; i++) {
        const struct trail_hop *h = &w->matching.hops[i];
        const char *name = work_instance(w, h->instance)->name;
        if (h->unknown > 0 && h->from == STAGE_COLLECTOR) {
            add_of_kind(n, mem_printf("%s: %" PRIu64 " of its copies at %s can't be told from those at %s", name,
                                      h->unknown, stage_name(h->to), stage_name(h->from)));
        }
    }
    end_kind(n, "processes with copies that the stage before has not");
    for (size_t i = 0; i < w->input->ledger->instance_count; i++) {
        for (enum stage s = STAGE_COLLECTOR; s < STAGE_COUNT; s++) {
            const struct flow *f = work_flow(w, i, s);
            if (f->countless && !f->names_only && (f->before == NO_STAGE || !work_flow(w, i, f->before)->countless)) {
                add_of_kind(n, mem_printf("%s at %s: no sample counts acquires there, so that counts can't be compared",
                                          work_instance(w, i)->name, stage_name(s)));
            }
        }
    }
    end_kind(n, "processes without counts of acquires");
}

/* Uploads that came again because their sender was told of a failure. */
static void note_retries(struct notes *n)
{
    const struct trail_input *in = n->w->input;
    for (size_t i = 0; i < in->ledger->instance_count; i++) {
        for (enum stage s = STAGE_UPLOAD; s < STAGE_UI; s++) {
            size_t retried = n->w->flows[i * STAGE_COUNT + s].retried;
            if (retried > 0 && !is_lent(n->w, i, s)) {
                add_of_kind(n, mem_printf("%s at %s: %zu cop%s repeated after a failure, and counted once",
                                          in->ledger->instances[i].name, stage_name(s), retried,
                                          retried == 1 ? "y was" : "ies were"));
            }
        }
    }
    end_kind(n, "processes whose uploads were repeated");
}

/* A name that no acquire of the lock has, although others have or none was sampled: it says nothing of the name. */
static bool is_of_releases(const struct stage_result *r, const struct seen_as *seen)
{
    return seen->acquires == 0 && (r->acquires > 0 || r->state == STATE_UNDERSAMPLED);
}

/* The site alone, or an address in a larger object. */
static bool is_place(const char *name)
{
    return name[0] == '\0' || naming_is_place(name);
}

/* Of a qualified lock each expression that ends in its name is right: those are no two names. */
static bool is_one_name(const struct lock *lock, const char *a, const char *b)
{
    bool declared = naming_is_declared(lock, a) && naming_is_declared(lock, b);
    return strcmp(a, b) == 0 || declared || (lock->qualified && is_place(a) && is_place(b));
}

/* Distinct names of a lock at a stage, each with its samples. Names of releases alone are noted apart. */
static void note_names(struct notes *n, const struct trail_lock *lock, enum stage stage)
{
    const struct stage_result *r = &lock->stages[stage];
    const struct lock *l = work_lock(n->w, lock->lock);
    struct {
        const char *name;
        uint64_t samples;
    } names[NAMES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < r->seen_count; i++) {
        size_t k = 0;
        if (is_of_releases(r, &r->seen_as[i])) {
            continue;
        }
        while (k < count && !is_one_name(l, names[k].name, r->seen_as[i].name)) {
            k++;
        }
        if (k == NAMES_MAX) {
            continue;
        }
        if (k == count) {
            names[count].name = r->seen_as[i].name;
            names[count++].samples = 0;
        }
        names[k].samples += r->seen_as[i].samples;
    }
    if (count < 2) {
        return;
    }
    struct buf out = {0};
    buf_printf(&out, "%s %s at %s: ", l->worker, l->id, stage_name(stage));
    for (size_t i = 0; i < count; i++) {
        const char *name = names[i].name;
        buf_printf(&out, "%s%.*s in %" PRIu64 "%s", i ? ", " : "", NAME_SHOWN_MAX, name[0] ? name : "no name",
                   names[i].samples,
                   i > 0                   ? ""
                   : names[i].samples == 1 ? " sample"
                                           : " samples");
    }
    add_of_kind(n, buf_steal(&out));
}

/* A lock with several names is noted at the first stage that shows them. */
static void note_two_names(struct notes *n)
{
    for (size_t i = 0; i < n->result->lock_count; i++) {
        size_t before = n->of_kind;
        bool counted = false;
        for (enum stage s = STAGE_CONTROL; s < STAGE_COUNT && n->of_kind == before; s++) {
            const struct stage_result *r = &n->result->locks[i].stages[s];
            /* Where acquires are not counted any more, names of releases alone can't be told. */
            if (r->seen_count > 1 && (r->acquires > 0 || !counted)) {
                note_names(n, &n->result->locks[i], s);
            }
            counted = counted || r->acquires > 0;
        }
    }
    end_kind(n, "locks with several names");
}

/* Releases that have no name, or another one than the lock's: one note for each stage, since a collector that samples
 * fewer than all acquires gives them for every lock. */
static void note_releases(struct notes *n, enum stage stage, bool named)
{
    const struct lock *first = NULL;
    uint64_t releases = 0;
    size_t locks = 0;
    for (size_t i = 0; i < n->result->lock_count; i++) {
        const struct stage_result *r = &n->result->locks[i].stages[stage];
        const struct lock *lock = work_lock(n->w, i);
        bool any = false;
        for (size_t k = 0; k < r->seen_count; k++) {
            const char *name = r->seen_as[k].name;
            bool right = naming_is_declared(lock, name) || (lock->mangled != NULL && strcmp(name, lock->mangled) == 0);
            if (is_of_releases(r, &r->seen_as[k]) && !right && (name[0] != '\0') == named) {
                releases += r->seen_as[k].releases;
                any = true;
            }
        }
        first = any && first == NULL ? lock : first;
        locks += any;
    }
    if (locks == 0) {
        return;
    }
    struct buf out = {0};
    buf_printf(&out, "%s: %" PRIu64 " release%s %s (", stage_name(stage), releases, releases == 1 ? "" : "s",
               named ? "under another name" : "without a name");
    if (locks == 1) {
        buf_printf(&out, "%s %s", first->worker, first->id);
    } else {
        buf_printf(&out, "%zu locks", locks);
    }
    buf_add_str(&out, "): releases of acquires that were not sampled");
    add(n, buf_steal(&out));
}

static bool same_site(const struct lock *a, const struct lock *b)
{
    return a->line == b->line && strcmp(gather_base_name(a->file), gather_base_name(b->file)) == 0;
}

/* Whether the lock is the first of those that are made there; for others it may be a further site. */
static bool is_first_there(const struct work *w, const struct span *site, size_t lock)
{
    for (size_t k = 0; k < site->count; k++) {
        size_t other = w->site_items[site->first + k];
        if (same_site(work_lock(w, lock), work_lock(w, other))) {
            return other == lock;
        }
    }
    return false;
}

static void note_shared_sites(struct notes *n)
{
    const struct work *w = n->w;
    for (size_t i = 0; i < w->input->ledger->lock_count; i++) {
        const struct span *s = &w->site_locks[i];
        const struct lock *lock = work_lock(w, i);
        if (lock->line == 0 || !is_first_there(w, s, i)) {
            continue;
        }
        size_t count = 0;
        for (size_t k = 0; k < s->count; k++) {
            count += same_site(lock, work_lock(w, w->site_items[s->first + k]));
        }
        if (count > 1) {
            add_of_kind(n, mem_printf("%s: %zu declared locks have the site %s:%u and are told "
                                      "apart by their names alone",
                                      lock->worker, count, lock->file, lock->line));
        }
    }
    end_kind(n, "sites of several locks");
}

void notes_take(const struct work *w, struct trail_result *result)
{
    struct notes n = {.w = w, .result = result};
    note_control(&n);
    note_unread_copies(&n);
    note_twice(&n);
    note_missing_copies(&n);
    note_retries(&n);
    note_ways(&n);
    note_two_names(&n);
    for (enum stage s = STAGE_CONTROL; s < STAGE_COUNT; s++) {
        note_releases(&n, s, false);
        note_releases(&n, s, true);
    }
    note_shared_sites(&n);
}
