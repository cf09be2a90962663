/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/gather.h"
#include "base/buf.h"
#include "base/mem.h"
#include "trail/fates.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const char *gather_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* --- workers and flows ----------------------------------------------------------------------------------------- */

static void gather_workers(struct work *w)
{
    const struct ledger *ledger = w->input->ledger;
    w->lock_worker = mem_calloc(ledger->lock_count, sizeof *w->lock_worker);
    w->instance_worker = mem_calloc(ledger->instance_count, sizeof *w->instance_worker);
    for (size_t i = 0; i < ledger->lock_count; i++) {
        w->lock_worker[i] = table_put_text(&w->workers, ledger->locks[i].worker);
    }
    for (size_t i = 0; i < ledger->instance_count; i++) {
        w->instance_worker[i] = table_put_text(&w->workers, ledger->instances[i].worker);
    }
    w->worker_instances = mem_calloc(w->workers.count, sizeof *w->worker_instances);
    w->worker_items = mem_calloc(ledger->instance_count, sizeof *w->worker_items);
    for (size_t i = 0; i < ledger->instance_count; i++) {
        w->worker_instances[w->instance_worker[i]].count++;
    }
    size_t first = 0;
    for (size_t i = 0; i < w->workers.count; i++) {
        w->worker_instances[i].first = first;
        first += w->worker_instances[i].count;
        w->worker_instances[i].count = 0;
    }
    for (size_t i = 0; i < ledger->instance_count; i++) {
        struct span *s = &w->worker_instances[w->instance_worker[i]];
        w->worker_items[s->first + s->count++] = (uint32_t)i;
    }
}

static void gather_flows(struct work *w)
{
    const struct ledger *ledger = w->input->ledger;
    w->flows = mem_calloc(ledger->instance_count * STAGE_COUNT, sizeof *w->flows);
    for (size_t i = 0; i < ledger->instance_count; i++) {
        enum stage before = NO_STAGE;
        for (enum stage s = STAGE_CONTROL; s < STAGE_COUNT; s++) {
            struct flow *f = work_flow(w, i, s);
            f->path = "";
            f->before = NO_STAGE;
            f->feeds = w->input->stage_ran[s] && !ledger->instances[i].left_out && !ledger->instances[i].skips[s] &&
                       fates_arm_feeds(ledger->instances[i].arm, s);
            if (f->feeds) {
                f->before = before;
                before = s;
            }
        }
    }
}

/* --- copies ---------------------------------------------------------------------------------------------------- */

static const char *hash_text(const struct trail_copy *copy)
{
    return copy->hash ? copy->hash : "";
}

static int by_flow(const void *a, const void *b)
{
    const struct trail_copy *x = *(const struct trail_copy *const *)a;
    const struct trail_copy *y = *(const struct trail_copy *const *)b;
    if (x->instance != y->instance) {
        return x->instance < y->instance ? -1 : 1;
    }
    if (x->stage != y->stage) {
        return x->stage < y->stage ? -1 : 1;
    }
    int order = strcmp(hash_text(x), hash_text(y));
    return order ? order : strcmp(x->path, y->path);
}

static int by_key(const void *a, const void *b)
{
    const struct trail_label_key *x = a, *y = b;
    return strcmp(x->key, y->key);
}

static void lesser(const char **kept, const char *text)
{
    if (*kept == NULL || strcmp(text, *kept) < 0) {
        *kept = text;
    }
}

static void flow_add_copy(struct flow *f, const struct trail_copy *copy)
{
    f->copies++;
    f->names_only = f->names_only || copy->names_only;
    f->readable += copy->status != COPY_CORRUPT;
    f->unlabelled += copy->unlabelled_samples;
    if (copy->status == COPY_CORRUPT) {
        f->corrupt++;
        if (f->corrupt_path == NULL || strcmp(copy->path, f->corrupt_path) < 0) {
            f->corrupt_path = copy->path;
            f->corrupt_why = copy->why ? copy->why : "not readable";
        }
    } else if (copy->status == COPY_FOREIGN) {
        f->foreign++;
        lesser(&f->foreign_why, copy->why ? copy->why : "no lock profile");
    }
    for (size_t i = 0; i < copy->sighting_count; i++) {
        f->labelled += copy->sightings[i].samples;
    }
}

/* The keys of a flow's copies, those with the same name added up. */
static void flow_gather_keys(const struct work *w, struct flow *f)
{
    size_t count = 0;
    for (size_t i = 0; i < f->copies; i++) {
        count += w->copies[f->first_copy + i]->label_key_count;
    }
    if (count == 0) {
        return;
    }
    f->keys = mem_calloc(count, sizeof *f->keys);
    for (size_t i = 0, to = 0; i < f->copies; i++) {
        const struct trail_copy *copy = w->copies[f->first_copy + i];
        for (size_t k = 0; k < copy->label_key_count; k++) {
            f->keys[to++] = copy->label_keys[k];
        }
    }
    qsort(f->keys, count, sizeof *f->keys, by_key);
    for (size_t i = 0; i < count; i++) {
        if (f->key_count > 0 && strcmp(f->keys[f->key_count - 1].key, f->keys[i].key) == 0) {
            f->keys[f->key_count - 1].samples += f->keys[i].samples;
        } else {
            f->keys[f->key_count++] = f->keys[i];
        }
    }
}

static void gather_fates(struct work *w)
{
    const struct trail_input *in = w->input;
    w->fates = mem_calloc(in->copy_count, sizeof *w->fates);
    w->pair_of = mem_calloc(in->copy_count, sizeof *w->pair_of);
    fates_match(in->ledger, in->copies, in->copy_count, in->stage_ran, &w->matching, w->fates);
    for (size_t i = 0; i < in->pair_count; i++) {
        assert(in->pairs[i].before < in->copy_count && in->pairs[i].after < in->copy_count);
        w->pair_of[in->pairs[i].after] = i + 1;
    }
}

/* An attempt that failed and was repeated counts once. */
static bool is_counted(const struct work *w, size_t copy)
{
    return !w->fates[copy].superseded && w->fates[copy].in != FATE_RETRIED;
}

static void widen(int *least, int *most, int value, bool first)
{
    *least = first || value < *least ? value : *least;
    *most = first || value > *most ? value : *most;
}

/* What the process was told of an upload that was lost later. */
static int told_first(const struct work *w, size_t copy)
{
    const struct trail_copy *first = &w->input->copies[fates_first(w->input->copies, w->fates, copy)];
    return first->stage == STAGE_UPLOAD ? first->answered : 0;
}

/* What is lost behind each copy is noted where it is missed. */
static void gather_lost(struct work *w, size_t copy)
{
    const struct trail_copy *c = &w->input->copies[copy];
    for (enum stage s = c->stage + 1; s < STAGE_COUNT && w->fates[copy].out == FATE_LOST; s++) {
        struct flow *f = work_flow(w, c->instance, s);
        if (f->feeds) {
            widen(&f->told_least, &f->told_most, c->answered, f->lost == 0);
            widen(&f->first_least, &f->first_most, told_first(w, copy), f->lost == 0);
            f->lost++;
            lesser(&f->lost_path, c->path);
            return;
        }
    }
}

static void gather_unanswered(struct work *w, const struct trail_copy *copy)
{
    struct buf key = {0};
    for (size_t i = 0; i < copy->unknown_count; i++) {
        buf_clear(&key);
        buf_add(&key, &copy->instance, sizeof copy->instance);
        buf_add_str(&key, copy->unknown[i]);
        table_put(&w->unanswered, key.data, key.size);
    }
    buf_fini(&key);
}

static void gather_copies(struct work *w)
{
    const struct trail_input *in = w->input;
    w->copies = mem_calloc(in->copy_count, sizeof *w->copies);
    for (size_t i = 0; i < in->copy_count; i++) {
        const struct trail_copy *copy = &in->copies[i];
        assert(copy->instance < in->ledger->instance_count && (size_t)copy->stage < STAGE_COUNT);
        if (!work_flow(w, copy->instance, copy->stage)->feeds) {
            continue;
        }
        gather_lost(w, i);
        gather_unanswered(w, copy);
        if (is_counted(w, i)) {
            w->copies[w->copy_count++] = copy;
        } else {
            work_flow(w, copy->instance, copy->stage)->retried++;
        }
    }
    if (w->copy_count > 0) {
        qsort(w->copies, w->copy_count, sizeof *w->copies, by_flow);
    }
    for (size_t i = 0; i < w->copy_count; i++) {
        struct flow *f = work_flow(w, w->copies[i]->instance, w->copies[i]->stage);
        if (f->copies == 0) {
            f->first_copy = i;
            f->path = w->copies[i]->path;
        }
        lesser(&f->path, w->copies[i]->path);
        flow_add_copy(f, w->copies[i]);
    }
    for (size_t i = 0; i < in->ledger->instance_count * STAGE_COUNT; i++) {
        flow_gather_keys(w, &w->flows[i]);
    }
}

/* --- labels ---------------------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    const struct label *x = a, *y = b;
    return strcmp(x->text, y->text);
}

/* Adds a sighting's label to `texts` and, where it is new, to `labels`; returns its number in `texts`. */
static uint32_t add_label(struct work *w, const struct sighting *s, size_t *capacity)
{
    size_t number = table_put_text(&w->texts, s->label);
    if (number == w->label_count) {
        w->labels = mem_grow(w->labels, w->label_count, capacity, sizeof *w->labels);
        w->labels[w->label_count++] = (struct label){
            .text = s->label,
            .file = gather_base_name(s->file),
            .name = s->name,
            .line = s->line,
        };
    }
    return (uint32_t)number;
}

/* Numbers the labels by their text, so that nothing that follows depends on the order of the copies. */
static void gather_labels(struct work *w)
{
    size_t capacity = 0, total = 0, at = 0;
    w->sighted_at = mem_calloc(w->copy_count, sizeof *w->sighted_at);
    for (size_t i = 0; i < w->copy_count; i++) {
        w->sighted_at[i] = total;
        total += w->copies[i]->sighting_count;
    }
    w->sighted = mem_calloc(total, sizeof *w->sighted);
    for (size_t i = 0; i < w->copy_count; i++) {
        for (size_t k = 0; k < w->copies[i]->sighting_count; k++) {
            w->sighted[at++] = add_label(w, &w->copies[i]->sightings[k], &capacity);
        }
    }
    if (w->label_count > 0) {
        qsort(w->labels, w->label_count, sizeof *w->labels, by_text);
    }
    w->label_numbers = mem_calloc(w->label_count, sizeof *w->label_numbers);
    for (size_t i = 0; i < w->label_count; i++) {
        const char *text = w->labels[i].text;
        w->label_numbers[table_find(&w->texts, text, strlen(text))] = (uint32_t)i;
    }
    for (size_t i = 0; i < total; i++) {
        w->sighted[i] = w->label_numbers[w->sighted[i]];
    }
}

uint32_t gather_label(const struct work *w, const char *text)
{
    size_t number = table_find(&w->texts, text, strlen(text));
    return number == TABLE_NONE ? NO_LABEL : w->label_numbers[number];
}

/* --- rows ------------------------------------------------------------------------------------------------------ */

/* Whether copy `i` of the flow has the same bytes as the one before it. Where that is so at the stage before too, the
 * loss is there. */
static bool came_twice(const struct work *w, const struct flow *f, size_t i)
{
    const struct trail_copy *copy = w->copies[f->first_copy + i];
    const char *before = i > 0 ? w->copies[f->first_copy + i - 1]->hash : NULL;
    return copy->hash != NULL && before != NULL && strcmp(copy->hash, before) == 0;
}

struct rows {
    struct work *w;
    uint32_t *last; /* for each label: its row in this flow + 1; valid where above the flow's first row */
    size_t capacity;
};

static void rows_add(struct rows *r, const struct flow *f, const struct trail_copy *copy, const struct sighting *s,
                     uint32_t label, const char *twice)
{
    struct work *w = r->w;
    if (r->last[label] <= f->first_row) {
        w->rows = mem_grow(w->rows, w->row_count, &r->capacity, sizeof *w->rows);
        w->rows[w->row_count] =
            (struct row){.stage = copy->stage, .instance = (uint32_t)copy->instance, .label = label};
        r->last[label] = (uint32_t)++w->row_count;
    }
    struct row *row = &w->rows[r->last[label] - 1];
    row->copies++;
    lesser(&row->path, copy->path);
    if (twice != NULL) {
        lesser(&row->twice, twice);
    }
    if (copy->names_only) {
        return;
    }
    row->samples += s->samples;
    row->acquires += s->acquires;
    row->wait_ns += s->wait_ns;
    row->releases += s->releases;
    row->hold_ns += s->hold_ns;
}

static int by_label(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    return (x->label > y->label) - (x->label < y->label);
}

static void gather_flow_rows(struct rows *r, struct flow *f)
{
    struct work *w = r->w;
    f->first_row = w->row_count;
    for (size_t i = 0; i < f->copies; i++) {
        const struct trail_copy *copy = w->copies[f->first_copy + i];
        const char *twice = came_twice(w, f, i) ? copy->path : NULL;
        for (size_t k = 0; k < copy->sighting_count; k++) {
            uint32_t label = w->sighted[w->sighted_at[f->first_copy + i] + k];
            if (copy->sightings[k].samples > 0 || copy->names_only) {
                rows_add(r, f, copy, &copy->sightings[k], label, twice);
            }
        }
    }
    f->rows = w->row_count - f->first_row;
    if (f->rows > 0) {
        qsort(w->rows + f->first_row, f->rows, sizeof *w->rows, by_label);
    }
}

const struct row *gather_find(const struct work *w, size_t instance, enum stage stage, uint32_t label)
{
    const struct flow *f = work_flow(w, instance, stage);
    if (f->rows == 0) {
        return NULL;
    }
    struct row key = {.label = label};
    return bsearch(&key, w->rows + f->first_row, f->rows, sizeof key, by_label);
}

/* Samples of which none counts an acquire, although somebody waited for one or nothing is counted at all. */
static bool is_countless(const struct work *w, const struct flow *f)
{
    uint64_t samples = 0, acquires = 0, releases = 0, wait_ns = 0;
    for (size_t i = 0; i < f->rows; i++) {
        const struct row *row = &w->rows[f->first_row + i];
        samples += row->samples;
        acquires += row->acquires;
        releases += row->releases;
        wait_ns += row->wait_ns;
    }
    return samples > 0 && acquires == 0 && (releases == 0 || wait_ns > 0);
}

void gather(struct work *w)
{
    struct rows r = {.w = w};
    gather_workers(w);
    gather_flows(w);
    gather_fates(w);
    gather_copies(w);
    gather_labels(w);
    r.last = mem_calloc(w->label_count, sizeof *r.last);
    for (size_t i = 0; i < w->input->ledger->instance_count * STAGE_COUNT; i++) {
        gather_flow_rows(&r, &w->flows[i]);
        w->flows[i].countless = is_countless(w, &w->flows[i]);
    }
    free(r.last);
}

void gather_fini(struct work *w)
{
    for (size_t i = 0; i < w->input->ledger->instance_count * STAGE_COUNT; i++) {
        free(w->flows[i].keys);
    }
    free(w->flows);
    free(w->fates);
    free(w->pair_of);
    trail_matching_fini(&w->matching);
    free(w->copies);
    free(w->sighted);
    free(w->sighted_at);
    free(w->label_numbers);
    free(w->labels);
    free(w->rows);
    free(w->lock_worker);
    free(w->instance_worker);
    free(w->worker_instances);
    free(w->worker_items);
    table_fini(&w->texts);
    table_fini(&w->workers);
    table_fini(&w->unanswered);
}
