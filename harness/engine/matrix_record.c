/* SPDX-License-Identifier: Apache-2.0 */
/* A record made, and read back from its directory. */
#include "engine/matrix_record.h"

#include "base/mem.h"
#include "engine/matrix_head.h"
#include "io/disk.h"
#include "io/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* 100,000 cells with three attempts of a hundred losses each are half of it. */
#define CELLS_SIZE_MAX ((size_t)1 << 30)

_Static_assert(MATRIX_HASH_SIZE == HASH_TEXT_SIZE, "the matrix's hash is SHA-256");

/* --- making ----------------------------------------------------------------------------------------------------- */

static struct matrix_record *make(struct matrix *matrix, char *const *only, size_t only_count, unsigned shard,
                                  unsigned shards, const char *plan)
{
    struct matrix_record *r = mem_calloc(1, sizeof *r);
    r->matrix = matrix;
    r->cells = mem_calloc(matrix->cell_count, sizeof *r->cells);
    r->chosen = mem_calloc(matrix->cell_count, sizeof *r->chosen);
    r->mine = mem_calloc(matrix->cell_count, sizeof *r->mine);
    r->only = mem_calloc(only_count, sizeof *r->only);
    for (size_t i = 0; i < only_count; i++)
        r->only[r->only_count++] = mem_strdup(only[i]);
    r->plan = mem_strdup(plan);
    r->shard = shard;
    r->shards = shards;
    for (size_t i = 0; i < matrix->cell_count; i++)
        r->cells[i].cell = i;
    return r;
}

/* Which cells are this shard's, and the plan's hash. */
static void plan_shards(struct matrix_record *r, const int64_t *durations_ms)
{
    size_t count = r->matrix->cell_count;
    unsigned *shards = mem_calloc(count, sizeof *shards);
    char hash[HASH_TEXT_SIZE];
    matrix_shard(r->matrix, r->chosen, durations_ms, r->shards, shards);
    for (size_t i = 0; i < count; i++)
        r->mine[i] = shards[i] == r->shard;
    hash_text(shards, count * sizeof *shards, hash);
    free(r->plan);
    r->plan = mem_strdup(r->shards > 1 ? hash : "");
    free(shards);
}

static bool is_empty(const bool *set, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (set[i])
            return false;
    return true;
}

int matrix_record_new(struct matrix *matrix, const char *const *only, size_t only_count, unsigned shard,
                      unsigned shards, const int64_t *durations_ms, struct matrix_record **out, struct err *e)
{
    struct matrix_record *r = make(matrix, (char *const *)(uintptr_t)only, only_count, shard, shards, "");
    int result = matrix_filter(matrix, only, only_count, r->chosen, e);
    if (result == 0)
        plan_shards(r, durations_ms);
    /* A shard may be empty: a farm of eight runs a matrix of five cells too. */
    if (result == 0 && is_empty(r->chosen, matrix->cell_count))
        result = err_set(e, ERR_USAGE, "no cell of %s has all that --only asks for", matrix->path);
    if (result < 0)
        matrix_record_free(r);
    else
        *out = r;
    return result;
}

void matrix_record_add(struct matrix_record *r, size_t cell, struct matrix_attempt *attempt)
{
    struct matrix_cell_record *c = &r->cells[cell];
    c->attempts = mem_grow(c->attempts, c->attempt_count, &c->attempt_capacity, sizeof *c->attempts);
    c->attempts[c->attempt_count++] = *attempt;
}

void matrix_record_free(struct matrix_record *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->matrix->cell_count; i++) {
        for (size_t j = 0; j < r->cells[i].attempt_count; j++)
            matrix_attempt_fini(&r->cells[i].attempts[j]);
        free(r->cells[i].attempts);
    }
    for (size_t i = 0; i < r->only_count; i++)
        free(r->only[i]);
    free(r->only);
    free(r->cells);
    free(r->chosen);
    free(r->mine);
    free(r->missing);
    free(r->plan);
    matrix_free(r->matrix);
    free(r);
}

/* --- the matrix of a directory ---------------------------------------------------------------------------------- */

static int read_file(const char *directory, const char *name, size_t max, struct buf *out, struct err *e)
{
    char *path = mem_printf("%s/%s", directory, name);
    int result = disk_read_now(path, max, out, e);
    free(path);
    return result;
}

static int read_matrix(const char *directory, const char *path, struct matrix **out, struct err *e)
{
    struct buf matrix = {0}, scenario = {0};
    struct diagnostics found = {0};
    int result = read_file(directory, "matrix.yaml", SCENARIO_SIZE_MAX, &matrix, e) < 0 ||
                         read_file(directory, "scenario.yaml", SCENARIO_SIZE_MAX, &scenario, e) < 0
                     ? -1
                     : 0;
    if (result == 0 &&
        matrix_read(path, matrix.data ? matrix.data : "", matrix.size, scenario.data ? scenario.data : "",
                    scenario.size, hash_text, false, out, &found) < 0)
        result = err_set(e, ERR_INPUT, "%s/matrix.yaml:%u:%u: %s", directory, found.items[0].line,
                         found.items[0].column, found.items[0].text);
    diagnostics_fini(&found);
    buf_fini(&matrix);
    buf_fini(&scenario);
    return result;
}

int matrix_record_open(const char *directory, const struct matrix_head *h, struct matrix_record **out, struct err *e)
{
    struct matrix *m = NULL;
    if (read_matrix(directory, h->path, &m, e) < 0)
        return -1;
    if (strcmp(m->hash, h->hash) != 0) {
        matrix_free(m);
        return err_set(e, ERR_INPUT,
                       "%s/matrix.yaml and scenario.yaml are not what was run there: they were changed, or another "
                       "version of locktrail reads them",
                       directory);
    }
    struct matrix_record *r = make(m, h->only, h->only_count, h->shard, h->shards, h->plan);
    r->interrupted = h->interrupted;
    r->missing = mem_calloc(h->missing_count, sizeof *r->missing);
    for (size_t i = 0; i < h->missing_count; i++)
        r->missing[r->missing_count++] = h->missing[i];
    if (matrix_filter(m, (const char *const *)h->only, h->only_count, r->chosen, e) < 0) {
        matrix_record_free(r);
        return err_wrap(e, "%s/matrix.json", directory);
    }
    *out = r;
    return 0;
}

int matrix_record_mark(struct matrix_record *r, const struct matrix_ids *ids, const struct matrix_head *h,
                       struct err *e)
{
    for (size_t i = 0; h->all && i < r->matrix->cell_count; i++)
        r->mine[i] = r->chosen[i];
    for (size_t i = 0; i < h->mine_count; i++) {
        int64_t cell = matrix_ids_find(ids, h->mine[i]);
        if (cell < 0 || !r->chosen[cell])
            return err_set(e, ERR_INPUT, "matrix.json names %s, which is no cell of the matrix", h->mine[i]);
        r->mine[cell] = true;
    }
    return 0;
}

/* --- attempts --------------------------------------------------------------------------------------------------- */

static int read_line(const char *line, size_t size, const struct matrix_ids *ids, matrix_add_fn add, void *data,
                     struct err *e)
{
    struct matrix_attempt attempt;
    char *id;
    if (matrix_attempt_read(line, size, &id, &attempt, e) < 0)
        return -1;
    int64_t cell = matrix_ids_find(ids, id);
    int result =
        cell < 0 ? err_set(e, ERR_INPUT, "%s is no cell of the matrix", id) : add((size_t)cell, &attempt, data, e);
    if (cell < 0)
        matrix_attempt_fini(&attempt);
    free(id);
    return result;
}

/* The file may be missing: nothing has ended yet. */
int matrix_record_read_cells(const char *directory, const struct matrix_ids *ids, matrix_add_fn add, void *data,
                             size_t *whole, struct err *e)
{
    struct buf bytes = {0};
    struct err why;
    size_t at = 0;
    unsigned number = 0;
    if (whole)
        *whole = 0;
    if (read_file(directory, "cells.jsonl", CELLS_SIZE_MAX, &bytes, &why) < 0) {
        if (why.code == ERR_MISSING)
            return 0;
        *e = why;
        return -1;
    }
    int result = 0;
    for (const char *end; result == 0 && at < bytes.size && (end = memchr(bytes.data + at, '\n', bytes.size - at));) {
        size_t size = (size_t)(end - bytes.data) - at;
        number++;
        if (read_line(bytes.data + at, size, ids, add, data, e) < 0)
            result = err_wrap(e, "%s/cells.jsonl:%u", directory, number);
        at += size + 1;
    }
    if (whole)
        *whole = at;
    buf_fini(&bytes);
    return result;
}

static int add_loaded(size_t cell, struct matrix_attempt *attempt, void *data, struct err *e)
{
    struct matrix_record *r = data;
    if (!r->mine[cell] || attempt->number != r->cells[cell].attempt_count + 1) {
        bool mine = r->mine[cell];
        matrix_attempt_fini(attempt);
        return err_set(e, ERR_INPUT, "%s %s", r->matrix->cells[cell].id,
                       mine ? "has its attempts out of order" : "is a cell of another shard");
    }
    matrix_record_add(r, cell, attempt);
    return 0;
}

static int load(const char *directory, struct matrix_record **out, size_t *whole, struct err *e)
{
    struct matrix_head h;
    struct matrix_record *r = NULL;
    struct matrix_ids ids;
    if (matrix_head_read(directory, &h, e) < 0)
        return -1;
    int result = matrix_record_open(directory, &h, &r, e);
    if (result == 0) {
        matrix_ids_init(&ids, r->matrix);
        result = matrix_record_mark(r, &ids, &h, e);
        if (result < 0)
            err_wrap(e, "%s", directory);
        else
            result = matrix_record_read_cells(directory, &ids, add_loaded, r, whole, e);
        matrix_ids_fini(&ids);
    }
    matrix_head_fini(&h);
    if (result < 0)
        matrix_record_free(r);
    else
        *out = r;
    return result;
}

int matrix_record_load(const char *directory, struct matrix_record **out, struct err *e)
{
    return load(directory, out, NULL, e);
}

/* Whether there was one. */
static bool drop_refused(struct matrix_record *r)
{
    bool any = false;
    for (size_t i = 0; i < r->matrix->cell_count; i++) {
        struct matrix_cell_record *c = &r->cells[i];
        if (c->attempt_count == 0 || !matrix_attempt_refused(&c->attempts[c->attempt_count - 1]))
            continue;
        matrix_attempt_fini(&c->attempts[--c->attempt_count]);
        any = true;
    }
    return any;
}

static int cut(const char *directory, size_t whole, struct err *e)
{
    char *path = mem_printf("%s/cells.jsonl", directory);
    int result = 0;
    if (truncate(path, (off_t)whole) < 0 && errno != ENOENT)
        result = err_sys(e, ERR_WRITE, errno, "can't cut the torn last line off %s", path);
    free(path);
    return result;
}

int matrix_record_resume(const char *directory, struct matrix_record **out, struct err *e)
{
    size_t whole = 0;
    struct matrix_record *r;
    if (load(directory, &r, &whole, e) < 0)
        return -1;
    int result = drop_refused(r) ? matrix_record_write_cells(r, directory, e) : cut(directory, whole, e);
    if (result < 0)
        matrix_record_free(r);
    else
        *out = r;
    return result;
}
