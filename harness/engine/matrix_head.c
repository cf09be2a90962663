/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/matrix_head.h"

#include "base/json.h"
#include "base/mem.h"
#include "io/disk.h"

#include <stdlib.h>
#include <string.h>

/* Ids of MATRIX_CELLS_MAX cells with their quotes are 1.5 MB. */
#define HEAD_SIZE_MAX ((size_t)16 << 20)
/* Filters of a command line. */
#define ONLY_MAX 1000

/* --- writing ---------------------------------------------------------------------------------------------------- */

static bool has_all(const struct matrix_record *r)
{
    return memcmp(r->chosen, r->mine, r->matrix->cell_count * sizeof *r->mine) == 0;
}

void matrix_head_print(const struct matrix_record *r, struct buf *out)
{
    struct json_out j = json_begin(out, 2);
    json_object(&j);
    json_put_string(&j, "schema", MATRIX_SCHEMA);
    json_put_string(&j, "path", r->matrix->path);
    json_put_string(&j, "name", r->matrix->name);
    json_put_string(&j, "hash", r->matrix->hash);
    json_key(&j, "only");
    json_array(&j);
    for (size_t i = 0; i < r->only_count; i++)
        json_string(&j, r->only[i]);
    json_array_end(&j);
    json_put_uint(&j, "shard", r->shard);
    json_put_uint(&j, "shards", r->shards);
    json_put_string(&j, "plan", r->plan);
    json_put_bool(&j, "interrupted", r->interrupted);
    json_key(&j, "missing");
    json_array(&j);
    for (size_t i = 0; i < r->missing_count; i++)
        json_uint(&j, r->missing[i]);
    json_array_end(&j);
    json_key(&j, "cells");
    if (has_all(r)) {
        json_string(&j, "all");
    } else {
        json_array(&j);
        for (size_t i = 0; i < r->matrix->cell_count; i++)
            if (r->mine[i])
                json_string(&j, r->matrix->cells[i].id);
        json_array_end(&j);
    }
    json_object_end(&j);
    buf_add_char(out, '\n');
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

/* A list of texts, copied. */
static int read_texts(const struct json *list, const char *key, size_t max, char ***out, size_t *count, struct err *e)
{
    if (!list || list->type != JSON_ARRAY || list->size > max)
        return err_set(e, ERR_INPUT, "\"%s\" is no list of at most %zu", key, max);
    *out = mem_calloc(list->size, sizeof **out);
    for (size_t i = 0; i < list->size; i++) {
        if (list->items[i].type != JSON_STRING)
            return err_set(e, ERR_INPUT, "\"%s\" has something that is no text", key);
        (*out)[(*count)++] = mem_strdup(list->items[i].string);
    }
    return 0;
}

static int read_missing(const struct json *j, struct matrix_head *h, struct err *e)
{
    const struct json *list = json_get(j, "missing");
    if (!list || list->type != JSON_ARRAY || list->size > h->shards)
        return err_set(e, ERR_INPUT, "\"missing\" is no list of shards");
    h->missing = mem_calloc(list->size, sizeof *h->missing);
    for (size_t i = 0; i < list->size; i++) {
        const struct json *one = &list->items[i];
        if (!one->is_integer || one->integer < 1 || one->integer > h->shards)
            return err_set(e, ERR_INPUT, "\"missing\" is no list of shards");
        h->missing[h->missing_count++] = (unsigned)one->integer;
    }
    return 0;
}

static int read_shards(const struct json *j, struct matrix_head *h, struct err *e)
{
    int64_t shard = json_get_int(j, "shard", -1), shards = json_get_int(j, "shards", -1);
    if (shards < 1 || shards > MATRIX_SHARDS_MAX || shard < 0 || shard > shards)
        return err_set(e, ERR_INPUT, "\"shard\" and \"shards\" are no part of a whole");
    h->shard = (unsigned)shard;
    h->shards = (unsigned)shards;
    h->interrupted = json_get_bool(j, "interrupted", false);
    return read_missing(j, h, e);
}

static int read_head(const struct json *j, struct matrix_head *h, struct err *e)
{
    const struct json *cells = json_get(j, "cells");
    const char *path = json_get_string(j, "path", NULL), *hash = json_get_string(j, "hash", NULL);
    const char *plan = json_get_string(j, "plan", NULL);
    if (strcmp(json_get_string(j, "schema", ""), MATRIX_SCHEMA) != 0)
        return err_set(e, ERR_INPUT, "\"schema\" is not %s: made by another version of locktrail", MATRIX_SCHEMA);
    if (!path || !hash || !plan)
        return err_set(e, ERR_INPUT, "\"%s\" is missing", !path ? "path" : !hash ? "hash" : "plan");
    h->path = mem_strdup(path);
    h->hash = mem_strdup(hash);
    h->plan = mem_strdup(plan);
    if (read_shards(j, h, e) < 0 || read_texts(json_get(j, "only"), "only", ONLY_MAX, &h->only, &h->only_count, e) < 0)
        return -1;
    h->all = cells && cells->type == JSON_STRING && strcmp(cells->string, "all") == 0;
    return h->all ? 0 : read_texts(cells, "cells", MATRIX_CELLS_MAX, &h->mine, &h->mine_count, e);
}

int matrix_head_read(const char *directory, struct matrix_head *out, struct err *e)
{
    char *path = mem_printf("%s/matrix.json", directory);
    struct buf bytes = {0};
    struct json *j = NULL;
    struct matrix_head h = {0};
    int result = disk_read_now(path, HEAD_SIZE_MAX, &bytes, e);
    if (result == 0 && (json_read(bytes.data ? bytes.data : "", bytes.size, &j, e) < 0 || read_head(j, &h, e) < 0))
        result = err_wrap(e, "%s", path);
    json_free(j);
    buf_fini(&bytes);
    free(path);
    if (result < 0)
        matrix_head_fini(&h);
    else
        *out = h;
    return result;
}

void matrix_head_fini(struct matrix_head *h)
{
    for (size_t i = 0; i < h->only_count; i++)
        free(h->only[i]);
    for (size_t i = 0; i < h->mine_count; i++)
        free(h->mine[i]);
    free(h->only);
    free(h->mine);
    free(h->missing);
    free(h->path);
    free(h->hash);
    free(h->plan);
    *h = (struct matrix_head){0};
}

/* --- ids -------------------------------------------------------------------------------------------------------- */

static int compare_ids(const void *a, const void *b, void *data)
{
    const struct matrix *m = data;
    return strcmp(m->cells[*(const size_t *)a].id, m->cells[*(const size_t *)b].id);
}

void matrix_ids_init(struct matrix_ids *ids, const struct matrix *m)
{
    *ids = (struct matrix_ids){m, mem_calloc(m->cell_count, sizeof *ids->sorted)};
    for (size_t i = 0; i < m->cell_count; i++)
        ids->sorted[i] = i;
    qsort_r(ids->sorted, m->cell_count, sizeof *ids->sorted, compare_ids, (void *)(uintptr_t)m);
}

int64_t matrix_ids_find(const struct matrix_ids *ids, const char *id)
{
    size_t low = 0, high = ids->matrix->cell_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(ids->matrix->cells[ids->sorted[middle]].id, id);
        if (order == 0)
            return (int64_t)ids->sorted[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

void matrix_ids_fini(struct matrix_ids *ids)
{
    free(ids->sorted);
}
