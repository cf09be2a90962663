/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/check.h"

#include "scenario/keys.h"

#include <inttypes.h>

#define ROOT_STEP(key) (&(const struct step){NULL, (key), 0})

static bool is_good(const struct node *root, const char *key)
{
    const struct node *n = node_get(root, key, NULL);
    return n == NULL || !n->bad;
}

/* Whether locktrail has started an agent of the scenario itself, and with `forwards` that has a tap behind it. */
static bool has_own_agent(const struct scenario *s, bool forwards)
{
    for (size_t i = 0; i < s->agent_count; i++) {
        enum agent_kind kind = s->agents[i].kind;
        bool sends = kind == AGENT_TRACE_AGENT || kind == AGENT_SERVERLESS_COMPAT;
        if (sends || (kind == AGENT_TEST_AGENT && !forwards)) {
            return true;
        }
    }
    return false;
}

static void check_agent_there(struct complaints *c, const struct scenario *s, const struct scenario_disturbance *d,
                              const struct node *item, const struct step *up)
{
    const struct step what = {up, "what", 0}, stage = {up, "stage", 0};
    bool of_agent = d->what == DISTURB_RESTART_AGENT || d->what == DISTURB_KILL_AGENT;
    bool at_tap = d->what == DISTURB_REFUSE || d->what == DISTURB_DELAY;
    if (of_agent && !has_own_agent(s, false)) {
        complain(c, check_place_of(item, "what"), &what,
                 "`%s`, and no agent that locktrail starts, expected one under `agents`", disturb_words[d->what]);
    } else if (at_tap && !scenario_has_pipeline(s)) {
        complain(c, check_place_of(item, "what"), &what,
                 "`%s` happens in a tap, and there is none, expected `agents` or a `backend`", disturb_words[d->what]);
    } else if (at_tap && d->stage == STAGE_AGENT && !has_own_agent(s, true)) {
        complain(c, check_place_of(item, "stage"), &stage,
                 "no tap stands behind an agent here, expected `trace-agent` or `serverless-compat` under `agents`");
    }
}

static void check_every(struct complaints *c, const struct scenario_disturbance *d, const struct node *item,
                        const struct step *up)
{
    const struct step step = {up, "every", 0};
    if (d->every_ms > 0 && scenario_disturbance_lasts(d->what) && d->every_ms <= d->length_ms) {
        complain(c, check_place_of(item, "every"), &step,
                 "it comes again before its `length` of %.15g s is over, expected more", (double)d->length_ms / 1000);
    }
}

static void check_load(struct complaints *c, const struct scenario *s, const struct node *root)
{
    uint64_t processes = 0;
    for (size_t i = 0; i < s->worker_count; i++) {
        processes += s->workers[i].count + scenario_load_processes(s, &s->workers[i]);
    }
    if (processes > PROCESSES_MAX) {
        complain(c, check_place_of(root, "disturbances"), ROOT_STEP("disturbances"),
                 "%" PRIu64 " processes with those of each `load`, expected at most %d", processes, PROCESSES_MAX);
    }
}

static void check_one(struct complaints *c, const struct scenario *s, size_t at, const struct node *root,
                      const struct node *item)
{
    const struct scenario_disturbance *d = &s->disturbances[at];
    const struct step step = {ROOT_STEP("disturbances"), NULL, at}, worker = {&step, "worker", 0};
    if (d->worker && is_good(root, "workers")) {
        check_worker_known(c, s, d->worker, node_get(item, "worker", NULL), &worker);
    }
    if (is_good(root, "agents") && is_good(root, "backend")) {
        check_agent_there(c, s, d, item, &step);
    }
    check_every(c, d, item, &step);
}

void check_soak(struct complaints *c, const struct scenario *s, const struct node *root)
{
    const struct node *list = node_get(root, "disturbances", NULL);
    if (s->disturbance_count > DISTURBANCES_MAX) {
        complain(c, check_place_of(root, "disturbances"), ROOT_STEP("disturbances"),
                 "%zu disturbances, expected at most %d", s->disturbance_count, DISTURBANCES_MAX);
        return;
    }
    for (size_t i = 0; i < s->disturbance_count; i++) {
        if (!list->items[i]->bad) {
            check_one(c, s, i, root, list->items[i]);
        }
    }
    if (s->disturbance_count > 0 && is_good(root, "disturbances") && is_good(root, "workers")) {
        check_load(c, s, root);
    }
}
