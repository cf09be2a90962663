/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/check.h"

#include "scenario/keys.h"

#include <string.h>

#define ROOT_STEP(key) (&(const struct step){NULL, (key), 0})

/* Whether the whole of a key that was given is good; a missing one is. */
static bool is_good(const struct node *root, const char *key)
{
    const struct node *n = node_get(root, key, NULL);
    return n == NULL || !n->bad;
}

static const struct scenario_agent *find_agent(const struct scenario *s, enum agent_kind kind)
{
    for (size_t i = 0; i < s->agent_count; i++) {
        if (s->agents[i].kind == kind) {
            return &s->agents[i];
        }
    }
    return NULL;
}

/* An agent that locktrail tells where to send: a tap can stand behind it. */
static bool has_forwarding_agent(const struct scenario *s)
{
    return find_agent(s, AGENT_TRACE_AGENT) || find_agent(s, AGENT_SERVERLESS_COMPAT);
}

/* Whether locktrail's own last tap stands before the backend. */
static bool has_tapped_backend(const struct scenario *s)
{
    bool takes = s->backend.kind == BACKEND_STORE || s->backend.kind == BACKEND_DATADOG;
    return takes && (has_forwarding_agent(s) || s->agent_count == 0 || find_agent(s, AGENT_NONE));
}

/* --- agents and backend ----------------------------------------------------------------------------------------- */

static void check_agent(struct complaints *c, const struct scenario *s, size_t at, const struct node *item)
{
    const struct step agent = {ROOT_STEP("agents"), NULL, at}, step = {&agent, "kind", 0};
    enum agent_kind kind = s->agents[at].kind;
    struct place place = node_get(item, "kind", NULL)->place;
    for (size_t i = 0; i < at; i++) {
        if (s->agents[i].kind == kind) {
            complain(c, place, &step, "`%s` a second time, expected each agent once", agent_words[kind]);
            return;
        }
    }
    if (kind == AGENT_NONE && s->agent_count > 1) {
        complain(c, place, &step, "`none` beside an agent, expected it alone: there is one way, or there are agents");
    }
    if (kind == AGENT_TEST_AGENT && s->backend.kind != BACKEND_NONE) {
        complain(c, place, &step,
                 "`test-agent` and `backend: %s`: it keeps uploads and sends none on, expected `backend: none`",
                 backend_words[s->backend.kind]);
    }
}

static void check_agents(struct complaints *c, const struct scenario *s, const struct node *root)
{
    const struct node *agents = node_get(root, "agents", NULL);
    if (s->agent_count > AGENTS_MAX) {
        complain(c, check_place_of(root, "agents"), ROOT_STEP("agents"), "%zu agents, expected at most %d",
                 s->agent_count, AGENTS_MAX);
        return;
    }
    for (size_t i = 0; i < s->agent_count && is_good(root, "backend"); i++) {
        check_agent(c, s, i, agents->items[i]);
    }
}

static void check_backend(struct complaints *c, const struct scenario *s, const struct node *root)
{
    if (s->backend.kind == BACKEND_STORE && find_agent(s, AGENT_EXTERNAL) && !has_forwarding_agent(s)) {
        complain(c, check_place_of(root, "backend"), ROOT_STEP("backend"),
                 "`store`, and no agent that sends there: where an external one sends is its own setting, expected "
                 "`datadog`, `directory` or `none`");
    }
}

static void check_ui(struct complaints *c, const struct scenario *s, const struct node *root)
{
    if (s->ui.kind == UI_PPROF && s->backend.kind == BACKEND_NONE) {
        complain(c, check_place_of(root, "ui"), ROOT_STEP("ui"),
                 "`pprof` shows what was read back, and there is nothing to read back from, expected a `backend`");
    }
}

static void check_forward(struct complaints *c, const struct scenario *s, const struct node *root)
{
    const struct node *to = check_given(check_given(root, "forward"), "to");
    if (to && scenario_has_pipeline(s) && (s->forward.kind == FORWARD_AGENT || s->forward.kind == FORWARD_AGENTLESS)) {
        const struct step step = {ROOT_STEP("forward"), "to", 0};
        complain(c, to->place, &step,
                 "`%s`, and `%s` is given too: `forward` says where the intake sends uploads on, `agents` and "
                 "`backend` stand in its place, expected one of the two (`agents: [{kind: external, url: ...}]` for "
                 "your own agent, `backend: datadog` for the site)",
                 to->text, s->agent_count ? "agents" : "backend");
    }
}

/* --- faults ----------------------------------------------------------------------------------------------------- */

/* Which key of a fault is missing, and what it should say; NULL: none. */
static const char *missing_text(const struct scenario_fault *f, const char **expected)
{
    if (f->has_mechanism && f->mechanism == MECHANISM_VALUE_REWRITTEN && f->to == NULL &&
        (f->rule == RULE_REPLACE || f->rule == RULE_PREFIX || f->rule == RULE_SUFFIX)) {
        *expected = f->rule == RULE_REPLACE  ? "the text that stands there then"
                    : f->rule == RULE_PREFIX ? "the text that is put in front"
                                             : "the text that is put behind";
        return "to";
    }
    return NULL;
}

static void check_place_of_fault(struct complaints *c, const struct scenario *s, const struct scenario_fault *f,
                                 const struct node *item, const struct step *up)
{
    const struct step step = {up, "at", 0};
    struct place place = node_get(item, "at", NULL)->place;
    if (f->at == STAGE_AGENT && !has_forwarding_agent(s)) {
        complain(c, place, &step,
                 "no tap stands behind an agent here, expected `trace-agent` or `serverless-compat` under `agents`");
    } else if (f->at == STAGE_BACKEND && !has_tapped_backend(s)) {
        complain(c, place, &step, "no tap stands before a backend here, expected `backend: store` or `datadog`%s",
                 find_agent(s, AGENT_EXTERNAL) && s->backend.kind != BACKEND_NONE ? " without an external agent" : "");
    }
}

static void check_fault(struct complaints *c, const struct scenario *s, size_t at, const struct node *root,
                        const struct node *item, bool placed)
{
    const struct scenario_fault *f = &s->faults[at];
    const struct step step = {ROOT_STEP("faults"), NULL, at}, worker = {&step, "worker", 0};
    const char *expected, *missing = missing_text(f, &expected);
    if (f->has_mechanism == (f->change != CHANGE_NONE)) {
        complain(c, item->place, &step, "%s, expected one of them",
                 f->has_mechanism ? "`mechanism` and `change` at once" : "neither `mechanism` nor `change`");
    }
    if (missing) {
        complain(c, item->place, &step, "`%s` is missing, expected %s", missing, expected);
    }
    if (f->worker && is_good(root, "workers")) {
        check_worker_known(c, s, f->worker, node_get(item, "worker", NULL), &worker);
    }
    if (placed) {
        check_place_of_fault(c, s, f, item, &step);
    }
}

static void check_faults(struct complaints *c, const struct scenario *s, const struct node *root)
{
    const struct node *faults = node_get(root, "faults", NULL);
    bool ways_good = is_good(root, "agents") && is_good(root, "backend");
    if (s->fault_count > FAULTS_MAX) {
        complain(c, check_place_of(root, "faults"), ROOT_STEP("faults"), "%zu faults, expected at most %d",
                 s->fault_count, FAULTS_MAX);
        return;
    }
    if (s->fault_count > 0 && ways_good && !scenario_has_pipeline(s)) {
        complain(c, check_place_of(root, "faults"), ROOT_STEP("faults"),
                 "faults happen in taps, and there is none, expected `agents` or a `backend`");
        ways_good = false;
    }
    for (size_t i = 0; i < s->fault_count; i++) {
        if (!faults->items[i]->bad) {
            check_fault(c, s, i, root, faults->items[i], ways_good);
        }
    }
}

void check_pipeline(struct complaints *c, const struct scenario *s, const struct node *root)
{
    bool agents_good = is_good(root, "agents"), backend_good = is_good(root, "backend");
    if (agents_good) {
        check_agents(c, s, root);
    }
    if (agents_good && backend_good) {
        check_backend(c, s, root);
        check_forward(c, s, root);
    }
    if (backend_good && is_good(root, "ui")) {
        check_ui(c, s, root);
    }
    check_faults(c, s, root);
}
