/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/check.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Phases with iterations run as fast as they go and have no part of the duration; the shares divide it among the
 * others. */
static void fill_phases(struct scenario *s)
{
    double shares = 0, seconds = (double)s->duration_ms / 1000;
    for (size_t i = 0; i < s->phase_count; i++) {
        struct scenario_phase *p = &s->phases[i];
        p->share = p->iterations ? 0 : p->share;
        shares += p->share;
    }
    for (size_t i = 0; i < s->phase_count; i++) {
        struct scenario_phase *p = &s->phases[i];
        if (p->iterations || p->share <= 0) {
            continue; /* without a share: a phase that could not be read */
        }
        p->seconds = seconds * p->share / shares;
        double iterations = round(p->seconds * s->rate);
        p->iterations = iterations < 1 ? 1 : (uint64_t)iterations;
    }
}

/* Texts are never NULL where the header does not say so. */
static void fill_text(char **member, const char *otherwise)
{
    if (*member == NULL) {
        *member = mem_strdup(otherwise);
    }
}

static void fill_lock(const struct scenario_worker *w, struct scenario_lock *l, const struct node *node)
{
    fill_text(&l->worker, w->name);
    fill_text(&l->name, "");
    fill_text(&l->file, "");
    if (l->name[0] == '\0' && node_get(node, "rendering", NULL) == NULL) {
        l->rendering = RENDERING_GENERIC;
    }
    if (l->id == NULL && l->name[0] == '\0' && l->line) {
        l->id = mem_printf("%s:%u", l->file, l->line);
    }
    fill_text(&l->id, l->name);
}

/* The variable is the setting under another name, so it decides. ddtrace takes `true` and `1` in any case for true. */
static void fill_inspect_dir(struct scenario_worker *w)
{
    for (size_t i = 0; i < w->environment_count; i++) {
        const struct scenario_variable *v = &w->environment[i];
        if (strcmp(v->name, "DD_PROFILING_LOCK_NAME_INSPECT_DIR") == 0) {
            w->inspect_dir = strcasecmp(v->value, "true") == 0 || strcmp(v->value, "1") == 0;
        }
    }
}

/* The store is on this machine; a site's own answer to "where is my profile" is two minutes. */
#define DEADLINE_MS 10000
#define DEADLINE_DATADOG_MS 120000

static void fill_deadline(struct scenario *s)
{
    if (s->backend.kind != BACKEND_NONE && s->backend.deadline_ms == 0) {
        s->backend.deadline_ms = s->backend.kind == BACKEND_DATADOG ? DEADLINE_DATADOG_MS : DEADLINE_MS;
    }
}

static bool any_ours(const struct scenario *s)
{
    for (size_t i = 0; i < s->worker_count; i++) {
        if (scenario_worker_is_ours(&s->workers[i])) {
            return true;
        }
    }
    return false;
}

void check_fill(struct scenario *s, const struct node *root)
{
    const struct node *workers = node_get(root, "workers", NULL);
    for (size_t i = 0; i < s->worker_count; i++) {
        struct scenario_worker *w = &s->workers[i];
        const struct node *locks = node_get(node_get(workers, w->name, NULL), "locks", NULL);
        for (size_t j = 0; j < w->lock_count; j++) {
            fill_lock(w, &w->locks[j], locks->items[j]);
        }
        fill_inspect_dir(w);
    }
    for (size_t i = 0; i < s->expect_count; i++) {
        fill_text(&s->expect[i].name, "");
        fill_text(&s->expect[i].file, "");
    }
    if (node_get(root, "control", NULL) == NULL && !any_ours(s)) {
        s->control.kind = CONTROL_NONE;
    }
    fill_deadline(s);
    fill_phases(s);
}
