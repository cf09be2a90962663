/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/check.h"

#include "scenario/keys.h"
#include "scenario/nearest.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define ROOT_STEP(key) (&(const struct step){NULL, (key), 0})

const struct node *check_given(const struct node *map, const char *key)
{
    const struct node *n = node_get(map, key, NULL);
    return n && !n->bad ? n : NULL;
}

static bool is_bad(const struct node *root, const char *key)
{
    const struct node *n = node_get(root, key, NULL);
    return n && n->bad;
}

struct place check_place_of(const struct node *map, const char *key)
{
    struct node *key_node = NULL;
    return node_get(map, key, &key_node) ? key_node->place : map->place;
}

static const struct scenario_worker *first_with(const struct scenario *s, enum runtime runtime)
{
    for (size_t i = 0; i < s->worker_count; i++) {
        if (s->workers[i].runtime == runtime) {
            return &s->workers[i];
        }
    }
    return NULL;
}

static const struct scenario_worker *first_ours(const struct scenario *s)
{
    for (size_t i = 0; i < s->worker_count; i++) {
        if (scenario_worker_is_ours(&s->workers[i])) {
            return &s->workers[i];
        }
    }
    return NULL;
}

/* --- phases ----------------------------------------------------------------------------------------------------- */

static void check_known(struct complaints *c, struct place place, const struct step *step, enum runtime runtime,
                        const char *pattern)
{
    const char *const *names = pattern_names(runtime);
    struct nearest best = {0};
    for (size_t i = 0; names[i]; i++) {
        if (strcmp(names[i], pattern) == 0) {
            return;
        }
    }
    for (size_t i = 0; names[i]; i++) {
        nearest_offer(&best, pattern, names[i]);
    }
    struct buf text = {0};
    buf_printf(&text, "`%s` is no pattern of %s workers", pattern, runtime_words[runtime]);
    if (best.word) {
        buf_printf(&text, ", did you mean `%s`?", best.word);
    } else {
        for (size_t i = 0; names[i]; i++) {
            buf_printf(&text, "%s%s", i ? ", " : ", expected one of ", names[i]);
        }
    }
    complain(c, place, step, "%s", text.data);
    buf_fini(&text);
}

static void check_pattern(struct complaints *c, const struct scenario *s, size_t at, const struct node *item)
{
    const char *pattern = s->phases[at].pattern;
    const struct step phase = {ROOT_STEP("phases"), NULL, at}, step = {&phase, "pattern", 0};
    const struct node *n = node_get(item, "pattern", NULL);
    for (size_t i = 0; i < at; i++) {
        if (s->phases[i].pattern && strcmp(s->phases[i].pattern, pattern) == 0) {
            complain(c, n->place, &step, "`%s` a second time, expected each pattern once", pattern);
            return;
        }
    }
    for (enum runtime runtime = RUNTIME_NATIVE; runtime <= RUNTIME_COMMAND; runtime++) {
        if (pattern_names(runtime) && first_with(s, runtime)) {
            check_known(c, n->place, &step, runtime, pattern);
        }
    }
}

static void check_phase(struct complaints *c, const struct scenario *s, size_t at, const struct node *item)
{
    const struct scenario_phase *p = &s->phases[at];
    const struct step step = {ROOT_STEP("phases"), NULL, at};
    const struct node *share = node_get(item, "share", NULL);
    const struct node *iterations = node_get(item, "iterations", NULL);
    if (check_given(item, "pattern")) {
        check_pattern(c, s, at, item);
    }
    if (share && iterations) {
        complain(c, check_place_of(item, "iterations"), &step,
                 "`share` and `iterations` at once, expected one of them");
    } else if (!item->bad && (double)p->iterations > KEY_ITERATIONS_MAX) {
        complain(c, item->place, &step,
                 "%.15g seconds at a rate of %.15g give %" PRIu64 " iterations, expected at most %.0f", p->seconds,
                 s->rate, p->iterations, KEY_ITERATIONS_MAX);
    }
}

static void check_phases(struct complaints *c, const struct scenario *s, const struct node *root)
{
    const struct node *phases = node_get(root, "phases", NULL);
    bool any_runs = false;
    for (size_t i = 0; phases && i < s->phase_count; i++) {
        check_phase(c, s, i, phases->items[i]);
    }
    for (size_t i = 0; i < s->worker_count; i++) {
        any_runs |= scenario_worker_speaks(&s->workers[i]);
    }
    if (is_bad(root, "workers") || is_bad(root, "phases")) {
        return;
    }
    const struct scenario_worker *ours = first_ours(s);
    if (ours && s->phase_count == 0) {
        complain(c, check_place_of(root, "phases"), phases ? ROOT_STEP("phases") : NULL,
                 phases ? "no phase, and worker `%s` needs one, expected a list of patterns"
                        : "`phases` is missing, and worker `%s` needs it, expected a list of patterns",
                 ours->name);
    } else if (s->phase_count > 0 && s->worker_count > 0 && !any_runs) {
        complain(c, check_place_of(root, "phases"), ROOT_STEP("phases"),
                 "no worker runs them: a silent command does what it does, expected no phases");
    }
}

/* --- the rest --------------------------------------------------------------------------------------------------- */

static void check_size(struct complaints *c, const struct scenario *s, const struct node *root)
{
    uint64_t processes = 0, told = 0;
    for (size_t i = 0; i < s->worker_count; i++) {
        processes += s->workers[i].count;
        unsigned arms = scenario_worker_arms(s, &s->workers[i]) == ARMS_PAIRED ? 2 : 1;
        told += scenario_worker_speaks(&s->workers[i]) ? (uint64_t)s->workers[i].count * arms : 0;
    }
    if (processes > PROCESSES_MAX) {
        complain(c, check_place_of(root, "workers"), ROOT_STEP("workers"),
                 "%" PRIu64 " processes for each arm, expected at most %d", processes, PROCESSES_MAX);
    } else if (told * s->threads > THREADS_MAX && !is_bad(root, "threads") && !is_bad(root, "arms")) {
        complain(c, check_place_of(root, "workers"), ROOT_STEP("workers"),
                 "%" PRIu64 " processes of %u threads are %" PRIu64 " threads, expected at most %d in all", told,
                 s->threads, told * s->threads, THREADS_MAX);
    }
}

static void check_arms(struct complaints *c, const struct scenario *s, const struct node *root)
{
    const struct node *arms = check_given(root, "arms");
    const struct scenario_worker *python = first_with(s, RUNTIME_DDTRACE), *native = first_with(s, RUNTIME_NATIVE);
    if (arms && s->arms == ARMS_TEE && python) {
        complain(c, arms->place, ROOT_STEP("arms"),
                 "`tee` and worker `%s`: ddtrace writes a local file or uploads, never both, expected `%s`",
                 python->name, native ? "auto" : "paired");
    }
    if (arms && s->arms == ARMS_PAIRED && native) {
        complain(c, arms->place, ROOT_STEP("arms"),
                 "`paired` and worker `%s`: lockprof gives both copies from one process, expected `%s`", native->name,
                 python ? "auto" : "tee");
    }
    const struct node *control = check_given(root, "control");
    if (control && s->control.kind == CONTROL_BUILTIN && !first_ours(s)) {
        complain(c, control->place, ROOT_STEP("control"),
                 "`builtin` runs locktrail's own workloads, and every worker is a command, expected `none` "
                 "or a mapping with `command`");
    }
}

void check_worker_known(struct complaints *c, const struct scenario *s, const char *name, const struct node *node,
                        const struct step *step)
{
    if (scenario_find_worker(s, name)) {
        return;
    }
    struct buf text = {0}, shown = {0};
    struct nearest best = {0};
    node_describe(&shown, node);
    buf_printf(&text, "%s is no worker of this scenario", shown.data);
    for (size_t i = 0; i < s->worker_count; i++) {
        nearest_offer(&best, name, s->workers[i].name);
    }
    if (best.word) {
        buf_printf(&text, ", did you mean `%s`?", best.word);
    }
    complain(c, node->place, step, "%s", text.data);
    buf_fini(&text);
    buf_fini(&shown);
}

static bool has_lock(const struct scenario_worker *w, const char *name)
{
    for (size_t i = 0; i < w->lock_count; i++) {
        if (strcmp(w->locks[i].id, name) == 0 || strcmp(w->locks[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void check_expected_worker(struct complaints *c, const struct scenario *s, size_t at, const struct node *item)
{
    const struct scenario_lock *l = &s->expect[at];
    const struct node *n = node_get(item, "worker", NULL);
    const struct step element = {ROOT_STEP("expect"), NULL, at}, step = {&element, "worker", 0};
    const struct scenario_worker *w = scenario_find_worker(s, l->worker);
    if (w && !scenario_worker_speaks(w) && !has_lock(w, l->id)) {
        const struct step lock = {&element, "lock", 0};
        complain(c, node_get(item, "lock", NULL)->place, &lock,
                 "worker `%s` has no such lock, expected the id or the name of one of its `locks`", w->name);
    }
    check_worker_known(c, s, l->worker, n, &step);
}

static bool same_worker(const struct scenario_lock *a, const struct scenario_lock *b)
{
    return a->worker == NULL || b->worker == NULL ? a->worker == b->worker : strcmp(a->worker, b->worker) == 0;
}

static void check_expect(struct complaints *c, const struct scenario *s, const struct node *root)
{
    const struct node *expect = node_get(root, "expect", NULL);
    for (size_t i = 0; i < s->expect_count; i++) {
        const struct node *item = expect->items[i];
        const struct step step = {ROOT_STEP("expect"), NULL, i};
        if (item->bad) {
            continue;
        }
        if (s->expect[i].worker && !is_bad(root, "workers")) {
            check_expected_worker(c, s, i, item);
        }
        for (size_t j = 0; j < i; j++) {
            if (!expect->items[j]->bad && same_worker(&s->expect[i], &s->expect[j]) &&
                strcmp(s->expect[i].id, s->expect[j].id) == 0) {
                complain(c, item->place, &step, "the same lock as in expect.%zu, expected it once", j);
                break;
            }
        }
    }
}

void check_combinations(struct complaints *c, const struct scenario *s, const struct node *root)
{
    const struct node *workers = check_given(root, "workers");
    if (workers && s->worker_count == 0) {
        complain(c, check_place_of(root, "workers"), ROOT_STEP("workers"),
                 "no worker, expected at least one, such as `python: {runtime: ddtrace}`");
    }
    for (size_t i = 0; i < s->worker_count; i++) {
        check_worker(c, s, &s->workers[i], root);
    }
    if (!is_bad(root, "workers")) {
        check_arms(c, s, root);
        check_size(c, s, root);
    }
    check_phases(c, s, root);
    check_expect(c, s, root);
    check_pipeline(c, s, root);
    check_soak(c, s, root);
}
