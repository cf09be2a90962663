/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include "base/mem.h"
#include "pipeline/fault_internal.h"

#include <stdlib.h>

/* The next of a seed's numbers (splitmix64, Steele and others 2014), below `below`. */
static size_t choose(uint64_t *state, size_t below)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return (size_t)((z ^ z >> 31) % below);
}

static enum stage choose_hop(uint64_t *state)
{
    return (enum stage)(STAGE_UPLOAD + choose(state, STAGE_BACKEND - STAGE_UPLOAD + 1));
}

static void choose_rule(uint64_t *state, struct scenario_fault *f)
{
    /* No slash: what ends in one is a folder, and the name behind it is the same. */
    static const char *const additions[] = {"prod-", "eu.", "svc:", "__"};
    static const char *const others[] = {"lock", "mutex_a", "user_session_lock"};
    static const char *const pairs[][2] = {{"_", "-"}, {":", "|"}, {"_lock", "_mutex"}, {".", "_"}, {"e", "*"}};
    size_t pair = choose(state, 5);
    f->rule = (enum rewrite_rule)choose(state, RULE_OTHER + 1);
    if (f->rule == RULE_REPLACE) {
        f->from = mem_strdup(pairs[pair][0]);
        f->to = mem_strdup(pairs[pair][1]);
    } else if (f->rule == RULE_PREFIX || f->rule == RULE_SUFFIX) {
        f->to = mem_strdup(additions[choose(state, 4)]);
    } else if (f->rule == RULE_OTHER && choose(state, 2) == 0) {
        f->to = mem_strdup(others[choose(state, 3)]);
    }
}

static void choose_parameters(uint64_t *state, struct scenario_fault *f)
{
    static const char *const keys[] = {"lock_name", "", "lock.name", "lock"};
    switch (f->mechanism) {
    case MECHANISM_LABEL_KEY_RENAMED:
        f->to = mem_strdup(keys[choose(state, 4)]);
        break;
    case MECHANISM_VALUE_TRUNCATED:
        f->length = 4 + choose(state, 24); /* the recorded values have 12 to 32 bytes */
        break;
    case MECHANISM_VALUE_REWRITTEN:
        choose_rule(state, f);
        break;
    default:
        break;
    }
}

/* All locks, or some of one worker's. */
static void choose_locks(uint64_t *state, const struct ledger *ledger, struct scenario_fault *f)
{
    size_t wanted = choose(state, 2) == 0 ? 0 : 1 + choose(state, 6);
    f->locks = mem_calloc(wanted, sizeof *f->locks);
    while (f->lock_count < wanted) {
        f->locks[f->lock_count++] = mem_strdup(ledger->locks[choose(state, ledger->lock_count)].id);
    }
}

static void choose_worker(uint64_t *state, struct scenario_fault *f)
{
    size_t which = choose(state, 4);
    f->worker = which == 0 ? mem_strdup("native") : which == 1 ? mem_strdup("python") : NULL;
}

void plan_make_losing(uint64_t seed, const struct ledger *ledger, struct plan *out)
{
    uint64_t state = seed;
    *out = (struct plan){.seed = seed, .count = 1 + choose(&state, PLAN_FAULTS_MAX)};
    for (size_t i = 0; i < out->count; i++) {
        struct scenario_fault *f = &out->faults[i];
        f->has_mechanism = true;
        f->mechanism =
            (enum mechanism)(MECHANISM_LABEL_DROPPED + choose(&state, MECHANISM_COUNT - MECHANISM_LABEL_DROPPED));
        f->at = choose_hop(&state);
        f->rate = choose(&state, 3) == 0 ? 1 : (double)(5 + choose(&state, 95)) / 100;
        choose_worker(&state, f);
        choose_locks(&state, ledger, f);
        choose_parameters(&state, f);
    }
}

void plan_make_harmless(uint64_t seed, struct plan *out)
{
    static const enum fault_change changes[] = {
        CHANGE_RECOMPRESSED, CHANGE_STRINGS_REORDERED, CHANGE_STRINGS_DUPLICATED, CHANGE_SAMPLES_REORDERED,
        CHANGE_TYPE_ADDED,   CHANGE_HEADERS,           CHANGE_UPLOADS_REORDERED};
    uint64_t state = ~seed;
    *out = (struct plan){.seed = seed, .count = 1 + choose(&state, PLAN_FAULTS_MAX)};
    for (size_t i = 0; i < out->count; i++) {
        struct scenario_fault *f = &out->faults[i];
        f->change = changes[choose(&state, sizeof changes / sizeof changes[0])];
        f->at = choose_hop(&state);
        f->rate = choose(&state, 2) == 0 ? 1 : 0.5;
        f->codec = (enum codec_word)choose(&state, CODEC_LZ4 + 1);
        choose_worker(&state, f);
    }
}

void plan_describe(const struct plan *plan, struct buf *out)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct scenario_fault *f = &plan->faults[i];
        buf_add_str(out, i > 0 ? "; " : "");
        fault_describe(f, out);
        buf_printf(out, " at %s, rate %.2f", stage_name(f->at), f->rate);
        if (f->from != NULL) {
            buf_printf(out, ", from '%s'", f->from);
        }
        if (f->to != NULL && f->mechanism != MECHANISM_LABEL_KEY_RENAMED) {
            buf_printf(out, ", to '%s'", f->to);
        }
        if (f->worker != NULL) {
            buf_printf(out, ", worker %s", f->worker);
        }
        for (size_t l = 0; l < f->lock_count; l++) {
            buf_printf(out, "%s%s", l == 0 ? ", locks " : " ", f->locks[l]);
        }
    }
}

void plan_fini(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        struct scenario_fault *f = &plan->faults[i];
        for (size_t l = 0; l < f->lock_count; l++) {
            free(f->locks[l]);
        }
        free(f->locks);
        free(f->worker);
        free(f->from);
        free(f->to);
    }
}
