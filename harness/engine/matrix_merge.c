/* SPDX-License-Identifier: Apache-2.0 */
/* Shards of one matrix as one record. Directories are taken in the order of their shards, so that the order in which
 * they are named decides nothing. */
#include "base/mem.h"
#include "engine/matrix_head.h"
#include "engine/matrix_record.h"

#include <stdlib.h>
#include <string.h>

struct part {
    const char *directory;
    struct matrix_head head;
};

struct merge {
    struct part *parts;
    size_t count;
    struct matrix_record *r;
    struct matrix_ids ids;
    size_t *owners;                   /* of each cell: the part whose attempts it has, from 1 */
    struct matrix_cell_record *again; /* the same cell in the part that is read */
    size_t now;                       /* the part that is read */
};

static int compare_parts(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    return x->head.shard != y->head.shard ? (x->head.shard > y->head.shard) - (x->head.shard < y->head.shard)
                                          : strcmp(x->directory, y->directory);
}

/* --- what goes together ----------------------------------------------------------------------------------------- */

static bool same_only(const struct matrix_head *a, const struct matrix_head *b)
{
    if (a->only_count != b->only_count)
        return false;
    for (size_t i = 0; i < a->only_count; i++)
        if (strcmp(a->only[i], b->only[i]) != 0)
            return false;
    return true;
}

static int check_pair(const struct part *a, const struct part *b, struct err *e)
{
    const struct matrix_head *x = &a->head, *y = &b->head;
    if (strcmp(x->hash, y->hash) != 0)
        return err_set(e, ERR_INPUT, "%s and %s are of different matrices: merge takes shards of one", a->directory,
                       b->directory);
    if (!same_only(x, y))
        return err_set(e, ERR_INPUT, "%s and %s were run with different --only: merge takes shards of one choice",
                       a->directory, b->directory);
    if (x->shards != y->shards)
        return err_set(e, ERR_INPUT, "%s is one of %u shards, %s one of %u: merge takes shards of one sharding",
                       a->directory, x->shards, b->directory, y->shards);
    if (strcmp(x->plan, y->plan) != 0)
        return err_set(e, ERR_INPUT,
                       "%s and %s were cut with different --durations, so cells are twice in them or not at all: give "
                       "all shards the same file",
                       a->directory, b->directory);
    return 0;
}

/* --- attempts --------------------------------------------------------------------------------------------------- */

static int add_again(size_t cell, struct matrix_attempt *attempt, void *data, struct err *e)
{
    struct merge *m = data;
    struct matrix_cell_record *c = &m->again[cell];
    if (attempt->number != c->attempt_count + 1) {
        matrix_attempt_fini(attempt);
        return err_set(e, ERR_INPUT, "%s has its attempts out of order", m->r->matrix->cells[cell].id);
    }
    c->attempts = mem_grow(c->attempts, c->attempt_count, &c->attempt_capacity, sizeof *c->attempts);
    c->attempts[c->attempt_count++] = *attempt;
    return 0;
}

static bool same_attempts(const struct matrix_cell_record *a, const struct matrix_cell_record *b)
{
    if (a->attempt_count != b->attempt_count)
        return false;
    for (size_t i = 0; i < a->attempt_count; i++) {
        const struct matrix_attempt *x = &a->attempts[i], *y = &b->attempts[i];
        if (!matrix_attempt_same(x, y) || x->exit_code != y->exit_code || x->duration_ms != y->duration_ms ||
            strcmp(x->conclusion, y->conclusion) != 0)
            return false;
    }
    return true;
}

static void drop(struct matrix_cell_record *c)
{
    for (size_t i = 0; i < c->attempt_count; i++)
        matrix_attempt_fini(&c->attempts[i]);
    free(c->attempts);
    *c = (struct matrix_cell_record){0};
}

/* Moves what was read into the record. */
static int take(struct merge *m, struct err *e)
{
    int result = 0;
    for (size_t i = 0; i < m->r->matrix->cell_count; i++) {
        struct matrix_cell_record *from = &m->again[i], *to = &m->r->cells[i];
        if (from->attempt_count == 0)
            continue;
        if (to->attempt_count == 0) {
            from->cell = i;
            *to = *from;
            *from = (struct matrix_cell_record){0};
            m->owners[i] = m->now + 1;
            continue;
        }
        if (result == 0 && !same_attempts(from, to))
            result = err_set(e, ERR_INPUT, "%s and %s both have the cell %s (%s), with other results: leave one out",
                             m->parts[m->owners[i] - 1].directory, m->parts[m->now].directory,
                             m->r->matrix->cells[i].id, m->r->matrix->cells[i].key);
        drop(from);
    }
    return result;
}

static int read_parts(struct merge *m, struct err *e)
{
    int result = 0;
    for (m->now = 0; result == 0 && m->now < m->count; m->now++) {
        const struct part *p = &m->parts[m->now];
        result = matrix_record_mark(m->r, &m->ids, &p->head, e);
        if (result < 0)
            err_wrap(e, "%s", p->directory);
        else
            result = matrix_record_read_cells(p->directory, &m->ids, add_again, m, NULL, e);
        if (result == 0)
            result = take(m, e);
        m->r->interrupted |= p->head.interrupted;
    }
    for (size_t i = 0; i < m->r->matrix->cell_count; i++)
        drop(&m->again[i]);
    return result;
}

/* --- shards ----------------------------------------------------------------------------------------------------- */

static void mark_shards(const struct matrix_head *h, bool *there)
{
    if (h->shard > 0) {
        there[h->shard] = true;
        return;
    }
    bool *missing = mem_calloc(h->shards + 1, sizeof *missing);
    for (size_t i = 0; i < h->missing_count; i++)
        missing[h->missing[i]] = true;
    for (unsigned i = 1; i <= h->shards; i++)
        there[i] |= !missing[i];
    free(missing);
}

/* A merge of all is the whole: it is told by nothing from one that was never cut. */
static void find_missing(struct merge *m)
{
    struct matrix_record *r = m->r;
    unsigned shards = m->parts[0].head.shards;
    bool *there = mem_calloc(shards + 1, sizeof *there);
    for (size_t i = 0; i < m->count; i++)
        mark_shards(&m->parts[i].head, there);
    free(r->missing);
    r->missing = mem_calloc(shards, sizeof *r->missing);
    r->missing_count = 0;
    for (unsigned i = 1; i <= shards; i++)
        if (!there[i])
            r->missing[r->missing_count++] = i;
    r->shard = r->missing_count ? 0 : 1;
    r->shards = r->missing_count ? shards : 1;
    if (r->missing_count == 0)
        r->plan[0] = '\0';
    free(there);
}

static int merge_parts(struct merge *m, struct err *e)
{
    for (size_t i = 1; i < m->count; i++)
        if (check_pair(&m->parts[0], &m->parts[i], e) < 0)
            return -1;
    if (matrix_record_open(m->parts[0].directory, &m->parts[0].head, &m->r, e) < 0)
        return -1;
    size_t cells = m->r->matrix->cell_count;
    matrix_ids_init(&m->ids, m->r->matrix);
    m->owners = mem_calloc(cells, sizeof *m->owners);
    m->again = mem_calloc(cells, sizeof *m->again);
    int result = read_parts(m, e);
    if (result == 0)
        find_missing(m);
    matrix_ids_fini(&m->ids);
    free(m->owners);
    free(m->again);
    return result;
}

int matrix_record_merge(const char *const *directories, size_t count, struct matrix_record **out, struct err *e)
{
    struct merge m = {.parts = mem_calloc(count, sizeof *m.parts)};
    int result = count > 0 ? 0 : err_set(e, ERR_INPUT, "there is no directory to merge");
    for (size_t i = 0; result == 0 && i < count; i++) {
        m.parts[i].directory = directories[i];
        result = matrix_head_read(directories[i], &m.parts[i].head, e);
        m.count += result == 0;
    }
    if (result == 0) {
        qsort(m.parts, m.count, sizeof *m.parts, compare_parts);
        result = merge_parts(&m, e);
    }
    for (size_t i = 0; i < m.count; i++)
        matrix_head_fini(&m.parts[i].head);
    free(m.parts);
    if (result < 0)
        matrix_record_free(m.r);
    else
        *out = m.r;
    return result;
}
