/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of the losses: baseline and expected ones, and what is left to count. A loss of the baseline is told
 * apart by the values of those axes that both matrices have, whatever the seed. */
#include "report/matrix_parts.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* --- keys ------------------------------------------------------------------------------------------------------- */

/* A loss, or (lock NULL) a combination that has `verdict`, as both matrices would have it. */
struct key {
    char *cell; /* of a list of cells' texts, borrowed */
    const char *worker, *lock;
    enum stage stage;
    enum mechanism mechanism;
    enum verdict verdict;
};

struct keys {
    struct key *items;
    size_t count, capacity;
    char **cells; /* for each cell of the matrix; owned */
    size_t cell_count;
};

static int compare_texts(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

static int compare_keys(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    int order = strcmp(x->cell, y->cell);
    if (order == 0)
        order = compare_texts(x->worker, y->worker);
    if (order == 0)
        order = compare_texts(x->lock, y->lock);
    if (order == 0)
        order = (x->stage > y->stage) - (x->stage < y->stage);
    if (order == 0)
        order = (x->mechanism > y->mechanism) - (x->mechanism < y->mechanism);
    return order ? order : (x->verdict > y->verdict) - (x->verdict < y->verdict);
}

static bool has_axis(const struct matrix *m, const char *name)
{
    for (size_t i = 0; m && i < m->axis_count; i++)
        if (strcmp(m->axes[i].name, name) == 0)
            return true;
    return false;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "ddtrace=3.17.3 lock=RLock": axes of `other`, too, in the order of their names. */
static char *common_key(const struct matrix *m, const struct matrix_cell *cell, const struct matrix *other)
{
    char **parts = mem_calloc(m->axis_count, sizeof *parts);
    struct buf key = {0};
    size_t count = 0;
    for (size_t i = 0; i < m->axis_count; i++)
        if (has_axis(other, m->axes[i].name))
            parts[count++] = mem_printf("%s=%s", m->axes[i].name,
                                        cell->values[i] < 0 ? "-" : m->axes[i].values[cell->values[i]].label);
    if (count > 1)
        qsort(parts, count, sizeof *parts, by_text);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&key, "%s%s", i > 0 ? " " : "", parts[i]);
        free(parts[i]);
    }
    free(parts);
    return buf_steal(&key);
}

static void add_key(struct keys *keys, struct key key)
{
    keys->items = mem_grow(keys->items, keys->count, &keys->capacity, sizeof *keys->items);
    keys->items[keys->count++] = key;
}

static void add_attempt(struct keys *keys, char *cell, const struct matrix_attempt *a)
{
    add_key(keys, (struct key){.cell = cell, .verdict = a->verdict});
    for (size_t i = 0; i < a->loss_count && matrix_attempt_tells(a); i++)
        add_key(keys, (struct key){cell, a->losses[i].worker, a->losses[i].lock, a->losses[i].stage,
                                   a->losses[i].mechanism, VERDICT_SUCCESS});
}

/* Sorted, each once. */
static void order_keys(struct keys *keys)
{
    size_t count = 0;
    if (keys->count > 1)
        qsort(keys->items, keys->count, sizeof *keys->items, compare_keys);
    for (size_t i = 0; i < keys->count; i++)
        if (i == 0 || compare_keys(&keys->items[count - 1], &keys->items[i]) != 0)
            keys->items[count++] = keys->items[i];
    keys->count = count;
}

static void keys_of_matrix(struct keys *keys, const struct matrix_record *record, const struct matrix *other)
{
    const struct matrix *m = record->matrix;
    keys->cells = mem_calloc(m->cell_count, sizeof *keys->cells);
    for (size_t i = 0; i < m->cell_count; i++) {
        keys->cells[keys->cell_count++] = common_key(m, &m->cells[i], other);
        for (size_t a = 0; a < record->cells[i].attempt_count; a++)
            add_attempt(keys, keys->cells[i], &record->cells[i].attempts[a]);
    }
    order_keys(keys);
}

static void keys_of_baseline(struct keys *keys, const struct matrix_baseline *b, const struct matrix *other)
{
    if (b->record) {
        keys_of_matrix(keys, b->record, other);
        return;
    }
    keys->cells = mem_calloc(1, sizeof *keys->cells);
    keys->cells[keys->cell_count++] = mem_strdup("");
    add_attempt(keys, keys->cells[0], &b->run);
    order_keys(keys);
}

static bool has_key(const struct keys *keys, const struct key *key)
{
    return keys->count > 0 && bsearch(key, keys->items, keys->count, sizeof *keys->items, compare_keys);
}

static void keys_fini(struct keys *keys)
{
    for (size_t i = 0; i < keys->cell_count; i++)
        free(keys->cells[i]);
    free(keys->cells);
    free(keys->items);
}

/* --- standings -------------------------------------------------------------------------------------------------- */

static struct key key_of(const struct matrix_report *r, const struct keys *ours, const struct matrix_cell_loss *l)
{
    const struct matrix_subject *s = &r->subjects[l->subject];
    return (struct key){
        ours->cells[r->mine[l->place].cell], s->worker, s->lock, l->stage, l->mechanism, VERDICT_SUCCESS};
}

/* The first entry whose day is not over; else the first. */
static const struct expectation *find_expectation(struct matrix_report *r, const struct matrix_cell_loss *l)
{
    const struct matrix *m = r->record->matrix;
    const struct matrix_cell *cell = matrix_cell_at(r, l->place);
    const struct expectations *x = r->known.expected;
    const char *axes[MATRIX_AXES_MAX], *labels[MATRIX_AXES_MAX];
    const struct expectation *best = NULL;
    for (size_t i = 0; i < m->axis_count; i++) {
        axes[i] = m->axes[i].name;
        labels[i] = cell->values[i] < 0 ? NULL : m->axes[i].values[cell->values[i]].label;
    }
    for (size_t i = 0; i < x->count; i++) {
        if (!expectation_matches(&x->items[i], axes, labels, m->axis_count, r->subjects[l->subject].lock, l->stage,
                                 l->mechanism))
            continue;
        r->matched[i]++;
        if (!best || (expectation_expired(best, r->known.today) && !expectation_expired(&x->items[i], r->known.today)))
            best = &x->items[i];
    }
    return best;
}

static enum matrix_standing stand(struct matrix_report *r, const struct keys *ours, const struct keys *baseline,
                                  struct matrix_cell_loss *l)
{
    l->expectation = r->known.expected ? find_expectation(r, l) : NULL;
    if (l->expectation)
        return expectation_expired(l->expectation, r->known.today) ? MATRIX_EXPIRED : MATRIX_EXPECTED;
    struct key key = key_of(r, ours, l);
    return has_key(baseline, &key) ? MATRIX_KNOWN : MATRIX_NEW;
}

/* The worst verdict of the attempts, of which those whose losses are known are successes. */
static enum verdict counted(const struct matrix_report *r, const struct matrix_cell_view *v, const struct keys *ours,
                            const struct keys *baseline)
{
    const struct matrix_cell_record *c = &r->record->cells[v->cell];
    enum verdict worst = VERDICT_SUCCESS;
    bool counts = v->loss_count == 0 || v->dropped > 0;
    for (size_t i = 0; i < v->loss_count; i++)
        counts = counts || matrix_standing_counts(r->losses[v->first_loss + i].standing);
    for (size_t i = 0; i < c->attempt_count; i++) {
        enum verdict verdict = c->attempts[i].verdict;
        struct key open = {.cell = ours->cells[v->cell], .verdict = VERDICT_INCONCLUSIVE};
        bool known = verdict == VERDICT_INCONCLUSIVE && has_key(baseline, &open);
        if ((verdict == VERDICT_PARTIAL || verdict == VERDICT_FAILURE) && !counts)
            known = true;
        if (!known && verdict_compare(verdict, worst) < 0)
            worst = verdict;
    }
    return c->attempt_count > 0 ? worst : VERDICT_ERROR;
}

/* --- what is gone ----------------------------------------------------------------------------------------------- */

static int by_pointer_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The combinations of which something is known now, sorted. */
static const char **decided_cells(const struct matrix_report *r, const struct keys *ours, size_t *count)
{
    const char **cells = mem_calloc(r->mine_count, sizeof *cells);
    *count = 0;
    for (size_t p = 0; p < r->point_count; p++)
        if (r->points[p].decided > 0)
            cells[(*count)++] = ours->cells[r->mine[r->points[p].first].cell];
    if (*count > 1)
        qsort(cells, *count, sizeof *cells, by_pointer_text);
    return cells;
}

static void find_gone(struct matrix_report *r, const struct keys *ours, const struct keys *baseline)
{
    size_t count, capacity = 0;
    const char **cells = decided_cells(r, ours, &count);
    for (size_t i = 0; i < baseline->count; i++) {
        const struct key *k = &baseline->items[i];
        if (!k->lock || has_key(ours, k) || count == 0 ||
            !bsearch(&k->cell, cells, count, sizeof *cells, by_pointer_text))
            continue;
        r->gone = mem_grow(r->gone, r->gone_count, &capacity, sizeof *r->gone);
        r->gone[r->gone_count++] =
            (struct matrix_gone){mem_strdup(k->cell), k->worker, k->lock, k->stage, k->mechanism};
    }
    free(cells);
}

void matrix_find_standings(struct matrix_report *r)
{
    const struct matrix_baseline *b = r->known.baseline;
    struct keys ours = {0}, baseline = {0};
    keys_of_matrix(&ours, r->record, b && b->record ? b->record->matrix : NULL);
    if (b)
        keys_of_baseline(&baseline, b, r->record->matrix);
    r->matched = mem_calloc(r->known.expected ? r->known.expected->count : 0, sizeof *r->matched);
    for (size_t i = 0; i < r->loss_count; i++) {
        r->losses[i].standing = stand(r, &ours, &baseline, &r->losses[i]);
        r->standings[r->losses[i].standing]++;
    }
    for (size_t i = 0; i < r->mine_count; i++)
        r->mine[i].counted = counted(r, &r->mine[i], &ours, &baseline);
    find_gone(r, &ours, &baseline);
    keys_fini(&ours);
    keys_fini(&baseline);
}
