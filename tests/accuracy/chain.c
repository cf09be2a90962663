/* SPDX-License-Identifier: Apache-2.0 */
#include "chain.h"

#include "base/mem.h"
#include "pipeline/fault.h"
#include "pipeline/fault_internal.h"
#include "profile/compare.h"
#include "profile/edit.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void owners_add(struct owners *o, const char *label, size_t lock)
{
    o->items = mem_grow(o->items, o->count, &o->capacity, sizeof *o->items);
    o->items[o->count++] = (struct owner){.label = mem_strdup(label), .lock = lock};
}

void owners_fini(struct owners *o)
{
    for (size_t i = 0; i < o->count; i++) {
        free(o->items[i].label);
    }
    free(o->items);
    *o = (struct owners){0};
}

/* Stands for the label of a sample that a fault takes away. */
static char gone[] = "";
#define GONE gone

struct pending {
    size_t lock;
    enum mechanism mechanism;
    uint64_t samples, acquires;
};

/* One upload at one hop, while the faults of the hop act on it. */
struct crossing {
    struct chain *chain;
    const struct recording *recording;
    const struct owners *owners;
    struct owners renamed; /* labels that faults of this hop made of others */
    char **labels;         /* of each sample, as it came to the hop; NULL for none */
    size_t sample_count, sample_capacity;
    bool *changed; /* for each lock: whether one of its samples is another in the end, or gone */
    enum stage hop;
    const struct chain_copy *came;
    struct buf bytes;
    bool dropped, corrupt, held;
    unsigned deliveries;
    struct pending *hits;
    size_t hit_count, hit_capacity;
};

/* --- what a fault hit --------------------------------------------------------------------------------------------- */

/* Of an upload that is gone nobody sees what else was done to it, and of a damaged one nothing but that it came. */
static bool is_seen(const struct crossing *x, enum mechanism mechanism)
{
    if (x->dropped) {
        return mechanism == MECHANISM_PROFILE_DROPPED;
    }
    return !x->corrupt || mechanism == MECHANISM_PROFILE_CORRUPT || mechanism == MECHANISM_DUPLICATED;
}

/* Two faults may undo one another: names that are swapped twice. */
static bool is_undone(const struct crossing *x, const struct pending *hit)
{
    bool whole = hit->mechanism == MECHANISM_PROFILE_DROPPED || hit->mechanism == MECHANISM_PROFILE_CORRUPT ||
                 hit->mechanism == MECHANISM_DUPLICATED;
    return !whole && !x->changed[hit->lock];
}

static void commit_hits(struct crossing *x)
{
    for (size_t i = 0; i < x->hit_count; i++) {
        const struct pending *h = &x->hits[i];
        struct truth *t = &x->chain->locks[h->lock];
        if ((t->hit && t->hop != x->hop) || !is_seen(x, h->mechanism) || is_undone(x, h)) {
            continue;
        }
        t->hit = true;
        t->hop = x->hop;
        t->mechanisms[h->mechanism] = true;
        t->samples += h->samples;
        t->acquires += h->acquires;
    }
    free(x->hits);
}

static void hit_lock(struct crossing *x, size_t lock, enum mechanism mechanism, uint64_t samples, uint64_t acquires)
{
    x->hits = mem_grow(x->hits, x->hit_count, &x->hit_capacity, sizeof *x->hits);
    x->hits[x->hit_count++] = (struct pending){lock, mechanism, samples, acquires};
}

static void hit_label(struct crossing *x, const char *label, enum mechanism mechanism, uint64_t samples,
                      uint64_t acquires)
{
    const struct owners *all[] = {x->owners, &x->renamed};
    for (size_t o = 0; o < 2; o++) {
        for (size_t i = 0; i < all[o]->count; i++) {
            if (strcmp(all[o]->items[i].label, label) == 0) {
                hit_lock(x, all[o]->items[i].lock, mechanism, samples, acquires);
            }
        }
    }
}

/* A further fault of the hop finds the values that this one made. */
static void follow_values(struct crossing *x, const struct buf *after)
{
    struct profile_comparison *c;
    struct err e;
    if (profile_compare(x->bytes.data, x->bytes.size, after->data, after->size, &profile_limits_default, &c, &e) < 0) {
        return;
    }
    for (size_t i = 0; i < c->move_count; i++) {
        for (size_t k = 0; k < x->owners->count && c->moves[i].kind == MOVE_CHANGED && c->moves[i].to != NULL; k++) {
            if (strcmp(x->owners->items[k].label, c->moves[i].from) == 0) {
                owners_add(&x->renamed, c->moves[i].to, x->owners->items[k].lock);
            }
        }
    }
    profile_comparison_free(c);
}

/* --- samples that have lost their label to a fault before ----------------------------------------------------------
 */

static void on_label(const struct edit_sample *sample, void *data)
{
    struct crossing *x = data;
    while (x->sample_count <= sample->index) {
        x->labels = mem_grow(x->labels, x->sample_count, &x->sample_capacity, sizeof *x->labels);
        x->labels[x->sample_count++] = NULL;
    }
    x->labels[sample->index] = sample->label != NULL ? mem_strdup(sample->label) : NULL;
}

static void each_sample(struct crossing *x, void (*fn)(const struct edit_sample *sample, void *data), void *data)
{
    struct profile_edit *edit;
    struct err e;
    if (profile_edit_open(x->bytes.data, x->bytes.size, &profile_limits_default, &edit, &e) == 0) {
        profile_edit_each(edit, fn, data);
        profile_edit_free(edit);
    }
}

/* The locks of a label that a sample had when it came to the hop. */
static void change_owners(struct crossing *x, const char *label)
{
    for (size_t i = 0; i < x->owners->count && label != NULL; i++) {
        if (strcmp(x->owners->items[i].label, label) == 0) {
            x->changed[x->owners->items[i].lock] = true;
        }
    }
}

static void on_end(const struct edit_sample *sample, void *data)
{
    struct crossing *x = data;
    const char *came = sample->index < x->sample_count ? x->labels[sample->index] : NULL;
    if (came != NULL && (sample->label == NULL || strcmp(came, sample->label) != 0)) {
        change_owners(x, came);
    }
}

struct dropping {
    struct crossing *x;
    const struct scenario_fault *fault;
    struct fault_choice choice;
};

/* Looks at the samples that are about to go. */
static void on_dropped(const struct edit_sample *sample, void *data)
{
    struct dropping *d = data;
    struct crossing *x = d->x;
    bool goes = sample->index < x->sample_count && fault_is_for(d->fault, sample->label) &&
                fault_choice_hits(&d->choice, sample->index);
    if (goes && sample->label == NULL && x->labels[sample->index] != NULL) {
        hit_label(x, x->labels[sample->index], MECHANISM_SAMPLES_DROPPED, 1, sample->acquires);
    }
    if (goes) {
        change_owners(x, x->labels[sample->index]);
        free(x->labels[sample->index]);
        x->labels[sample->index] = GONE;
    }
}

static void follow_dropped(struct crossing *x, const struct scenario_fault *fault, uint64_t seed)
{
    struct dropping d = {x, fault, fault_choice_make(fault, seed, 0, x->came->hash)};
    size_t kept = 0;
    each_sample(x, on_dropped, &d);
    for (size_t i = 0; i < x->sample_count; i++) {
        if (x->labels[i] != GONE) {
            x->labels[kept++] = x->labels[i];
        }
    }
    x->sample_count = kept;
}

/* Every lock of the upload, as it came to the hop, is hit where all of it is. */
static void hit_all(struct crossing *x, enum mechanism mechanism)
{
    struct profile *p;
    struct err e;
    if (profile_read(x->came->bytes.data, x->came->bytes.size, &profile_limits_default, &p, &e) < 0) {
        return; /* damaged before */
    }
    for (size_t i = 0; i < p->name_count; i++) {
        hit_label(x, p->names[i].label, mechanism, p->names[i].samples, p->names[i].acquires);
    }
    profile_free(p);
}

static void note_hits(struct crossing *x, const struct scenario_fault *fault, const struct fault_profile *made)
{
    if (x->owners == NULL || !fault->has_mechanism) {
        return;
    }
    if (made->dropped || made->corrupt || made->deliveries > 1) {
        hit_all(x, fault->mechanism);
    }
    for (size_t i = 0; i < made->hit_count; i++) {
        hit_label(x, made->hits[i].label, fault->mechanism, made->hits[i].samples, made->hits[i].acquires);
    }
    bool values = fault->mechanism == MECHANISM_VALUE_TRUNCATED || fault->mechanism == MECHANISM_VALUE_REWRITTEN ||
                  fault->mechanism == MECHANISM_NAMES_SWAPPED;
    if (values && made->hit_count > 0) {
        follow_values(x, &made->bytes);
    }
}

/* --- hop by hop --------------------------------------------------------------------------------------------------- */

static bool is_of(const struct crossing *x, const char *worker)
{
    const struct instance *i = &x->recording->ledger.instances[x->came->origin->instance];
    return worker == NULL || strcmp(i->worker, worker) == 0;
}

static void apply(struct crossing *x, const struct plan *plan, size_t number)
{
    const struct scenario_fault *fault = &plan->faults[number];
    struct fault_profile made;
    struct err e;
    /* As in fault_apply, the fault's number is part of what chooses. */
    uint64_t seed = plan->seed * PLAN_FAULTS_MAX + number;
    if (fault_apply_profile(fault, seed, x->came->hash, x->bytes.data, x->bytes.size, &made, &e) < 0) {
        return; /* damaged before: left as it is */
    }
    note_hits(x, fault, &made);
    if (x->owners != NULL && fault->mechanism == MECHANISM_SAMPLES_DROPPED) {
        follow_dropped(x, fault, seed);
    }
    x->dropped = x->dropped || made.dropped;
    x->corrupt = x->corrupt || made.corrupt;
    x->deliveries = made.deliveries > x->deliveries ? made.deliveries : x->deliveries;
    if (!fault->has_mechanism && fault->change == CHANGE_UPLOADS_REORDERED) {
        struct fault_choice choice = fault_choice_make(fault, plan->seed, number, x->came->hash);
        x->held = x->held || fault_choice_hits(&choice, FAULT_WHOLE_UPLOAD);
    }
    struct buf before = x->bytes;
    x->bytes = made.bytes;
    made.bytes = before;
    fault_profile_fini(&made);
}

static struct chain_copy *add_copy(struct chain *c, const struct recorded *origin, enum stage stage, unsigned sequence,
                                   const struct buf *bytes)
{
    c->copies = mem_grow(c->copies, c->count, &c->capacity, sizeof *c->copies);
    struct chain_copy *copy = &c->copies[c->count++];
    *copy = (struct chain_copy){.origin = origin, .stage = stage, .sequence = sequence};
    copy->path = mem_printf("copies/%s/%zu.%u.pprof", stage_name(stage), origin->instance, sequence);
    buf_add(&copy->bytes, bytes->data, bytes->size);
    hash_text(copy->bytes.data, copy->bytes.size, copy->hash);
    return copy;
}

/* One process at one hop: its copies `from` to `to` of the chain are what came. */
struct passage {
    struct chain *chain;
    unsigned sequence;
    struct buf held; /* one that waits for the next */
    const struct recorded *held_origin;
};

static void release(struct passage *p, enum stage hop)
{
    if (p->held_origin != NULL) {
        add_copy(p->chain, p->held_origin, hop, ++p->sequence, &p->held);
        buf_fini(&p->held);
        p->held_origin = NULL;
    }
}

static void cross(const struct recording *r, const struct plan *plan, const struct owners *owners, struct passage *p,
                  const struct chain_copy *came, enum stage hop)
{
    struct crossing x = {
        .chain = p->chain, .recording = r, .owners = owners, .hop = hop, .came = came, .deliveries = 1};
    buf_add(&x.bytes, came->bytes.data, came->bytes.size);
    if (owners != NULL) {
        x.changed = mem_calloc(r->ledger.lock_count, sizeof *x.changed);
        each_sample(&x, on_label, &x);
    }
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->faults[i].at == hop && is_of(&x, plan->faults[i].worker)) {
            apply(&x, plan, i);
        }
    }
    if (owners != NULL) {
        each_sample(&x, on_end, &x);
        commit_hits(&x);
    }
    const struct recorded *origin = came->origin; /* `came` moves when the chain grows */
    if (x.held && p->held_origin == NULL && !x.dropped) {
        p->held = x.bytes;
        p->held_origin = origin;
        x.bytes = (struct buf){0};
    } else {
        for (unsigned i = 0; i < x.deliveries && !x.dropped; i++) {
            add_copy(p->chain, origin, hop, ++p->sequence, &x.bytes);
        }
        release(p, hop);
    }
    buf_fini(&x.bytes);
    owners_fini(&x.renamed);
    for (size_t i = 0; i < x.sample_count; i++) {
        free(x.labels[i]);
    }
    free(x.labels);
    free(x.changed);
}

/* Sends what process `instance` has at `from` (the recorded uploads for the first hop) on to `hop`. */
static void pass(const struct recording *r, const struct plan *plan, const struct owners *owners, struct chain *c,
                 size_t instance, enum stage hop)
{
    struct passage p = {.chain = c};
    size_t count = c->count;
    if (hop == STAGE_UPLOAD) {
        for (size_t i = 0; i < r->count; i++) {
            const struct recorded *origin = &r->copies[i];
            struct chain_copy came = {.origin = origin, .bytes = origin->bytes};
            if (origin->stage == STAGE_UPLOAD && origin->instance == instance) {
                hash_text(origin->bytes.data, origin->bytes.size, came.hash);
                cross(r, plan, owners, &p, &came, hop);
            }
        }
    } else {
        for (size_t i = 0; i < count; i++) {
            struct chain_copy came = c->copies[i];
            if (came.stage + 1 == hop && came.origin->instance == instance) {
                cross(r, plan, owners, &p, &came, hop);
            }
        }
    }
    release(&p, hop);
}

void chain_make(const struct recording *r, const struct plan *plan, const struct owners *owners, struct chain *out)
{
    *out = (struct chain){.locks = mem_calloc(r->ledger.lock_count, sizeof *out->locks)};
    for (size_t i = 0; i < r->count; i++) {
        if (r->copies[i].stage < STAGE_UPLOAD) {
            add_copy(out, &r->copies[i], r->copies[i].stage, r->copies[i].sequence, &r->copies[i].bytes);
        }
    }
    for (enum stage hop = STAGE_UPLOAD; hop <= STAGE_BACKEND; hop++) {
        for (size_t i = 0; i < r->ledger.instance_count; i++) {
            enum arm arm = r->ledger.instances[i].arm;
            if (arm == ARM_TEE || arm == ARM_UPLOAD) {
                pass(r, plan, owners, out, i, hop);
            }
        }
    }
}

void chain_fini(struct chain *c)
{
    for (size_t i = 0; i < c->count; i++) {
        free(c->copies[i].path);
        buf_fini(&c->copies[i].bytes);
    }
    free(c->copies);
    free(c->locks);
}
