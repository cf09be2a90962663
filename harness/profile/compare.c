/* SPDX-License-Identifier: Apache-2.0 */
/* Samples are matched level by level, each with less of what makes a sample than the one before; within a level those
 * that kept their label go first, then those whose label stands under another key, then the rest in their order. */
#include "profile/compare.h"

#include "base/mem.h"
#include "profile/content.h"
#include "profile/identity.h"

#include <stdlib.h>
#include <string.h>

/* What is compared of a sample, from all of it to its stack alone. */
enum level { LEVEL_ALL, LEVEL_STACK_VALUES, LEVEL_STACK_LABELS, LEVEL_STACK, LEVEL_COUNT };

/* One unmatched sample at a level, to be sorted by what is compared. */
struct entry {
    uint64_t key, label; /* hashes */
    uint32_t sample;
    uint32_t tried; /* of the first with a label: how many of those that follow are known to be matched */
    bool after;
};

/* Samples that made the same move; strings are those of the two files, 0 where there is none. */
struct raw_move {
    enum trail_move_kind kind;
    uint32_t from, to, key;
    uint64_t from_hash, to_hash, key_hash; /* 0 where there is no string */
    uint64_t samples, acquires_before, acquires_after, events_before, events_after;
};

/* Samples of one label mostly make the same move, so that after this many there are few different ones. */
#define ADD_UP_AT ((size_t)1 << 14)

struct comparison {
    struct identities before, after;
    struct entry *entries;
    struct raw_move *moves;
    size_t move_count, move_capacity;
    size_t add_up_at; /* moves above which they are added up */
};

static uint64_t level_key(const struct identity *s, enum level level)
{
    switch (level) {
    case LEVEL_ALL:
        return content_mix(content_mix(s->stack, s->values), s->labels);
    case LEVEL_STACK_VALUES:
        return content_mix(s->stack, s->values);
    case LEVEL_STACK_LABELS:
        return content_mix(s->stack, s->labels);
    default:
        return s->stack;
    }
}

static int by_key(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    if (x->label != y->label) {
        return x->label < y->label ? -1 : 1;
    }
    if (x->after != y->after) {
        return x->after ? 1 : -1;
    }
    return (x->sample > y->sample) - (x->sample < y->sample);
}

/* --- moves -------------------------------------------------------------------------------------------------------- */

static uint64_t hash_of(struct identities *f, uint32_t string)
{
    return string != 0 ? identities_string_hash(f, string) : 0;
}

static int by_move(const void *a, const void *b)
{
    const struct raw_move *x = a, *y = b;
    if (x->from_hash != y->from_hash) {
        return x->from_hash < y->from_hash ? -1 : 1;
    }
    if (x->kind != y->kind) {
        return x->kind < y->kind ? -1 : 1;
    }
    if (x->to_hash != y->to_hash) {
        return x->to_hash < y->to_hash ? -1 : 1;
    }
    return (x->key_hash > y->key_hash) - (x->key_hash < y->key_hash);
}

static void join(struct raw_move *to, const struct raw_move *from)
{
    to->samples += from->samples;
    to->acquires_before += from->acquires_before;
    to->acquires_after += from->acquires_after;
    to->events_before += from->events_before;
    to->events_after += from->events_after;
}

/* Those of the same label lie side by side afterwards, KEPT first. */
static void add_up(struct comparison *c)
{
    size_t count = 0;
    if (c->move_count > 0) {
        qsort(c->moves, c->move_count, sizeof *c->moves, by_move);
    }
    for (size_t i = 0; i < c->move_count; i++) {
        if (count > 0 && by_move(&c->moves[count - 1], &c->moves[i]) == 0) {
            join(&c->moves[count - 1], &c->moves[i]);
        } else {
            c->moves[count++] = c->moves[i];
        }
    }
    c->move_count = count;
}

static void add_move(struct comparison *c, enum trail_move_kind kind, const struct identity *before,
                     const struct identity *after, const struct text_label *under)
{
    struct raw_move move = {.kind = kind, .samples = 1};
    if (before) {
        move.from = before->label;
        move.from_hash = hash_of(&c->before, before->label);
        move.acquires_before = before->acquires;
        move.events_before = before->events;
    }
    if (after) {
        move.to = under ? under->str : after->label;
        move.to_hash = hash_of(&c->after, move.to);
        move.acquires_after = after->acquires;
        move.events_after = after->events;
    }
    if (under) {
        move.key = under->key;
        move.key_hash = identities_string_hash(&c->after, under->key);
    }
    if (c->move_count >= c->add_up_at) {
        add_up(c);
        c->add_up_at = c->move_count * 2 > ADD_UP_AT ? c->move_count * 2 : ADD_UP_AT;
    }
    c->moves = mem_grow(c->moves, c->move_count, &c->move_capacity, sizeof *c->moves);
    c->moves[c->move_count++] = move;
}

/* A backend may add samples of one stack up: fewer samples of a label, and all that they counted is still there. */
static void fold_aggregated(struct comparison *c)
{
    struct raw_move *kept = NULL;
    for (size_t i = 0; i < c->move_count; i++) {
        struct raw_move *m = &c->moves[i];
        if (m->kind == MOVE_KEPT) {
            kept = m;
        }
        if (m->kind == MOVE_GONE && kept && kept->from_hash == m->from_hash && m->events_before > 0 &&
            kept->events_after == kept->events_before + m->events_before) {
            join(kept, m);
            m->samples = 0;
        }
    }
}

/* --- matching ----------------------------------------------------------------------------------------------------- */

static void match_pair(struct comparison *c, struct entry *before, struct entry *after, const struct text_label *under)
{
    struct identity *b = &c->before.items[before->sample], *a = &c->after.items[after->sample];
    enum trail_move_kind kind = under                           ? MOVE_REKEYED
                                : before->label == after->label ? MOVE_KEPT
                                : a->label == 0                 ? MOVE_UNLABELLED
                                                                : MOVE_CHANGED;
    add_move(c, kind, b, a, under);
    b->matched = a->matched = true;
}

static bool is_matched(const struct comparison *c, const struct entry *x)
{
    return x->after ? c->after.items[x->sample].matched : c->before.items[x->sample].matched;
}

/* Entries of one key are sorted by label, those before in front of those after. */
static void match_kept(struct comparison *c, struct entry *at, size_t count)
{
    for (size_t first = 0, end; first < count; first = end) {
        size_t b = first, a;
        for (end = first; end < count && at[end].label == at[first].label; end++) {
        }
        for (a = first; a < end && !at[a].after; a++) {
        }
        for (size_t middle = a; b < middle && a < end; a++, b++) {
            match_pair(c, &at[b], &at[a], NULL);
        }
    }
}

/* The first entry of a label in a group, or NULL. */
static struct entry *find_label(struct entry *at, size_t count, uint64_t label)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (at[middle].label < label) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && at[low].label == label ? &at[low] : NULL;
}

static struct entry *next_unmatched_before(struct comparison *c, struct entry *first, const struct entry *end)
{
    struct entry *at = first + first->tried;
    while (at < end && at->label == first->label && !at->after && is_matched(c, at)) {
        at++;
    }
    first->tried = (uint32_t)(at - first);
    return at < end && at->label == first->label && !at->after ? at : NULL;
}

/* A nameless sample with the label of one before under another key. */
static void match_rekeyed(struct comparison *c, struct entry *at, size_t count)
{
    for (size_t a = 0; a < count; a++) {
        struct identity *after = at[a].after ? &c->after.items[at[a].sample] : NULL;
        for (size_t i = 0; after && !after->matched && i < after->rest_count; i++) {
            const struct text_label *text = &c->after.rest[after->rest + i];
            struct entry *first = find_label(at, count, identities_string_hash(&c->after, text->str));
            struct entry *before = first ? next_unmatched_before(c, first, at + count) : NULL;
            if (before) {
                match_pair(c, before, &at[a], text);
            }
        }
    }
}

/* The first text under a key that the file before does not know: what was done to the key may have been done to the
 * value too. */
static const struct text_label *find_new_key(struct comparison *c, const struct entry *before,
                                             const struct entry *after)
{
    const struct identity *a = &c->after.items[after->sample];
    for (size_t i = 0; before->label != 0 && a->label == 0 && i < a->rest_count; i++) {
        const struct text_label *text = &c->after.rest[a->rest + i];
        if (!identities_key_is_shared(&c->after, &c->before, text->key)) {
            return text;
        }
    }
    return NULL;
}

static void match_rest(struct comparison *c, struct entry *at, size_t count)
{
    size_t a = 0;
    for (size_t b = 0; b < count; b++) {
        if (at[b].after || is_matched(c, &at[b])) {
            continue;
        }
        while (a < count && (!at[a].after || is_matched(c, &at[a]))) {
            a++;
        }
        if (a == count) {
            return;
        }
        match_pair(c, &at[b], &at[a], find_new_key(c, &at[b], &at[a]));
    }
}

static size_t add_entries(struct comparison *c, struct identities *f, bool after, enum level level, size_t count)
{
    for (size_t i = 0; i < f->count; i++) {
        if (!f->items[i].matched) {
            c->entries[count++] = (struct entry){.key = level_key(&f->items[i], level),
                                                 .label = hash_of(f, f->items[i].label),
                                                 .sample = (uint32_t)i,
                                                 .after = after};
        }
    }
    return count;
}

static void match_level(struct comparison *c, enum level level)
{
    size_t count = add_entries(c, &c->before, false, level, 0);
    count = add_entries(c, &c->after, true, level, count);
    if (count > 0) {
        qsort(c->entries, count, sizeof *c->entries, by_key);
    }
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && c->entries[end].key == c->entries[first].key; end++) {
        }
        match_kept(c, c->entries + first, end - first);
        match_rekeyed(c, c->entries + first, end - first);
        match_rest(c, c->entries + first, end - first);
    }
}

/* Of a file whose types are not known to be a lock's, samples without a name are nobody's. */
static void move_unmatched(struct comparison *c)
{
    for (size_t i = 0; i < c->before.count; i++) {
        const struct identity *b = &c->before.items[i];
        if (!b->matched && (b->label != 0 || !c->before.all)) {
            add_move(c, MOVE_GONE, b, NULL, NULL);
        }
    }
    for (size_t i = 0; i < c->after.count; i++) {
        const struct identity *a = &c->after.items[i];
        if (!a->matched && (a->label != 0 || !c->after.all)) {
            add_move(c, MOVE_ADDED, NULL, a, NULL);
        }
    }
}

/* --- the result --------------------------------------------------------------------------------------------------- */

static char *text_of(const struct identities *f, uint32_t string)
{
    return string != 0 ? reader_copy_text(reader_string(&f->reader, string)) : NULL;
}

static int compare_texts(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

static int by_text(const void *a, const void *b)
{
    const struct trail_move *x = a, *y = b;
    if (x->kind != y->kind) {
        return x->kind < y->kind ? -1 : 1;
    }
    int order = compare_texts(x->from, y->from);
    order = order ? order : compare_texts(x->to, y->to);
    return order ? order : compare_texts(x->key, y->key);
}

static struct profile_comparison *conclude(const struct comparison *c)
{
    struct profile_comparison *out = mem_calloc(1, sizeof *out);
    out->moves = mem_calloc(c->move_count, sizeof *out->moves);
    out->same = true;
    for (size_t i = 0; i < c->move_count; i++) {
        const struct raw_move *m = &c->moves[i];
        if (m->samples == 0) {
            continue;
        }
        out->same = out->same && m->kind == MOVE_KEPT && m->acquires_before == m->acquires_after;
        out->moves[out->move_count++] = (struct trail_move){
            .kind = m->kind,
            .from = m->kind == MOVE_ADDED ? NULL : text_of(&c->before, m->from),
            .to = text_of(&c->after, m->to),
            .key = m->kind == MOVE_REKEYED ? reader_copy_text(reader_string(&c->after.reader, m->key)) : NULL,
            .samples = m->samples,
            .acquires_before = m->acquires_before,
            .acquires_after = m->acquires_after,
        };
    }
    if (out->move_count > 0) {
        qsort(out->moves, out->move_count, sizeof *out->moves, by_text);
    }
    return out;
}

static struct profile_comparison *compare(struct comparison *c)
{
    c->entries = mem_calloc(c->before.count + c->after.count, sizeof *c->entries);
    for (enum level level = LEVEL_ALL; level < LEVEL_COUNT; level++) {
        match_level(c, level);
    }
    free(c->entries);
    move_unmatched(c);
    add_up(c);
    fold_aggregated(c);
    return conclude(c);
}

int profile_compare(const void *before, size_t before_size, const void *after, size_t after_size,
                    const struct profile_limits *limits, struct profile_comparison **out, struct err *e)
{
    struct comparison c = {0};
    int result = identities_open(&c.before, before, before_size, limits, e);
    if (result < 0) {
        err_wrap(e, "the copy before");
    } else if ((result = identities_open(&c.after, after, after_size, limits, e)) < 0) {
        err_wrap(e, "the copy after");
    } else if ((result = identities_read(&c.before, &c.after)) < 0) {
        err_wrap(e, "the copy before");
    } else if ((result = identities_read(&c.after, &c.before)) < 0) {
        err_wrap(e, "the copy after");
    } else {
        *out = compare(&c);
    }
    identities_fini(&c.before);
    identities_fini(&c.after);
    free(c.moves);
    return result;
}

void profile_comparison_lend(const struct profile_comparison *c, struct trail_pair *pair)
{
    pair->compared = c != NULL;
    pair->same = c != NULL && c->same;
    pair->moves = c != NULL ? c->moves : NULL;
    pair->move_count = c != NULL ? c->move_count : 0;
}

void profile_comparison_free(struct profile_comparison *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < c->move_count; i++) {
        free((char *)c->moves[i].from);
        free((char *)c->moves[i].to);
        free((char *)c->moves[i].key);
    }
    free(c->moves);
    free(c);
}
