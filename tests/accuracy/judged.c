/* SPDX-License-Identifier: Apache-2.0 */
#include "judged.h"

#include "base/mem.h"
#include "engine/sightings.h"
#include "profile/compare.h"
#include "profile/kin.h"

#include <stdlib.h>
#include <string.h>

/* A copy with what was read of it. */
struct read_copy {
    struct profile *profile; /* NULL: not readable, `why` */
    char *why;
};

static void lend(const struct chain_copy *c, struct read_copy *r, struct trail_copy *out)
{
    struct err e;
    if (profile_read(c->bytes.data, c->bytes.size, &profile_limits_default, &r->profile, &e) < 0) {
        r->profile = NULL;
        r->why = mem_strdup(e.text);
    }
    *out = (struct trail_copy){.stage = c->stage,
                               .instance = c->origin->instance,
                               .path = c->path,
                               .hash = c->hash,
                               .runtime_id = c->origin->runtime_id,
                               .start_ns = c->origin->start_ns,
                               .end_ns = c->origin->end_ns,
                               .sequence = c->sequence,
                               .answered = c->origin->status};
    if (r->profile != NULL && out->start_ns == 0 && r->profile->time_ns > 0) {
        out->start_ns = r->profile->time_ns;
        out->end_ns = r->profile->time_ns + r->profile->duration_ns;
    }
    sightings_lend(r->profile, r->why, out);
}

static void compare(const struct chain *chain, struct trail_pair *pair, struct profile_comparison **out)
{
    const struct chain_copy *a = &chain->copies[pair->before], *b = &chain->copies[pair->after];
    struct err e;
    if (pair->same) {
        pair->compared = true;
        return;
    }
    if (profile_compare(a->bytes.data, a->bytes.size, b->bytes.data, b->bytes.size, &profile_limits_default, out, &e) <
        0) {
        *out = NULL;
    }
    profile_comparison_lend(*out, pair);
}

/* --- paired arms -------------------------------------------------------------------------------------------------- */

/* The local process of the worker of an uploading one, or SIZE_MAX. */
static size_t local_of(const struct ledger *ledger, size_t instance)
{
    for (size_t i = 0; i < ledger->instance_count; i++) {
        const struct instance *at = &ledger->instances[i];
        if (at->arm == ARM_LOCAL && strcmp(at->worker, ledger->instances[instance].worker) == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

static struct profile_comparison *compare_processes(const struct chain *chain, size_t local, size_t uploading)
{
    struct kin *kin = kin_new();
    struct err e;
    for (int after = 0; after < 2; after++) {
        for (size_t i = 0; i < chain->count; i++) {
            const struct chain_copy *c = &chain->copies[i];
            if (c->stage == (after ? STAGE_UPLOAD : STAGE_COLLECTOR) &&
                c->origin->instance == (after ? uploading : local)) {
                kin_add(kin, after, c->bytes.data, c->bytes.size, &profile_limits_default, &e);
            }
        }
    }
    struct profile_comparison *moves = kin_compare(kin);
    kin_free(kin);
    return moves;
}

struct kins {
    struct trail_kin *items;
    struct profile_comparison **moves;
    size_t count;
};

static void find_kins(const struct recording *r, const struct chain *chain, struct kins *out)
{
    out->items = mem_calloc(r->ledger.instance_count, sizeof *out->items);
    out->moves = mem_calloc(r->ledger.instance_count, sizeof(struct profile_comparison *));
    out->count = 0;
    for (size_t i = 0; i < r->ledger.instance_count; i++) {
        size_t local = r->ledger.instances[i].arm == ARM_UPLOAD ? local_of(&r->ledger, i) : SIZE_MAX;
        if (local != SIZE_MAX) {
            struct profile_comparison *moves = compare_processes(chain, local, i);
            out->moves[out->count] = moves;
            out->items[out->count++] =
                (struct trail_kin){.instance = i, .of = local, .moves = moves->moves, .move_count = moves->move_count};
        }
    }
}

static void kins_fini(struct kins *k)
{
    for (size_t i = 0; i < k->count; i++) {
        profile_comparison_free(k->moves[i]);
    }
    free(k->moves);
    free(k->items);
}

void judge_chain(const struct recording *r, const struct chain *chain, struct judged *out)
{
    struct trail_copy *copies = mem_calloc(chain->count, sizeof *copies);
    struct read_copy *read = mem_calloc(chain->count, sizeof *read);
    struct trail_input input = {.ledger = &r->ledger,
                                .copies = copies,
                                .copy_count = chain->count,
                                .control = CONTROL_PASSED,
                                .thresholds = {.absence_probability = TRAIL_ABSENCE_PROBABILITY}};
    for (enum stage stage = STAGE_DECLARED; stage <= STAGE_BACKEND; stage++) {
        input.stage_ran[stage] = true;
    }
    for (size_t i = 0; i < chain->count; i++) {
        lend(&chain->copies[i], &read[i], &copies[i]);
    }
    trail_match_uploads(&r->ledger, copies, chain->count, input.stage_ran, &out->matching);
    struct profile_comparison **found = mem_calloc(out->matching.pair_count, sizeof(struct profile_comparison *));
    for (size_t i = 0; i < out->matching.pair_count; i++) {
        compare(chain, &out->matching.pairs[i], &found[i]);
    }
    input.pairs = out->matching.pairs;
    input.pair_count = out->matching.pair_count;
    struct kins kins;
    find_kins(r, chain, &kins);
    input.kins = kins.items;
    input.kin_count = kins.count;
    trail_judge(&input, &out->result);
    kins_fini(&kins);
    for (size_t i = 0; i < out->matching.pair_count; i++) {
        profile_comparison_free(found[i]);
    }
    for (size_t i = 0; i < chain->count; i++) {
        profile_free(read[i].profile);
        free(read[i].why);
        sightings_return(&copies[i]);
    }
    free(found);
    free(read);
    free(copies);
}

void judged_fini(struct judged *j)
{
    trail_result_fini(&j->result);
    trail_matching_fini(&j->matching);
}
