/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/check.h"

#include "trail/ledger.h"

#include <math.h>
#include <string.h>

/* A lock of a command. */
static void check_lock(struct complaints *c, const struct scenario_worker *w, size_t at, const struct node *locks,
                       const struct step *up)
{
    const struct scenario_lock *l = &w->locks[at];
    const struct step step = {up, NULL, at};
    struct place place = locks->items[at]->place;
    if (l->name[0] == '\0' && l->line == 0) {
        complain(c, place, &step, "neither `name` nor `site`, expected at least one of them");
        return;
    }
    if (l->site_count > LEDGER_SITES_MAX) {
        complain(c, place, &step, "%zu further sites, expected at most %d", l->site_count, LEDGER_SITES_MAX);
    }
    if (l->name[0] == '\0' && l->rendering != RENDERING_GENERIC) {
        complain(c, place, &step, "a lock without `name` that should show one, expected `rendering: generic`");
    }
    for (size_t i = 0; i < at; i++) {
        const struct scenario_lock *other = &w->locks[i];
        if (locks->items[i]->bad) {
            continue;
        }
        if (strcmp(other->id, l->id) == 0) {
            struct buf shown = {0};
            show_value(&shown, l->id, strlen(l->id));
            complain(c, place, &step, "the id `%s` is that of locks.%zu too, expected one for each lock", shown.data,
                     i);
            buf_fini(&shown);
            return;
        }
        if (l->name[0] != '\0' && strcmp(other->name, l->name) == 0 && (l->line == 0 || other->line == 0)) {
            complain(c, place, &step,
                     "the name is that of locks.%zu too, and one has no `site`, expected a site for both", i);
            return;
        }
    }
}

static void check_locks(struct complaints *c, const struct scenario_worker *w, const struct node *node,
                        const struct step *step)
{
    const struct node *locks = node_get(node, "locks", NULL);
    const struct step inner = {step, "locks", 0};
    for (size_t i = 0; i < w->lock_count; i++) {
        if (!locks->items[i]->bad) {
            check_lock(c, w, i, locks, &inner);
        }
    }
}

static bool is_bad(const struct node *node, const char *key)
{
    const struct node *n = node_get(node, key, NULL);
    return n && n->bad;
}

/* The same setting as key and as variable, and they differ. */
static void check_inspect_dir(struct complaints *c, const struct scenario_worker *w, const struct node *node,
                              const struct step *step)
{
    const struct node *key = check_given(node, "inspect_dir");
    const struct step inner = {step, "inspect_dir", 0};
    if (key && w->runtime == RUNTIME_DDTRACE && (strcmp(key->text, "true") == 0) != w->inspect_dir) {
        complain(
            c, key->place, &inner,
            "`%s`, and DD_PROFILING_LOCK_NAME_INSPECT_DIR under `environment` says the opposite, expected one of them",
            key->text);
    }
}

/* A whole number of acquires to a sample, with room for percentages that were rounded (33.3). */
#define SAMPLING_TOLERANCE 0.005
/* Longest way between two samples: at a million acquires in a second still one sample in each. */
#define SAMPLING_MAX 1e6

/* lockprof takes one acquire in N, so not every percentage can be had. */
static void check_sampling(struct complaints *c, const struct scenario_worker *w, const struct node *node,
                           const struct step *step)
{
    const struct node *key = check_given(node, "capture_pct");
    const struct step inner = {step, "capture_pct", 0};
    if (key == NULL || w->runtime != RUNTIME_NATIVE) {
        return;
    }
    double every = 100 / w->capture_pct, nearest = round(every);
    if (nearest > SAMPLING_MAX) {
        complain(c, key->place, &inner, "%.6g is one sample in %.6g acquires, expected at least %g (1 in %.0f)",
                 w->capture_pct, every, 100 / SAMPLING_MAX, SAMPLING_MAX);
    } else if (fabs(every - nearest) > SAMPLING_TOLERANCE * nearest) {
        complain(c, key->place, &inner,
                 "lockprof takes 1 in N, expected %.6g (1 in %.0f) or %.6g (1 in %.0f), not %.6g", 100 / floor(every),
                 floor(every), 100 / ceil(every), ceil(every), w->capture_pct);
    }
}

void check_worker(struct complaints *c, const struct scenario *s, const struct scenario_worker *w,
                  const struct node *root)
{
    struct node *key_node = NULL;
    const struct node *node = node_get(node_get(root, "workers", NULL), w->name, &key_node);
    const struct step workers = {NULL, "workers", 0}, step = {&workers, w->name, 0};
    (void)s;
    if (is_bad(node, "runtime") || is_bad(node, "protocol")) {
        return;
    }
    check_locks(c, w, node, &step);
    check_inspect_dir(c, w, node, &step);
    check_sampling(c, w, node, &step);
    if (w->runtime != RUNTIME_COMMAND) {
        return;
    }
    if (w->protocol == PROTOCOL_SILENT && w->lock_count == 0 && !is_bad(node, "locks")) {
        complain(c, key_node->place, &step,
                 "no `locks`, and the program is silent, expected its locks, or `protocol: lines`");
    }
    const struct node *command = check_given(node, "command");
    if (command && w->command[0][0] == '\0') {
        const struct step list = {&step, "command", 0}, element = {&list, NULL, 0};
        complain(c, command->items[0]->place, &element, "`\"\"` found, expected a program's name or path");
    }
}
