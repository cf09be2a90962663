/* SPDX-License-Identifier: Apache-2.0 */
/* What an axis's name stands for in the scenario. */
#include "base/mem.h"
#include "scenario/keys.h"
#include "scenario/matrix_internal.h"
#include "scenario/nearest.h"

#include <stdlib.h>
#include <string.h>

/* Names that are no keys. `list`: the value stands in a list there, and `none` is an empty one. */
static const struct {
    const char *name, *path, *worker_key;
    bool list;
} short_names[] = {
    {"ddtrace", NULL, "version", false}, {"agent", "agents", NULL, true}, {"fault", "faults", NULL, true}};

static const struct key *find_key(const struct key_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->rows[i].name, name) == 0) {
            return &table->rows[i];
        }
    }
    return NULL;
}

static bool has_key(const struct scenario_worker *w, const struct key *key)
{
    return key->only == NULL || key->only->holds(w);
}

static void add_path(char ***paths, size_t *count, char *path)
{
    *paths = mem_realloc(*paths, *count + 1, sizeof **paths);
    (*paths)[(*count)++] = path;
}

/* The key of each worker that has it. */
static int worker_paths(struct matrix_reading *r, const struct node *node, const struct key *key, char ***paths,
                        size_t *count)
{
    const struct scenario *s = r->base;
    for (size_t i = 0; i < s->worker_count; i++) {
        if (has_key(&s->workers[i], key)) {
            add_path(paths, count, mem_printf("workers.%s.%s", s->workers[i].name, key->name));
        }
    }
    if (*count == 0) {
        struct step axes = {NULL, "axes", 0}, step = {&axes, node->text, 0};
        complain(&r->complaints, node->place, &step,
                 "no worker of the scenario has the key `%s`, which goes only with %s", key->name,
                 key->only ? key->only->note : "a worker");
        return -2;
    }
    return 0;
}

static void offer_names(struct nearest *best, const char *name)
{
    for (size_t i = 0; i < sizeof short_names / sizeof *short_names; i++) {
        nearest_offer(best, name, short_names[i].name);
    }
    for (size_t i = 0; i < keys_worker.count; i++) {
        nearest_offer(best, name, keys_worker.rows[i].name);
    }
    for (size_t i = 0; i < keys_root.count; i++) {
        nearest_offer(best, name, keys_root.rows[i].name);
    }
}

int matrix_axis_paths(struct matrix_reading *r, const struct node *node, char ***paths, size_t *count, bool *wrap,
                      const char **nearest)
{
    const char *name = node->text;
    struct nearest best = {0};
    *paths = NULL;
    *count = 0;
    *wrap = false;
    *nearest = NULL;
    for (size_t i = 0; i < sizeof short_names / sizeof *short_names; i++) {
        if (strcmp(short_names[i].name, name) == 0) {
            *wrap = short_names[i].list;
            if (short_names[i].worker_key) {
                return worker_paths(r, node, find_key(&keys_worker, short_names[i].worker_key), paths, count);
            }
            add_path(paths, count, mem_strdup(short_names[i].path));
            return 0;
        }
    }
    if (strchr(name, '.') || find_key(&keys_root, name)) {
        add_path(paths, count, mem_strdup(name));
        return 0;
    }
    const struct key *key = find_key(&keys_worker, name);
    if (key) {
        return worker_paths(r, node, key, paths, count);
    }
    offer_names(&best, name);
    *nearest = best.word;
    return -1;
}
