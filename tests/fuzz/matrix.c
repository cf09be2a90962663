/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a matrix file over a scenario with a worker of each runtime. What is complained of can be shown; what is
 * good has cells that are each there once, and whose overrides make scenarios. */
#include "../unit/support/matrix_text.h"
#include "base/utf8.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Cells that are looked at one by one. */
#define LOOKED_AT 50

static void require(bool holds, const char *what, const char *text)
{
    if (!holds) {
        fprintf(stderr, "%s:\n%s\n", what, text ? text : "");
        abort();
    }
}

static void check_cell(const struct matrix *m, const struct matrix_cell *cell)
{
    struct scenario *s = NULL;
    struct diagnostics d;
    size_t count;
    struct scenario_override *overrides = matrix_cell_overrides(m, cell, &count);
    int result = scenario_read("base.yaml", matrix_scenario, strlen(matrix_scenario), overrides, count, &s, &d);
    require(result == 0, "a cell of a checked matrix is no scenario", d.count ? d.items[0].text : "");
    require(strlen(cell->id) == MATRIX_ID_DIGITS, "an id of another length", cell->id);
    scenario_free(s);
    diagnostics_fini(&d);
    free(overrides);
}

static void check_matrix(const struct matrix *m)
{
    require(m->cell_count > 0 && m->cell_count <= MATRIX_CELLS_MAX, "the number of cells", m->name);
    unsigned *shards = calloc(m->cell_count, sizeof *shards);
    bool *chosen = calloc(m->cell_count, sizeof *chosen);
    struct err e;
    matrix_shard(m, NULL, NULL, 3, shards);
    require(matrix_filter(m, (const char *const[]){"seed=*"}, 1, chosen, &e) == 0, "a filter of all", m->name);
    for (size_t i = 0; i < m->cell_count; i++) {
        require(shards[i] >= 1 && shards[i] <= 3 && chosen[i], "a cell without a shard", m->cells[i].key);
        if (i < LOOKED_AT) {
            check_cell(m, &m->cells[i]);
        }
    }
    free(shards);
    free(chosen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf said = {0}, text = {0};
    /* What has no `axes` is taken for what stands below it. */
    if (memmem(data, size, "axes", 4) == NULL) {
        buf_add_str(&text, "name: m\nscenario: base.yaml\naxes: ");
    }
    buf_add(&text, data, size);
    struct matrix *m = read_matrix(text.data ? text.data : "", text.size, matrix_scenario, &said);
    require(utf8_valid(said.data ? said.data : "", said.size) == said.size, "not UTF-8", said.data);
    require(strchr(said.data ? said.data : "", '\x1B') == NULL, "an escape sequence", said.data);
    if (m) {
        check_matrix(m);
    }
    matrix_free(m);
    buf_fini(&said);
    buf_fini(&text);
    return 0;
}
