/* SPDX-License-Identifier: Apache-2.0 */
#include "profile/kin.h"

#include "base/mem.h"
#include "profile/identity.h"
#include "trail/table.h"

#include <stdlib.h>
#include <string.h>

#define NO_TEXT SIZE_MAX

enum side { SIDE_BEFORE, SIDE_AFTER, SIDE_COUNT };

/* A label on a stack. */
struct spot {
    uint64_t stack;
    size_t label, key; /* numbers of texts; label NO_TEXT: none; key NO_TEXT: `lock name` */
    uint64_t samples[SIDE_COUNT], acquires[SIDE_COUNT];
};

struct kin {
    struct table texts, known_keys; /* known_keys: of labels of the first process */
    struct table index;             /* (stack, label, key) to spots */
    struct spot *spots;
    size_t spot_count, spot_capacity;
};

struct kin *kin_new(void)
{
    return mem_calloc(1, sizeof(struct kin));
}

void kin_free(struct kin *k)
{
    if (k == NULL) {
        return;
    }
    table_fini(&k->texts);
    table_fini(&k->known_keys);
    table_fini(&k->index);
    free(k->spots);
    free(k);
}

/* --- adding ------------------------------------------------------------------------------------------------------- */

static size_t text_number(struct kin *k, const struct identities *f, uint32_t string)
{
    char *text = reader_copy_text(reader_string(&f->reader, string));
    size_t number = table_put_text(&k->texts, text);
    free(text);
    return number;
}

/* The first text under a key that the first process does not use. */
static const struct text_label *find_new_key(const struct kin *k, const struct identities *f, const struct identity *s)
{
    for (size_t i = 0; i < s->rest_count; i++) {
        const struct text_label *text = &f->rest[s->rest + i];
        struct string_ref key = reader_string(&f->reader, text->key);
        if (table_find(&k->known_keys, key.text, key.size) == TABLE_NONE) {
            return text;
        }
    }
    return NULL;
}

static void add_sample(struct kin *k, enum side side, const struct identities *f, const struct identity *s)
{
    struct spot spot = {.stack = s->stack, .label = NO_TEXT, .key = NO_TEXT};
    const struct text_label *under = side == SIDE_AFTER && s->label == 0 ? find_new_key(k, f, s) : NULL;
    if (s->label != 0) {
        spot.label = text_number(k, f, s->label);
    } else if (under != NULL) {
        spot.label = text_number(k, f, under->str);
        spot.key = text_number(k, f, under->key);
    }
    size_t key[3] = {spot.stack, spot.label, spot.key};
    size_t known = k->index.count, number = table_put(&k->index, key, sizeof key);
    if (number == known) {
        k->spots = mem_grow(k->spots, k->spot_count, &k->spot_capacity, sizeof *k->spots);
        k->spots[k->spot_count++] = spot;
    }
    k->spots[number].samples[side]++;
    k->spots[number].acquires[side] += s->acquires;
}

static void know_keys(struct kin *k, const struct identities *f)
{
    for (size_t i = 0; i < f->reader.string_count; i++) {
        if (f->key_shared[i] != 0) {
            struct string_ref key = reader_string(&f->reader, i);
            table_put(&k->known_keys, key.text, key.size);
        }
    }
}

int kin_add(struct kin *k, bool after, const void *bytes, size_t size, const struct profile_limits *limits,
            struct err *e)
{
    struct identities f = {0};
    enum side side = after ? SIDE_AFTER : SIDE_BEFORE;
    int result = identities_open(&f, bytes, size, limits, e);
    if (result == 0) {
        result = identities_read(&f, &f);
    }
    for (size_t i = 0; result == 0 && i < f.count; i++) {
        add_sample(k, side, &f, &f.items[i]);
    }
    if (result == 0 && !after) {
        know_keys(k, &f);
    }
    identities_fini(&f);
    return result;
}

/* --- comparing ---------------------------------------------------------------------------------------------------- */

static int by_stack(const void *a, const void *b)
{
    const struct spot *x = a, *y = b;
    if (x->stack != y->stack) {
        return x->stack < y->stack ? -1 : 1;
    }
    if (x->label != y->label) {
        return x->label < y->label ? -1 : 1;
    }
    return (x->key > y->key) - (x->key < y->key);
}

struct found {
    struct table index;
    struct trail_move *moves;
    size_t count, capacity;
};

static const char *text_of(const struct kin *k, size_t number)
{
    return number == NO_TEXT ? NULL : k->texts.keys[number].bytes;
}

static void add_move(struct found *out, const struct kin *k, enum trail_move_kind kind, size_t from,
                     const struct spot *after)
{
    size_t key[4] = {(size_t)kind, from, after->label, after->key};
    size_t known = out->index.count, number = table_put(&out->index, key, sizeof key);
    if (number == known) {
        out->moves = mem_grow(out->moves, out->count, &out->capacity, sizeof *out->moves);
        out->moves[out->count++] = (struct trail_move){
            .kind = kind, .from = text_of(k, from), .to = text_of(k, after->label), .key = text_of(k, after->key)};
    }
    struct trail_move *m = &out->moves[number];
    m->samples += after->samples[SIDE_AFTER];
    m->acquires_before += after->acquires[SIDE_AFTER];
    m->acquires_after += after->acquires[SIDE_AFTER];
}

static bool is_prefix(const char *of, const char *text)
{
    return of != NULL && text != NULL && strncmp(of, text, strlen(text)) == 0;
}

/* How much of the stack's samples the label had in the first process, and has no more in the second. */
static double missed(const struct spot *s, uint64_t before, uint64_t after)
{
    double then = (double)s->samples[SIDE_BEFORE] / (double)before;
    return then - (after > 0 ? (double)s->samples[SIDE_AFTER] / (double)after : 0);
}

/* Of the labels that the stack has in the first process: one that begins as the new one does, or else the one that is
 * missed most. */
static size_t find_from(const struct kin *k, const struct spot *group, size_t count, const struct spot *to)
{
    uint64_t before = 0, after = 0;
    size_t best = NO_TEXT;
    double most = 0;
    for (size_t i = 0; i < count; i++) {
        before += group[i].samples[SIDE_BEFORE];
        after += group[i].samples[SIDE_AFTER];
    }
    for (size_t i = 0; i < count; i++) {
        if (group[i].samples[SIDE_BEFORE] == 0 || group[i].label == NO_TEXT) {
            continue;
        }
        double much = missed(&group[i], before, after) + is_prefix(text_of(k, group[i].label), text_of(k, to->label));
        if (best == NO_TEXT || much > most) {
            best = group[i].label;
            most = much;
        }
    }
    return best;
}

static void compare_stack(const struct kin *k, const struct spot *group, size_t count, struct found *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct spot *s = &group[i];
        if (s->samples[SIDE_AFTER] == 0) {
            continue;
        }
        size_t from = s->samples[SIDE_BEFORE] > 0 ? NO_TEXT : find_from(k, group, count, s);
        if (from == NO_TEXT || from == s->label) {
            bool rekeyed = s->key != NO_TEXT;
            add_move(out, k, rekeyed ? MOVE_REKEYED : MOVE_KEPT, rekeyed ? from : s->label, s);
        } else {
            add_move(out, k,
                     s->label == NO_TEXT ? MOVE_UNLABELLED
                     : s->key != NO_TEXT ? MOVE_REKEYED
                                         : MOVE_CHANGED,
                     from, s);
        }
    }
}

struct profile_comparison *kin_compare(struct kin *k)
{
    struct found found = {0};
    struct profile_comparison *out = mem_calloc(1, sizeof *out);
    if (k->spot_count > 0) {
        qsort(k->spots, k->spot_count, sizeof *k->spots, by_stack);
    }
    for (size_t first = 0, end; first < k->spot_count; first = end) {
        for (end = first + 1; end < k->spot_count && k->spots[end].stack == k->spots[first].stack; end++) {
        }
        compare_stack(k, k->spots + first, end - first, &found);
    }
    out->moves = found.moves;
    out->move_count = found.count;
    out->same = true;
    for (size_t i = 0; i < found.count; i++) {
        struct trail_move *m = &found.moves[i];
        out->same = out->same && m->kind == MOVE_KEPT;
        m->from = m->from ? mem_strdup(m->from) : NULL;
        m->to = m->to ? mem_strdup(m->to) : NULL;
        m->key = m->key ? mem_strdup(m->key) : NULL;
    }
    table_fini(&found.index);
    return out;
}
