/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads sample by sample: what is done to samples on the way gives both the copies of each stage and the moves
 * between them, as the comparison of two profiles would. */
#ifndef TRAIL_SAMPLES_H
#define TRAIL_SAMPLES_H

#include "trail_build.h"

#include "trail/uploads.h"

#define SAMPLES_MAX 400

struct one_sample {
    bool there;
    const char *label; /* NULL: none */
    const char *key;   /* NULL: `lock name` */
    unsigned acquires;
};

/* One upload at one stage. */
struct samples {
    struct one_sample items[SAMPLES_MAX];
    size_t count;
    bool corrupt;
};

struct flights {
    struct build b;
    struct samples *of; /* for each copy of the build: what is in it */
    size_t capacity;
    struct trail_matching matching;
    struct trail_move **moves; /* for each pair */
    bool no_pairs;
    bool uncompared; /* pairs of other bytes could not be compared */
};

static inline void samples_add(struct samples *s, const char *label, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (s->count == SAMPLES_MAX) {
            fail_msg("too many samples");
        }
        s->items[s->count++] = (struct one_sample){true, label, NULL, 1};
    }
}

static inline bool samples_same(const struct samples *a, const struct samples *b)
{
    bool same = a->count == b->count && !a->corrupt && !b->corrupt;
    for (size_t i = 0; same && i < a->count; i++) {
        const struct one_sample *x = &a->items[i], *y = &b->items[i];
        same = x->there == y->there && x->acquires == y->acquires && x->label == y->label && x->key == y->key;
    }
    return same;
}

/* A copy with these samples. `hash` NULL: none. `start` 0: time unknown. */
static inline size_t flights_copy(struct flights *f, enum stage stage, size_t process, const struct samples *s,
                                  const char *hash, int64_t start)
{
    size_t copy = build_copy(&f->b, stage, process);
    f->of = mem_grow(f->of, copy, &f->capacity, sizeof *f->of);
    f->of[copy] = *s;
    struct trail_copy *c = &f->b.copies[copy].copy;
    c->hash = hash;
    c->runtime_id = start ? "r" : NULL;
    c->start_ns = start;
    c->end_ns = start ? start + 10 : 0;
    c->sequence = 1;
    for (size_t i = 0; i < copy; i++) {
        c->sequence += f->b.copies[i].copy.stage == stage && f->b.copies[i].copy.instance == process;
    }
    if (s->corrupt) {
        c->status = COPY_CORRUPT;
        c->why = "truncated at offset 12";
        return copy;
    }
    for (size_t i = 0; i < s->count; i++) {
        const struct one_sample *one = &s->items[i];
        if (!one->there) {
            continue;
        }
        if (one->label == NULL || one->key != NULL) {
            c->unlabelled_samples++;
            continue;
        }
        struct build_copy *to = &f->b.copies[copy];
        size_t k = 0;
        while (k < c->sighting_count && strcmp(to->sightings[k].label, one->label) != 0) {
            k++;
        }
        if (k == c->sighting_count) {
            build_saw(&f->b, copy, one->label, 0);
            c = &f->b.copies[copy].copy;
        }
        to->sightings[k].samples++;
        to->sightings[k].acquires += one->acquires;
        to->sightings[k].wait_ns += 7;
        to->sightings[k].hold_ns += 9;
    }
    return copy;
}

static inline struct trail_move sample_move(const struct one_sample *x, const struct one_sample *y)
{
    struct trail_move m = {.samples = 1, .acquires_before = x->acquires, .acquires_after = y->acquires};
    m.from = x->key == NULL ? x->label : NULL;
    m.to = y->label;
    if (!y->there) {
        m.kind = MOVE_GONE;
        m.to = NULL;
    } else if (y->label == NULL) {
        m.kind = m.from == NULL ? MOVE_KEPT : MOVE_UNLABELLED;
    } else if (y->key != NULL) {
        m.kind = m.from == NULL ? MOVE_KEPT : MOVE_REKEYED;
        m.key = y->key;
    } else {
        m.kind = m.from != NULL && strcmp(m.from, m.to) == 0 ? MOVE_KEPT : MOVE_CHANGED;
    }
    return m;
}

static inline struct trail_move *flights_moves(const struct samples *x, const struct samples *y, size_t *count)
{
    static const struct one_sample none = {false, NULL, NULL, 0};
    size_t most = x->count > y->count ? x->count : y->count;
    struct trail_move *moves = mem_calloc(most, sizeof *moves);
    *count = 0;
    for (size_t i = 0; i < most; i++) {
        const struct one_sample *before = i < x->count ? &x->items[i] : &none;
        const struct one_sample *after = i < y->count ? &y->items[i] : &none;
        if (before->there) {
            moves[(*count)++] = sample_move(before, after);
            if (!after->there) {
                moves[*count - 1].acquires_after = 0;
            }
        } else if (after->there) {
            moves[(*count)++] = (struct trail_move){
                .kind = MOVE_ADDED, .to = after->label, .samples = 1, .acquires_after = after->acquires};
        }
    }
    return moves;
}

static inline void flights_drop_pairs(struct flights *f)
{
    for (size_t i = 0; i < f->matching.pair_count; i++) {
        free(f->moves[i]);
    }
    free(f->moves);
    f->moves = NULL;
    trail_matching_fini(&f->matching);
}

/* Matches the copies, compares the pairs, judges. */
static inline const struct trail_result *flights_judge(struct flights *f)
{
    flights_drop_pairs(f);
    build_flatten(&f->b);
    trail_match_uploads(&f->b.ledger, f->b.flat, f->b.copy_count, f->b.input.stage_ran, &f->matching);
    f->moves = mem_calloc(f->matching.pair_count, sizeof *f->moves);
    for (size_t i = 0; i < f->matching.pair_count; i++) {
        struct trail_pair *pair = &f->matching.pairs[i];
        const struct samples *x = &f->of[pair->before], *y = &f->of[pair->after];
        pair->compared = !x->corrupt && !y->corrupt && !f->uncompared;
        pair->same = pair->same || samples_same(x, y);
        if (pair->compared && !pair->same) {
            f->moves[i] = flights_moves(x, y, &pair->move_count);
            pair->moves = f->moves[i];
        }
    }
    f->b.input.pairs = f->matching.pairs;
    f->b.input.pair_count = f->no_pairs ? 0 : f->matching.pair_count;
    return build_judge(&f->b);
}

static inline void flights_end(struct flights *f)
{
    flights_drop_pairs(f);
    free(f->of);
    build_end(&f->b);
}

static inline void expect_later(const struct trail_result *r, size_t lock, const char *later)
{
    struct buf out = {0};
    const struct loss *loss = &r->locks[lock].loss;
    for (size_t i = 0; i < loss->later_count; i++) {
        buf_printf(&out, "%s%s at %s", i ? ", " : "", mechanism_name(loss->later[i].mechanism),
                   stage_name(loss->later[i].stage));
    }
    assert_string_equal(out.data ? out.data : "", later);
    buf_fini(&out);
}

static inline void expect_mechanisms(const struct trail_result *r, size_t lock, const char *all)
{
    struct buf out = {0};
    for (enum mechanism m = 0; m < MECHANISM_COUNT; m++) {
        if (r->locks[lock].loss.mechanisms & LOSS_MECHANISM(m)) {
            buf_printf(&out, "%s%s", out.size ? ", " : "", mechanism_name(m));
        }
    }
    assert_string_equal(out.data ? out.data : "", all);
    buf_fini(&out);
}

#endif
