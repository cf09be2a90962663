/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions that need not fit: every one of two comparisons, then the most promising are made longer by one. */
#include "trail/explain_internal.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Promising ones of each size that are kept. Conditions of noise and one cause have it among the first ten. */
#define BEAM 64
/* 64-bit words looked at for one size; of more comparisons, those that tell most by themselves are joined. */
#define LEVEL_WORK ((size_t)1 << 26)

struct candidate {
    struct formula formula;
    double bits; /* what is wrong with it */
    size_t points, lost;
    uint64_t *set; /* its points */
};

struct beam {
    struct candidate items[BEAM]; /* fewest bits first */
    size_t count;
};

struct rough {
    const struct atoms *atoms;
    double *log2_factorial;    /* of 0 to the number of points */
    struct candidate *singles; /* comparisons, the most telling first */
    size_t single_count;       /* those that are joined */
    uint64_t *scratch;
};

static double choose(const struct rough *r, size_t n, size_t k)
{
    return r->log2_factorial[n] - r->log2_factorial[k] - r->log2_factorial[n - k];
}

/* Which of the points inside are kept, which outside are lost, and how many; a condition that holds rather where
 * nothing is lost is none. */
static double wrong_bits(const struct rough *r, size_t points, size_t lost)
{
    size_t all = r->atoms->point_count, all_lost = r->atoms->lost_count;
    size_t outside = all - points, lost_outside = all_lost - lost;
    if (points == 0 || outside == 0 || lost * outside <= lost_outside * points)
        return INFINITY;
    return choose(r, points, lost) + choose(r, outside, lost_outside) +
           log2((double)(points < all_lost ? points : all_lost) + 1);
}

static void combine(const struct rough *r, const uint64_t *a, const uint64_t *b, int operator, uint64_t * out)
{
    for (size_t w = 0; w < r->atoms->words; w++)
        out[w] = operator== FORMULA_AND ? a[w] & b[w] : a[w] | b[w];
}

static void count_set(const struct rough *r, const uint64_t *set, struct candidate *c)
{
    c->points = c->lost = 0;
    for (size_t w = 0; w < r->atoms->words; w++) {
        c->points += (size_t)__builtin_popcountll(set[w]);
        c->lost += (size_t)__builtin_popcountll(set[w] & r->atoms->lost[w]);
    }
}

/* Keeps it where it is among the best and holds for other points than those. */
static void offer(const struct rough *r, struct beam *beam, const struct candidate *a, const struct candidate *b,
                  int operator, size_t points, size_t lost)
{
    double bits = wrong_bits(r, points, lost);
    if (!isfinite(bits) || (beam->count == BEAM && bits >= beam->items[BEAM - 1].bits))
        return;
    combine(r, a->set, b->set, operator, r->scratch);
    size_t at = beam->count;
    for (size_t i = 0; i < beam->count; i++)
        if (beam->items[i].points == points &&
            memcmp(beam->items[i].set, r->scratch, r->atoms->words * sizeof *r->scratch) == 0)
            return;
    while (at > 0 && beam->items[at - 1].bits > bits)
        at--;
    uint64_t *set = beam->count == BEAM ? beam->items[BEAM - 1].set : mem_calloc(r->atoms->words, sizeof *set);
    beam->count -= beam->count == BEAM;
    memmove(&beam->items[at + 1], &beam->items[at], (beam->count - at) * sizeof *beam->items);
    beam->count++;
    struct candidate *c = &beam->items[at];
    *c = (struct candidate){.bits = bits, .points = points, .lost = lost, .set = set};
    memcpy(set, r->scratch, r->atoms->words * sizeof *set);
    c->formula = a->formula;
    memcpy(c->formula.code + c->formula.size, b->formula.code, b->formula.size * sizeof *b->formula.code);
    c->formula.size += b->formula.size;
    c->formula.code[c->formula.size++] = operator;
}

static void offer_both(const struct rough *r, struct beam *beam, const struct candidate *a, const struct candidate *b)
{
    size_t points = 0, lost = 0;
    for (size_t w = 0; w < r->atoms->words; w++) {
        uint64_t both = a->set[w] & b->set[w];
        points += (size_t)__builtin_popcountll(both);
        lost += (size_t)__builtin_popcountll(both & r->atoms->lost[w]);
    }
    offer(r, beam, a, b, FORMULA_AND, points, lost);
    offer(r, beam, a, b, FORMULA_OR, a->points + b->points - points, a->lost + b->lost - lost);
}

/* --- sizes ------------------------------------------------------------------------------------------------------ */

static int by_bits(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    return x->bits != y->bits ? (x->bits > y->bits) - (x->bits < y->bits)
                              : (x->formula.code[0] > y->formula.code[0]) - (x->formula.code[0] < y->formula.code[0]);
}

static void make_singles(struct rough *r)
{
    r->singles = mem_calloc(r->atoms->count, sizeof *r->singles);
    for (size_t i = 0; i < r->atoms->count; i++) {
        struct candidate *c = &r->singles[i];
        c->formula = (struct formula){.code = {(int)i}, .size = 1};
        /* Only read; a beam's own sets are written. */
        c->set = r->atoms->sets + i * r->atoms->words;
        count_set(r, c->set, c);
        c->bits = wrong_bits(r, c->points, c->lost);
    }
    qsort(r->singles, r->atoms->count, sizeof *r->singles, by_bits);
    r->single_count = r->atoms->count;
    while (r->single_count > BEAM && r->single_count * r->single_count / 2 * r->atoms->words > LEVEL_WORK)
        r->single_count = r->single_count * 7 / 8;
}

static void join_all(const struct rough *r, const struct candidate *a, size_t a_count, const struct candidate *b,
                     size_t b_count, struct beam *out)
{
    for (size_t i = 0; i < a_count; i++)
        for (size_t j = a == b ? i + 1 : 0; j < b_count; j++)
            offer_both(r, out, &a[i], &b[j]);
}

/* The best of one size, which pays for what it is longer than those before. */
static void consider(const struct candidate *c, size_t count, double conditions, struct formula *out, double *bits)
{
    if (count == 0 || c->bits + conditions >= *bits)
        return;
    *bits = c->bits + conditions;
    *out = c->formula;
}

static void beam_fini(struct beam *b)
{
    for (size_t i = 0; i < b->count; i++)
        free(b->items[i].set);
}

static void search_sizes(struct rough *r, size_t atoms_max, struct formula *out, double *bits)
{
    struct beam *beams = mem_calloc(EXPLAIN_ATOMS_MAX + 1, sizeof *beams);
    consider(r->singles, r->atoms->count, bits_conditions(r->atoms->count, 1), out, bits);
    for (size_t size = 2; size <= atoms_max; size++) {
        struct beam *beam = &beams[size];
        if (size == 2)
            join_all(r, r->singles, r->single_count, r->singles, r->single_count, beam);
        else
            join_all(r, beams[size - 1].items, beams[size - 1].count, r->singles, r->single_count, beam);
        if (size == 4)
            join_all(r, beams[2].items, beams[2].count, beams[2].items, beams[2].count, beam);
        consider(beam->items, beam->count, bits_conditions(r->atoms->count, size), out, bits);
    }
    for (size_t size = 2; size <= atoms_max; size++)
        beam_fini(&beams[size]);
    free(beams);
}

bool search_rough(const struct atoms *a, size_t atoms_max, struct formula *out, double *bits)
{
    struct rough r = {.atoms = a};
    *bits = INFINITY;
    r.scratch = mem_calloc(a->words, sizeof *r.scratch);
    r.log2_factorial = mem_calloc(a->point_count + 1, sizeof *r.log2_factorial);
    for (size_t i = 2; i <= a->point_count; i++)
        r.log2_factorial[i] = r.log2_factorial[i - 1] + log2((double)i);
    make_singles(&r);
    if (a->count > 0 && atoms_max > 0)
        search_sizes(&r, atoms_max, out, bits);
    free(r.singles);
    free(r.log2_factorial);
    free(r.scratch);
    return isfinite(*bits);
}
