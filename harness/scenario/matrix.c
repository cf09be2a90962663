/* SPDX-License-Identifier: Apache-2.0 */
/* bytes -> tree -> keys -> axes -> cells -> hash, and perhaps checks. */
#include "scenario/matrix.h"

#include "base/mem.h"
#include "scenario/keys.h"
#include "scenario/matrix_internal.h"
#include "scenario/read.h"
#include "scenario/textcheck.h"

#include <stdlib.h>
#include <string.h>

#define ROWS(array) .rows = (array), .count = sizeof(array) / sizeof *(array)
#define AT(member) offsetof(struct matrix, member)
/* What decides the cells, in this form: a change of it makes other hashes. */
#define HASH_FORM "locktrail/matrix/1"
#define MATRIX_WHAT "a matrix"
#define MATRIX_KEYS "`name`, `scenario` and `axes`"

static const struct key rows[] = {
    {.name = "name",
     .type = KEY_TEXT,
     .offset = AT(name),
     .required = true,
     .check = check_file_name,
     .expected = KEY_FILE_NAME,
     .help = "the matrix's name, also in the name of its directory"},
    {.name = "description",
     .type = KEY_TEXT,
     .offset = AT(description),
     .initial = "",
     .expected = "text",
     .help = "for people"},
    {.name = "scenario",
     .type = KEY_TEXT,
     .offset = AT(scenario),
     .min = 1,
     .max = 4095,
     .required = true,
     .check = check_one_line,
     .expected = "the path of a scenario file",
     .help = "what each cell runs; a relative path begins at the matrix file"},
    {.name = "axes",
     .type = KEY_APART,
     .required = true,
     .expected = "a mapping of axes, a list of values under each name",
     .help =
         "what is varied: a key of the scenario or of its workers, ddtrace (release), agent, fault, or NAME: {PATH: "
         "VALUE} values"},
    {.name = "include",
     .type = KEY_APART,
     .expected = "a list of mappings of axes and their values",
     .help = "further cells; an axis that is not named stays as the scenario has it"},
    {.name = "exclude",
     .type = KEY_APART,
     .expected = "a list of mappings of axes and their values",
     .help = "combinations that are left out; a value may be a pattern (4.*) or a list"},
    {.name = "repeat",
     .type = KEY_UNSIGNED,
     .offset = AT(repeat),
     .min = 1,
     .max = MATRIX_REPEAT_MAX,
     .initial = "1",
     .help = "how often each combination is run, each time with another seed"},
    {.name = "seed", .type = KEY_UINT64, .offset = AT(seed), .max = 1e9, .initial = "1", .help = "the first seed"},
    {.name = "retries",
     .type = KEY_UNSIGNED,
     .offset = AT(retries),
     .max = 100,
     .initial = "2",
     .help = "how often a cell that is no success is run again, to see whether it is flaky"},
    {.name = "cpus",
     .type = KEY_NUMBER,
     .offset = AT(cpus),
     .min = 0,
     .above = true,
     .max = 1024,
     .initial = "1",
     .help = "processors that one cell needs"},
    {.name = "memory",
     .type = KEY_SIZE,
     .offset = AT(memory),
     .min = KEY_MIB(1),
     .max = KEY_GIB(1024),
     .zero = "not looked at",
     .initial = "0",
     .help = "memory that one cell needs"},
    {.name = "timeout",
     .type = KEY_DURATION,
     .offset = AT(timeout_ms),
     .min = 1000,
     .max = KEY_HOURS(168),
     .zero = "its duration and half a minute",
     .initial = "0",
     .help = "after which a cell is ended, as an error"},
};
static const struct key_table table = {ROWS(rows)};

void matrix_describe_keys(struct buf *out)
{
    keys_describe(out, &table, "");
}

/* --- the scenario ----------------------------------------------------------------------------------------------- */

static struct scenario *read_scenario(struct matrix_reading *r)
{
    struct scenario *s = NULL;
    struct diagnostics found = {0};
    struct node *key = NULL;
    const struct node *value = node_get(r->root, "scenario", &key);
    if (scenario_read(r->m->scenario, r->scenario_bytes, r->scenario_size, NULL, 0, &s, &found) < 0) {
        struct step step = {NULL, "scenario", 0};
        const struct diagnostic *d = &found.items[0];
        complain(&r->complaints, value ? value->place : r->root->place, &step, "%s:%u:%u: %s", r->m->scenario, d->line,
                 d->column, d->text);
    }
    diagnostics_fini(&found);
    return s;
}

/* --- hash ------------------------------------------------------------------------------------------------------- */

static void hash_axes(const struct matrix *m, struct buf *out)
{
    for (size_t i = 0; i < m->axis_count; i++) {
        buf_printf(out, "axis %s %d\n", m->axes[i].name, (int)m->axes[i].order);
        for (size_t j = 0; j < m->axes[i].value_count; j++) {
            const struct matrix_value *v = &m->axes[i].values[j];
            buf_printf(out, "value %s\n", v->label);
            for (size_t k = 0; k < v->override_count; k++) {
                buf_printf(out, "set %s=%s\n", v->overrides[k].path, v->overrides[k].value);
            }
        }
    }
}

static void make_hash(struct matrix_reading *r)
{
    struct matrix *m = r->m;
    struct buf text = {0};
    char hash[MATRIX_HASH_SIZE];
    buf_printf(&text, "%s\nretries %u\n", HASH_FORM, m->retries);
    scenario_print(r->base, &text);
    hash_axes(m, &text);
    for (size_t i = 0; i < m->cell_count; i++) {
        buf_printf(&text, "cell %s\n", m->cells[i].id);
    }
    r->hash(text.data, text.size, hash);
    m->hash = mem_strdup(hash);
    buf_fini(&text);
}

/* --- all -------------------------------------------------------------------------------------------------------- */

/* The tree of the file, or NULL after a complaint. */
static struct node *read_root(struct complaints *c)
{
    if (c->size > SCENARIO_SIZE_MAX) {
        /* cppcheck-suppress varFuncNullUB ; the NULL is a typed argument, the last one is a format */
        complain(c, (struct place){1, 1, NULL}, NULL, "the file has %zu bytes, expected a matrix of at most 1MiB",
                 c->size);
        return NULL;
    }
    struct node *root = tree_read(c, NULL);
    if (root && root->kind != NODE_MAP) {
        struct buf found = {0};
        node_describe(&found, root);
        if (!root->bad) {
            complain(c, root->place, NULL, "%s found, expected %s: a mapping with at least %s", found.data, c->what,
                     c->keys);
        }
        buf_fini(&found);
        node_free(root);
        root = NULL;
    }
    return root;
}

int matrix_read_scenario_path(const char *path, const char *bytes, size_t size, char **scenario,
                              struct diagnostics *diagnostics)
{
    struct complaints c = {size ? bytes : "", size, diagnostics, MATRIX_WHAT, MATRIX_KEYS};
    struct matrix *m = mem_calloc(1, sizeof *m);
    *diagnostics = (struct diagnostics){0};
    struct node *root = read_root(&c);
    m->path = mem_strdup(path);
    if (root) {
        read_table(&c, &table, root, m);
    }
    complaints_sort(diagnostics);
    int result = diagnostics->count ? -1 : 0;
    if (result == 0) {
        *scenario = mem_strdup(m->scenario);
    }
    node_free(root);
    matrix_free(m);
    return result;
}

/* Each step only on what is good so far: what follows from a complaint would only repeat it. */
static void read_parts(struct matrix_reading *r, bool check)
{
    const struct diagnostics *found = r->complaints.list;
    read_table(&r->complaints, &table, r->root, r->m);
    if (found->count) {
        return;
    }
    struct scenario *base = read_scenario(r);
    r->base = base;
    if (base) {
        matrix_read_axes(r);
    }
    if (found->count == 0) {
        matrix_read_cells(r);
    }
    if (found->count == 0 && check) {
        matrix_check(r);
    }
    if (found->count == 0) {
        make_hash(r);
    }
    scenario_free(base);
}

int matrix_read(const char *path, const char *bytes, size_t size, const char *scenario_bytes, size_t scenario_size,
                matrix_hash_fn hash, bool check, struct matrix **out, struct diagnostics *diagnostics)
{
    struct matrix_reading r = {.complaints = {size ? bytes : "", size, diagnostics, MATRIX_WHAT, MATRIX_KEYS},
                               .m = mem_calloc(1, sizeof *r.m),
                               .scenario_bytes = scenario_size ? scenario_bytes : "",
                               .scenario_size = scenario_size,
                               .hash = hash};
    *diagnostics = (struct diagnostics){0};
    r.m->path = mem_strdup(path);
    r.root = read_root(&r.complaints);
    if (r.root) {
        read_parts(&r, check);
    }
    node_free(r.root);
    complaints_sort(diagnostics);
    if (diagnostics->count) {
        matrix_free(r.m);
        return -1;
    }
    *out = r.m;
    return 0;
}

void matrix_free(struct matrix *m)
{
    if (m == NULL) {
        return;
    }
    for (size_t i = 0; i < m->axis_count; i++) {
        matrix_free_axis(&m->axes[i]);
    }
    for (size_t i = 0; i < m->cell_count; i++) {
        free(m->cells[i].id);
        free(m->cells[i].key);
        free(m->cells[i].values);
    }
    free(m->axes);
    free(m->cells);
    free(m->path);
    free(m->hash);
    read_fini(&table, m);
    free(m);
}
