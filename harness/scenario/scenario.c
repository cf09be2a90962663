/* SPDX-License-Identifier: Apache-2.0 */
/* bytes -> tree -> overrides -> members by the key tables -> what follows from them -> combinations. */
#include "scenario/scenario.h"

#include "base/mem.h"
#include "scenario/check.h"
#include "scenario/keys.h"
#include "scenario/override.h"
#include "scenario/read.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct scenario *scenario_read_tree(struct complaints *c, const char *path, struct node *root)
{
    struct scenario *s = mem_calloc(1, sizeof *s);
    s->path = mem_strdup(path);
    read_table(c, &keys_root, root, s);
    check_fill(s, root);
    check_combinations(c, s, root);
    return s;
}

int scenario_read(const char *path, const char *bytes, size_t size, const struct scenario_override *overrides,
                  size_t override_count, struct scenario **out, struct diagnostics *diagnostics)
{
    /* An empty file may come without a pointer, which libyaml does not take. */
    struct complaints c = {size ? bytes : "", size, diagnostics, NULL, NULL};
    struct scenario *s = NULL;
    *diagnostics = (struct diagnostics){0};
    if (size > SCENARIO_SIZE_MAX) {
        /* cppcheck-suppress varFuncNullUB ; the NULL is a typed argument, the last one is a format */
        complain(&c, (struct place){1, 1, NULL}, NULL, "the file has %zu bytes, expected a scenario of at most 1MiB",
                 size);
        return -1;
    }
    struct node *root = tree_read(&c, NULL);
    if (root && root->kind == NODE_MAP) {
        override_apply(&c, root, overrides, override_count);
        s = scenario_read_tree(&c, path, root);
    } else if (root && !root->bad) {
        struct buf found = {0};
        node_describe(&found, root);
        complain(&c, root->place, NULL, "%s found, expected a scenario: a mapping with at least `name` and `workers`",
                 found.data);
        buf_fini(&found);
    }
    node_free(root);
    complaints_sort(diagnostics);
    if (diagnostics->count) {
        scenario_free(s);
        return -1;
    }
    *out = s;
    return 0;
}

/* Members that no row of the tables has. */
void scenario_free(struct scenario *s)
{
    if (s == NULL) {
        return;
    }
    for (size_t i = 0; i < s->worker_count; i++) {
        for (size_t j = 0; j < s->workers[i].lock_count; j++) {
            free(s->workers[i].locks[j].worker);
        }
    }
    for (size_t i = 0; i < s->expect_count; i++) {
        free(s->expect[i].name);
        free(s->expect[i].file);
    }
    free(s->path);
    read_fini(&keys_root, s);
    free(s);
}

bool scenario_worker_speaks(const struct scenario_worker *w)
{
    return w->runtime != RUNTIME_COMMAND || w->protocol == PROTOCOL_LINES;
}

bool scenario_worker_is_ours(const struct scenario_worker *w)
{
    return w->runtime != RUNTIME_COMMAND;
}

enum arms scenario_worker_arms(const struct scenario *s, const struct scenario_worker *w)
{
    if (s->arms == ARMS_AUTO) {
        return w->runtime == RUNTIME_NATIVE ? ARMS_TEE : ARMS_PAIRED;
    }
    return s->arms;
}

unsigned scenario_worker_sampling(const struct scenario_worker *w)
{
    return (unsigned)round(100 / w->capture_pct);
}

double scenario_worker_capture_rate(const struct scenario_worker *w)
{
    return w->runtime == RUNTIME_NATIVE ? 1 / (double)scenario_worker_sampling(w) : w->capture_pct / 100;
}

bool scenario_has_pipeline(const struct scenario *s)
{
    for (size_t i = 0; i < s->agent_count; i++) {
        if (s->agents[i].kind != AGENT_NONE) {
            return true;
        }
    }
    return s->backend.kind != BACKEND_NONE;
}

const char *scenario_agent_name(enum agent_kind kind)
{
    return agent_words[kind];
}

const char *scenario_backend_name(enum backend_kind kind)
{
    return backend_words[kind];
}

const char *scenario_ui_name(enum ui_kind kind)
{
    return ui_words[kind];
}

const char *fault_change_name(enum fault_change change)
{
    assert(change > CHANGE_NONE && change < CHANGE_COUNT);
    return change_words[change - CHANGE_STATUS];
}

const char *scenario_disturb_name(enum disturb what)
{
    return disturb_words[what];
}

bool scenario_disturbance_lasts(enum disturb what)
{
    return what != DISTURB_KILL && what != DISTURB_RESTART_AGENT;
}

uint64_t scenario_load_processes(const struct scenario *s, const struct scenario_worker *w)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < s->disturbance_count; i++) {
        const struct scenario_disturbance *d = &s->disturbances[i];
        bool is_for = d->worker == NULL || strcmp(d->worker, w->name) == 0;
        sum += d->what == DISTURB_LOAD && is_for ? d->processes : 0;
    }
    return sum;
}

char *scenario_soak_key(const struct scenario *s)
{
    if (s->disturbance_count > 0) {
        return mem_strdup("disturbances");
    }
    for (size_t i = 0; i < s->worker_count; i++) {
        if (s->workers[i].lifetime_ms > 0) {
            return mem_printf("workers.%s.lifetime", s->workers[i].name);
        }
    }
    return NULL;
}

const char *scenario_build_name(enum build build)
{
    return build_words[build];
}

const struct scenario_worker *scenario_find_worker(const struct scenario *s, const char *name)
{
    for (size_t i = 0; i < s->worker_count; i++) {
        if (strcmp(s->workers[i].name, name) == 0) {
            return &s->workers[i];
        }
    }
    return NULL;
}
