/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/uploads.h"
#include "base/mem.h"
#include "trail/sides.h"

#include <stdlib.h>
#include <string.h>

bool fates_arm_feeds(enum arm arm, enum stage stage)
{
    switch (arm) {
    case ARM_CONTROL:
        return stage == STAGE_CONTROL;
    case ARM_LOCAL:
        return stage == STAGE_COLLECTOR;
    case ARM_UPLOAD:
        return stage >= STAGE_UPLOAD;
    case ARM_TEE:
        return stage >= STAGE_COLLECTOR;
    }
    return false;
}

size_t fates_first(const struct trail_copy *copies, const struct fate *fates, size_t copy)
{
    while (fates[copy].before != FATE_NO_COPY && copies[copy].stage > STAGE_UPLOAD) {
        copy = fates[copy].before;
    }
    return copy;
}

struct matcher {
    const struct ledger *ledger;
    const struct trail_copy *copies;
    size_t *items; /* by process, stage and order of arrival */
    size_t item_count;
    struct trail_matching *out;
    struct fate *fates;
};

/* Unknown numbers are 0 for all copies of a stage; then time and name tell the order. */
static int by_arrival(const void *a, const void *b, void *data)
{
    const struct trail_copy *copies = data;
    const struct trail_copy *x = &copies[*(const size_t *)a], *y = &copies[*(const size_t *)b];
    if (x->instance != y->instance) {
        return x->instance < y->instance ? -1 : 1;
    }
    if (x->stage != y->stage) {
        return x->stage < y->stage ? -1 : 1;
    }
    if (x->sequence != y->sequence) {
        return x->sequence < y->sequence ? -1 : 1;
    }
    if (x->start_ns != y->start_ns) {
        return x->start_ns < y->start_ns ? -1 : 1;
    }
    return strcmp(x->path, y->path);
}

static void list_items(struct matcher *m, size_t copy_count)
{
    m->items = mem_calloc(copy_count, sizeof *m->items);
    for (size_t i = 0; i < copy_count; i++) {
        m->fates[i] = (struct fate){.before = FATE_NO_COPY};
        if (!m->copies[i].names_only) {
            m->items[m->item_count++] = i;
        }
    }
    if (m->item_count > 0) {
        qsort_r(m->items, m->item_count, sizeof *m->items, by_arrival, (void *)(size_t)m->copies);
    }
}

static void add_pair(struct matcher *m, size_t before, size_t after)
{
    struct trail_matching *out = m->out;
    const char *x = m->copies[before].hash, *y = m->copies[after].hash;
    out->pairs = mem_grow(out->pairs, out->pair_count, &out->pair_capacity, sizeof *out->pairs);
    out->pairs[out->pair_count++] = (struct trail_pair){
        .before = before,
        .after = after,
        .same = x != NULL && y != NULL && x[0] != '\0' && strcmp(x, y) == 0,
    };
    m->fates[after].before = before;
}

/* --- one upload --------------------------------------------------------------------------------------------------- */

/* Copies of the unit that are neither the one that stands for it nor superseded. */
static size_t spare(const struct unit *u)
{
    return u->count - 1 - u->failed;
}

/* The next of them. There is one: spare(u) > u->given. */
static size_t give_spare(const struct matcher *m, const struct side *s, struct unit *u)
{
    while (s->items[u->cursor] == u->copy || m->fates[s->items[u->cursor]].superseded) {
        u->cursor = s->next[u->cursor];
    }
    size_t copy = s->items[u->cursor];
    u->cursor = s->next[u->cursor];
    u->given++;
    return copy;
}

static void mark_superseded(struct matcher *m, const struct side *s)
{
    for (size_t i = 0; i < s->unit_count; i++) {
        const struct unit *u = &s->units[i];
        size_t failed = u->failed;
        for (size_t k = u->first; k != UNIT_NONE && failed > 0; k = s->next[k], failed--) {
            m->fates[s->items[k]].superseded = true;
        }
    }
}

/* The copies of one unit behind the hop. Those which its sender could not but send again, or which were there twice
 * before, were not doubled here. */
static void settle_copies(struct matcher *m, struct trail_hop *hop, struct side *from, const struct side *to,
                          const struct unit *t)
{
    struct unit *f = &from->units[t->partner];
    size_t again = f->failed > t->failed ? f->failed - t->failed : 0;
    for (size_t i = t->first; i != UNIT_NONE; i = to->next[i]) {
        size_t copy = to->items[i], before = f->copy;
        struct fate *fate = &m->fates[copy];
        fate->in = FATE_DOUBLED;
        if (fate->superseded) {
            fate->in = FATE_RETRIED;
        } else if (copy == t->copy && !t->extra) {
            fate->in = FATE_PAIRED;
        } else if (again > 0 && !t->extra) {
            again--;
            fate->in = FATE_RETRIED;
        } else if (spare(f) > f->given) {
            fate->in = FATE_PAIRED;
            before = give_spare(m, from, f);
        }
        hop->doubled += fate->in == FATE_DOUBLED;
        hop->retried += fate->in == FATE_RETRIED;
        add_pair(m, before, copy);
        bool same = m->out->pairs[m->out->pair_count - 1].same;
        hop->same += same;
        hop->changed += !same;
    }
}

static void settle_after(struct matcher *m, struct trail_hop *hop, struct side *from, const struct side *to)
{
    static const enum fate_in fates[] = {
        [UNIT_ONE] = FATE_UNKNOWN, [UNIT_PART] = FATE_SPLIT, [UNIT_WHOLE] = FATE_MERGED};
    for (size_t i = 0; i < to->unit_count; i++) {
        const struct unit *t = &to->units[i];
        if (t->partner != UNIT_NONE && t->role == UNIT_ONE) {
            settle_copies(m, hop, from, to, t);
            continue;
        }
        hop->unknown += t->role == UNIT_ONE ? t->count : 0;
        for (size_t k = t->first; k != UNIT_NONE; k = to->next[k]) {
            m->fates[to->items[k]].in = fates[t->role];
            m->fates[to->items[k]].before = t->role == UNIT_PART ? from->units[t->partner].copy : FATE_NO_COPY;
        }
    }
}

/* What the process was told that sent an upload first; where that is not known, what the sender at hand was told. */
static bool told_well(const struct matcher *m, size_t copy)
{
    size_t first = fates_first(m->copies, m->fates, copy);
    return fates_told_well(&m->copies[m->copies[first].answered != 0 ? first : copy]);
}

static void settle_before(struct matcher *m, struct trail_hop *hop, const struct side *from)
{
    static const enum fate_out fates[] = {
        [UNIT_ONE] = FATE_PASSED, [UNIT_PART] = FATE_INTO_ONE, [UNIT_WHOLE] = FATE_INTO_MANY};
    for (size_t i = 0; i < from->unit_count; i++) {
        const struct unit *f = &from->units[i];
        bool lost = f->partner == UNIT_NONE;
        hop->sent++;
        hop->lost += lost;
        hop->told_well += lost && told_well(m, f->copy);
        hop->merged += f->role == UNIT_PART;
        hop->split += f->role == UNIT_WHOLE;
        for (size_t k = f->first; k != UNIT_NONE; k = from->next[k]) {
            m->fates[from->items[k]].out = from->items[k] != f->copy ? FATE_AGAIN : lost ? FATE_LOST : fates[f->role];
        }
    }
}

/* Uploads that came behind one which was sent after them. */
static uint64_t count_reordered(const struct side *from, const struct side *to)
{
    uint64_t count = 0;
    size_t latest = 0;
    for (size_t i = 0; i < to->unit_count; i++) {
        const struct unit *t = &to->units[i];
        if (t->partner == UNIT_NONE || t->role != UNIT_ONE || t->extra) {
            continue;
        }
        size_t sent = from->units[t->partner].first;
        count += sent < latest;
        latest = sent > latest ? sent : latest;
    }
    return count;
}

/* --- hops --------------------------------------------------------------------------------------------------------- */

static void match_hop(struct matcher *m, size_t instance, enum stage before, enum stage stage, struct side *from,
                      struct side *to)
{
    struct trail_matching *out = m->out;
    struct trail_hop hop = {.instance = instance, .from = before, .to = stage, .received = to->count};
    sides_match(from, to);
    settle_after(m, &hop, from, to);
    settle_before(m, &hop, from);
    hop.reordered = count_reordered(from, to);
    out->hops = mem_grow(out->hops, out->hop_count, &out->hop_capacity, sizeof *out->hops);
    out->hops[out->hop_count++] = hop;
}

/* Makes the side behind a hop the one before the next: its units have no partner yet. */
static void turn(struct side *side)
{
    for (size_t i = 0; i < side->unit_count; i++) {
        side->units[i].partner = UNIT_NONE;
        side->units[i].role = UNIT_ONE;
        side->units[i].extra = false;
    }
}

/* The copies of a process at a stage; *at is where to look from, and is moved behind them. */
static void take_side(struct matcher *m, size_t instance, enum stage stage, size_t *at, struct side *out)
{
    size_t first = *at;
    for (; *at < m->item_count; ++*at) {
        const struct trail_copy *c = &m->copies[m->items[*at]];
        if (c->instance != instance || c->stage > stage) {
            break;
        }
        first += c->stage < stage;
    }
    side_build(out, m->copies, m->items + first, *at - first);
    mark_superseded(m, out);
}

static void match_instance(struct matcher *m, size_t instance, const bool stage_ran[STAGE_COUNT], size_t *at)
{
    const struct instance *in = &m->ledger->instances[instance];
    struct side before = {0};
    enum stage stage_before = STAGE_DECLARED;
    for (enum stage s = STAGE_CONTROL; s < STAGE_UI; s++) {
        if (!stage_ran[s] || in->left_out || in->skips[s] || !fates_arm_feeds(in->arm, s)) {
            continue;
        }
        struct side now;
        take_side(m, instance, s, at, &now);
        if (stage_before != STAGE_DECLARED) {
            match_hop(m, instance, stage_before, s, &before, &now);
        }
        side_fini(&before);
        turn(&now);
        before = now;
        stage_before = s;
    }
    side_fini(&before);
    while (*at < m->item_count && m->copies[m->items[*at]].instance == instance) {
        ++*at;
    }
}

static int by_after(const void *a, const void *b)
{
    const struct trail_pair *x = a, *y = b;
    if (x->after != y->after) {
        return x->after < y->after ? -1 : 1;
    }
    return (x->before > y->before) - (x->before < y->before);
}

void fates_match(const struct ledger *ledger, const struct trail_copy *copies, size_t copy_count,
                 const bool stage_ran[STAGE_COUNT], struct trail_matching *out, struct fate *fates)
{
    struct matcher m = {.ledger = ledger, .copies = copies, .out = out, .fates = fates};
    size_t at = 0;
    *out = (struct trail_matching){0};
    list_items(&m, copy_count);
    for (size_t i = 0; i < ledger->instance_count; i++) {
        match_instance(&m, i, stage_ran, &at);
    }
    if (out->pair_count > 0) {
        qsort(out->pairs, out->pair_count, sizeof *out->pairs, by_after);
    }
    free(m.items);
}

void trail_match_uploads(const struct ledger *ledger, const struct trail_copy *copies, size_t copy_count,
                         const bool stage_ran[STAGE_COUNT], struct trail_matching *out)
{
    struct fate *fates = mem_calloc(copy_count, sizeof *fates);
    fates_match(ledger, copies, copy_count, stage_ran, out, fates);
    free(fates);
}

void trail_matching_fini(struct trail_matching *m)
{
    free(m->pairs);
    free(m->hops);
    *m = (struct trail_matching){0};
}
