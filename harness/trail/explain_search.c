/* SPDX-License-Identifier: Apache-2.0 */
/* Every condition by size. One that is an `or` has to cover the lost points with terms that touch no kept one, and few
 * comparisons touch none: that is what makes the search short. One that is an `and` is the same with complements: its
 * terms' complements cover the kept points and touch no lost one (`flip`). So one function finds both. */
#include "trail/explain_internal.h"

#include "base/mem.h"

#include <stdlib.h>

struct link {
    size_t a, b;
    bool pair; /* the term is of `a` and `b`, joined by the other operator */
    bool flip; /* `and` joins it to the rest */
};

struct search {
    const struct atoms *atoms;
    struct link links[EXPLAIN_ATOMS_MAX];
    uint64_t *rest[EXPLAIN_ATOMS_MAX]; /* what is still to be covered, by depth */
    size_t work;
    bool bounded, found;
    struct formula best;
};

struct frame {
    bool flip;
    const uint64_t *cover, *avoid;
    size_t left;  /* comparisons */
    size_t depth; /* links before */
    size_t from;  /* operands of one operator stand in order */
};

static bool over(struct search *s)
{
    s->bounded = s->bounded || s->work > EXPLAIN_WORK_MAX;
    return s->bounded;
}

static bool disjoint(struct search *s, size_t atom, bool flip, const uint64_t *other)
{
    const uint64_t *set = atoms_set(s->atoms, atom);
    uint64_t mask = flip ? ~UINT64_C(0) : 0;
    for (size_t w = 0; w < s->atoms->words; w++)
        if ((set[w] ^ mask) & other[w]) {
            s->work += w + 1;
            return false;
        }
    s->work += s->atoms->words;
    return true;
}

/* --- what was found --------------------------------------------------------------------------------------------- */

static void put_term(struct formula *f, const struct link *l)
{
    f->code[f->size++] = (int)l->a;
    if (!l->pair)
        return;
    f->code[f->size++] = (int)l->b;
    f->code[f->size++] = l->flip ? FORMULA_OR : FORMULA_AND;
}

static void found(struct search *s, size_t depth, size_t last)
{
    struct formula f = {.size = 0};
    for (size_t i = 0; i < depth; i++)
        put_term(&f, &s->links[i]);
    f.code[f.size++] = (int)last;
    for (size_t i = depth; i-- > 0;)
        f.code[f.size++] = s->links[i].flip ? FORMULA_AND : FORMULA_OR;
    s->work += 64; /* about what this takes */
    if (!s->found || formula_compare(s->atoms, &f, &s->best) < 0)
        s->best = f;
    s->found = true;
}

/* --- the search ------------------------------------------------------------------------------------------------- */

static void find(struct search *s, const struct frame *f);

static void find_last(struct search *s, const struct frame *f)
{
    for (size_t a = f->from; a < s->atoms->count && !over(s); a++)
        if (disjoint(s, a, !f->flip, f->cover) && disjoint(s, a, f->flip, f->avoid))
            found(s, f->depth, a);
}

/* What the term leaves to be covered. False where it covers nothing or everything: then a smaller condition does. */
static bool cover_term(struct search *s, const struct frame *f, const struct link *l)
{
    const uint64_t *a = atoms_set(s->atoms, l->a), *b = atoms_set(s->atoms, l->pair ? l->b : l->a);
    uint64_t mask = f->flip ? ~UINT64_C(0) : 0, left = 0, covered = 0;
    for (size_t w = 0; w < s->atoms->words; w++) {
        uint64_t term = (a[w] ^ mask) & (b[w] ^ mask);
        s->rest[f->depth][w] = f->cover[w] & ~term;
        left |= s->rest[f->depth][w];
        covered |= f->cover[w] & term;
    }
    s->work += s->atoms->words;
    s->links[f->depth] = *l;
    return left && covered;
}

static void find_rest(struct search *s, const struct frame *f, size_t taken, size_t from, bool same)
{
    const uint64_t *rest = s->rest[f->depth];
    struct frame next = {f->flip, rest, f->avoid, f->left - taken, f->depth + 1, from};
    if (same)
        find(s, &next);
    struct frame other = {!f->flip, f->avoid, rest, f->left - taken, f->depth + 1, 0};
    if (other.left > 1)
        find(s, &other);
}

static void find_singles(struct search *s, const struct frame *f)
{
    for (size_t a = f->from; a < s->atoms->count && !over(s); a++) {
        struct link l = {a, 0, false, f->flip};
        if (disjoint(s, a, f->flip, f->avoid) && cover_term(s, f, &l))
            find_rest(s, f, 1, a + 1, true);
    }
}

static bool pair_disjoint(struct search *s, const struct frame *f, size_t a, size_t b)
{
    const uint64_t *x = atoms_set(s->atoms, a), *y = atoms_set(s->atoms, b);
    uint64_t mask = f->flip ? ~UINT64_C(0) : 0;
    for (size_t w = 0; w < s->atoms->words; w++)
        if ((x[w] ^ mask) & (y[w] ^ mask) & f->avoid[w]) {
            s->work += w + 1;
            return false;
        }
    s->work += s->atoms->words;
    return true;
}

/* Two terms of two. Either may be the first: the one that covers the first point. */
static void find_pairs(struct search *s, const struct frame *f)
{
    size_t point = 0, count = 0, *holding = mem_calloc(s->atoms->count, sizeof *holding);
    while (!(f->cover[point / 64] >> (point % 64) & 1))
        point++;
    for (size_t a = 0; a < s->atoms->count; a++)
        if ((atoms_set(s->atoms, a)[point / 64] >> (point % 64) & 1) != f->flip)
            holding[count++] = a;
    for (size_t i = 0; i < count && !over(s); i++)
        for (size_t j = i + 1; j < count && !over(s); j++) {
            struct link l = {holding[i], holding[j], true, f->flip};
            if (pair_disjoint(s, f, l.a, l.b) && cover_term(s, f, &l))
                find_rest(s, f, 2, 0, false);
        }
    free(holding);
}

static void find(struct search *s, const struct frame *f)
{
    if (f->left == 1) {
        find_last(s, f);
        return;
    }
    find_singles(s, f);
    if (f->left == 4)
        find_pairs(s, f);
}

bool search_exact(const struct atoms *a, size_t atoms_max, struct formula *out, bool *bounded)
{
    struct search s = {.atoms = a};
    for (size_t i = 0; i < EXPLAIN_ATOMS_MAX; i++)
        s.rest[i] = mem_calloc(a->words, sizeof *s.rest[i]);
    for (size_t size = 1; size <= atoms_max && !s.found && !s.bounded; size++) {
        find(&s, &(struct frame){false, a->lost, a->kept, size, 0, 0});
        if (size > 1)
            find(&s, &(struct frame){true, a->kept, a->lost, size, 0, 0});
    }
    for (size_t i = 0; i < EXPLAIN_ATOMS_MAX; i++)
        free(s.rest[i]);
    *out = s.best;
    *bounded = s.bounded && !s.found; /* the smaller sizes were searched whole */
    return s.found;
}
