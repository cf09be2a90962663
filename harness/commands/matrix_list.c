/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/matrix_list.h"

#include "base/json.h"
#include "base/mem.h"
#include "report/text.h"

#include <stdio.h>
#include <stdlib.h>

/* More shards than that are summed up. */
#define SHARDS_SHOWN 16

static unsigned *find_shards(const struct matrix_record *r, const int64_t *durations_ms)
{
    unsigned *shards = mem_calloc(r->matrix->cell_count, sizeof *shards);
    matrix_shard(r->matrix, r->chosen, durations_ms, r->shards, shards);
    return shards;
}

static void add_cells(const struct matrix_record *r, const unsigned *shards, struct buf *out)
{
    const struct matrix *m = r->matrix;
    for (size_t i = 0; i < m->cell_count; i++) {
        if (shards[i] == 0)
            continue;
        buf_add_str(out, m->cells[i].id);
        if (r->shards > 1)
            buf_printf(out, " %*u/%u", snprintf(NULL, 0, "%u", r->shards), shards[i], r->shards);
        buf_add_char(out, ' ');
        text_add_clean(out, m->cells[i].key);
        buf_add_char(out, '\n');
    }
}

static void add_duration(struct buf *out, int64_t ms)
{
    if (ms >= 3600000)
        buf_printf(out, "%lld h %lld min", (long long)(ms / 3600000), (long long)(ms / 60000 % 60));
    else if (ms >= 60000)
        buf_printf(out, "%lld min %lld s", (long long)(ms / 60000), (long long)(ms / 1000 % 60));
    else
        buf_printf(out, "%.1f s", (double)ms / 1000);
}

struct sums {
    size_t cells;
    int64_t ms;
};

static void add_shards(const struct matrix_record *r, const unsigned *shards, const int64_t *durations_ms,
                       struct buf *out)
{
    struct sums *sums = mem_calloc(r->shards + 1, sizeof *sums);
    for (size_t i = 0; i < r->matrix->cell_count; i++) {
        sums[shards[i]].cells += shards[i] > 0;
        sums[shards[i]].ms += durations_ms && shards[i] > 0 ? durations_ms[i] : 0;
    }
    for (unsigned i = 1; i <= r->shards; i++) {
        if (i > SHARDS_SHOWN && i != r->shard)
            continue;
        buf_printf(out, "shard %u of %u: %zu cell%s", i, r->shards, sums[i].cells, sums[i].cells == 1 ? "" : "s");
        if (sums[i].ms > 0) {
            buf_add_str(out, ", last time ");
            add_duration(out, sums[i].ms);
        }
        buf_add_str(out, i == r->shard ? " (this one)\n" : "\n");
    }
    free(sums);
}

void matrix_list(const struct matrix_record *r, const int64_t *durations_ms, bool quiet, struct buf *out)
{
    const struct matrix *m = r->matrix;
    unsigned *shards = find_shards(r, durations_ms);
    size_t chosen = 0;
    for (size_t i = 0; i < m->cell_count; i++)
        chosen += r->chosen[i];
    if (!quiet)
        add_cells(r, shards, out);
    if (r->shards > 1)
        add_shards(r, shards, durations_ms, out);
    buf_printf(out, "%zu cell%s", chosen, chosen == 1 ? "" : "s");
    if (chosen < m->cell_count)
        buf_printf(out, " of %zu", m->cell_count);
    buf_printf(out, " on %zu %s", m->axis_count, m->axis_count == 1 ? "axis" : "axes");
    if (m->repeat > 1)
        buf_printf(out, ", %u repeats each", m->repeat);
    buf_add_char(out, '\n');
    free(shards);
}

void matrix_list_json(const struct matrix_record *r, const int64_t *durations_ms, struct buf *out)
{
    const struct matrix *m = r->matrix;
    unsigned *shards = find_shards(r, durations_ms);
    struct json_out j = json_begin(out, 1);
    json_object(&j);
    json_put_string(&j, "hash", m->hash);
    json_put_uint(&j, "shards", r->shards);
    json_key(&j, "cells");
    json_array(&j);
    for (size_t i = 0; i < m->cell_count; i++) {
        if (shards[i] == 0)
            continue;
        json_object(&j);
        json_put_string(&j, "id", m->cells[i].id);
        json_put_string(&j, "key", m->cells[i].key);
        json_put_uint(&j, "seed", m->cells[i].seed);
        json_put_uint(&j, "shard", shards[i]);
        json_key(&j, "axes");
        json_object(&j);
        for (size_t k = 0; k < m->axis_count; k++)
            if (m->cells[i].values[k] >= 0)
                json_put_string(&j, m->axes[k].name, m->axes[k].values[m->cells[i].values[k]].label);
        json_object_end(&j);
        json_object_end(&j);
    }
    json_array_end(&j);
    json_object_end(&j);
    buf_add_char(out, '\n');
    free(shards);
}
