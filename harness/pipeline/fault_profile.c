/* SPDX-License-Identifier: Apache-2.0 */
/* One fault on one profile. What nothing was done to keeps its bytes, whatever writing it anew would give. */
#include "base/mem.h"
#include "pipeline/fault_internal.h"
#include "profile/edit.h"
#include "profile/label.h"

#include <stdlib.h>
#include <string.h>

/* The column that type_added adds. */
#define ADDED_TYPE "locktrail-added"
#define ADDED_UNIT "count"

struct labels {
    const char **items; /* the edit's */
    size_t count, capacity;
};

/* Samples that were changed. */
struct hits {
    struct edit_sample *items;
    size_t count, capacity;
};

/* One fault at work. */
struct work {
    const struct scenario_fault *fault;
    const struct fault_choice *choice;
    struct fault_swap swap;
    struct hits hits;
};

static void add_label(struct labels *l, const char *label)
{
    l->items = mem_grow(l->items, l->count, &l->capacity, sizeof *l->items);
    l->items[l->count++] = label;
}

/* --- callbacks of the edit ---------------------------------------------------------------------------------------- */

static bool on_choose(const struct edit_sample *sample, void *data)
{
    struct work *w = data;
    bool hit = fault_is_for_samples(w->fault)
                   ? fault_is_for(w->fault, sample->label) && fault_choice_hits(w->choice, sample->index)
                   : true; /* names_swapped: the permutation has only labels that are meant */
    if (hit && sample->label != NULL) {
        w->hits.items = mem_grow(w->hits.items, w->hits.count, &w->hits.capacity, sizeof *w->hits.items);
        w->hits.items[w->hits.count++] = *sample;
    }
    return hit;
}

static char *on_value(const char *label, void *data)
{
    const struct work *w = data;
    return fault_is_for(w->fault, label) ? fault_value(w->fault, label) : NULL;
}

static char *on_swap(const char *label, void *data)
{
    const struct work *w = data;
    const char *other = fault_swap_of(&w->swap, label);
    return other != NULL ? mem_strdup(other) : NULL;
}

struct gathering {
    const struct scenario_fault *fault; /* NULL: every label that has a name */
    struct labels labels;
};

static void on_gather(const struct edit_sample *sample, void *data)
{
    struct gathering *g = data;
    struct label parts;
    const char *label = sample->label;
    if (label == NULL) {
        return;
    }
    bool named = label_parse(label, strlen(label), &parts) && parts.name_size > 0;
    if (g->fault != NULL ? fault_is_for(g->fault, label) : named) {
        add_label(&g->labels, label);
    }
}

static void on_count(const struct edit_sample *sample, void *data)
{
    (void)sample;
    (void)data;
}

/* --- the work ----------------------------------------------------------------------------------------------------- */

static size_t swap_names(struct work *w, struct profile_edit *edit)
{
    struct gathering g = {.fault = w->fault->lock_count > 1 ? w->fault : NULL};
    profile_edit_each(edit, on_gather, &g);
    fault_swap_make(g.labels.items, g.labels.count, &w->swap);
    free(g.labels.items);
    return profile_edit_values(edit, on_swap, on_choose, w);
}

static size_t run_mechanism(struct work *w, struct profile_edit *edit)
{
    switch (w->fault->mechanism) {
    case MECHANISM_LABEL_DROPPED:
        return profile_edit_drop_label(edit, on_choose, w);
    case MECHANISM_LABEL_KEY_RENAMED:
        return profile_edit_rename_key(edit, fault_key(w->fault), on_choose, w);
    case MECHANISM_VALUE_TRUNCATED:
    case MECHANISM_VALUE_REWRITTEN:
        return profile_edit_values(edit, on_value, on_choose, w);
    case MECHANISM_NAMES_SWAPPED:
        return swap_names(w, edit);
    case MECHANISM_SAMPLES_DROPPED:
        return profile_edit_drop_samples(edit, on_choose, w);
    default:
        return 0;
    }
}

/* Returns whether there is something to write. */
static bool run_change(const struct work *w, struct profile_edit *edit)
{
    switch (w->fault->change) {
    case CHANGE_RECOMPRESSED:
        return true;
    case CHANGE_STRINGS_REORDERED:
        profile_edit_reorder_strings(edit, w->choice->base);
        return true;
    case CHANGE_STRINGS_DUPLICATED:
        profile_edit_duplicate_strings(edit, w->choice->base);
        return true;
    case CHANGE_SAMPLES_REORDERED:
        profile_edit_reorder_samples(edit, w->choice->base);
        return true;
    case CHANGE_TYPE_ADDED:
        profile_edit_add_type(edit, ADDED_TYPE, ADDED_UNIT);
        return true;
    case CHANGE_TYPES_RENAMED:
        return profile_edit_rename_types(edit, '-', '_') > 0;
    default:
        return false;
    }
}

static int by_label(const void *a, const void *b)
{
    return strcmp(((const struct edit_sample *)a)->label, ((const struct edit_sample *)b)->label);
}

static void count_hits(struct hits *hits, struct fault_profile *out)
{
    if (hits->count > 0) {
        qsort(hits->items, hits->count, sizeof *hits->items, by_label);
    }
    for (size_t i = 0; i < hits->count; i++) {
        const struct edit_sample *at = &hits->items[i];
        if (i == 0 || strcmp(hits->items[i - 1].label, at->label) != 0) {
            out->hits = mem_grow(out->hits, out->hit_count, &out->hit_capacity, sizeof *out->hits);
            out->hits[out->hit_count++] = (struct fault_hit){.label = mem_strdup(at->label)};
        }
        out->hits[out->hit_count - 1].samples++;
        out->hits[out->hit_count - 1].acquires += at->acquires;
    }
}

static enum profile_encoding encoding_after(const struct scenario_fault *fault, const struct profile_edit *edit)
{
    return !fault->has_mechanism && fault->change == CHANGE_RECOMPRESSED ? (enum profile_encoding)fault->codec
                                                                         : profile_edit_encoding(edit);
}

static void edit_profile(struct work *w, struct profile_edit *edit, const void *bytes, size_t size,
                         struct fault_profile *out)
{
    out->lock_samples = profile_edit_each(edit, on_count, NULL);
    out->changed_samples = w->fault->has_mechanism ? run_mechanism(w, edit) : 0;
    out->changed = w->fault->has_mechanism ? out->changed_samples > 0 : run_change(w, edit);
    if (out->changed) {
        profile_edit_write(edit, encoding_after(w->fault, edit), &out->bytes);
    } else {
        buf_add(&out->bytes, bytes, size);
    }
    count_hits(&w->hits, out);
}

static int run_edit(const struct scenario_fault *fault, const struct fault_choice *choice, const void *bytes,
                    size_t size, struct fault_profile *out, struct err *e)
{
    struct work w = {.fault = fault, .choice = choice};
    struct profile_edit *edit;
    if (profile_edit_open(bytes, size, &profile_limits_default, &edit, e) < 0) {
        return -1;
    }
    edit_profile(&w, edit, bytes, size, out);
    free(w.hits.items);
    fault_swap_fini(&w.swap);
    profile_edit_free(edit);
    return 0;
}

/* --- whole profiles ----------------------------------------------------------------------------------------------- */

int fault_holds_lock(const struct scenario_fault *fault, const void *bytes, size_t size, struct err *e)
{
    struct profile *p;
    int found = fault->lock_count == 0;
    if (found) {
        return 1;
    }
    if (profile_read(bytes, size, &profile_limits_default, &p, e) < 0) {
        return -1;
    }
    for (size_t i = 0; i < p->name_count && !found; i++) {
        found = fault_is_for(fault, p->names[i].label);
    }
    profile_free(p);
    return found;
}

static int run_whole(const struct scenario_fault *fault, const struct fault_choice *choice, const void *bytes,
                     size_t size, struct fault_profile *out, struct err *e)
{
    int hit = fault->has_mechanism ? fault_holds_lock(fault, bytes, size, e) : 0;
    if (hit < 0) {
        return -1;
    }
    if (hit > 0 && fault->mechanism == MECHANISM_PROFILE_CORRUPT) {
        fault_corrupt(choice, bytes, size, &out->bytes);
        out->corrupt = true;
        out->changed = true;
        return 0;
    }
    out->dropped = hit > 0 && fault->mechanism == MECHANISM_PROFILE_DROPPED;
    out->deliveries = hit > 0 && fault->mechanism == MECHANISM_DUPLICATED ? 2 : 1;
    buf_add(&out->bytes, bytes, size);
    return 0;
}

int fault_edit(const struct scenario_fault *fault, const struct fault_choice *choice, const void *bytes, size_t size,
               struct fault_profile *out, struct err *e)
{
    *out = (struct fault_profile){.deliveries = 1};
    if (!fault_is_for_samples(fault) && !fault_choice_hits(choice, FAULT_WHOLE_UPLOAD)) {
        buf_add(&out->bytes, bytes, size);
        return 0;
    }
    bool whole =
        !fault_is_for_profiles(fault) || (fault->has_mechanism && fault->mechanism == MECHANISM_PROFILE_CORRUPT);
    return whole ? run_whole(fault, choice, bytes, size, out, e) : run_edit(fault, choice, bytes, size, out, e);
}

int fault_apply_profile(const struct scenario_fault *fault, uint64_t seed, const char *key, const void *bytes,
                        size_t size, struct fault_profile *out, struct err *e)
{
    struct fault_choice choice = fault_choice_make(fault, seed, 0, key);
    return fault_edit(fault, &choice, bytes, size, out, e);
}

void fault_profile_fini(struct fault_profile *p)
{
    for (size_t i = 0; i < p->hit_count; i++) {
        free(p->hits[i].label);
    }
    free(p->hits);
    buf_fini(&p->bytes);
    *p = (struct fault_profile){0};
}
