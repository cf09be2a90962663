/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/adopt.h"
#include "base/mem.h"
#include "trail/rewrite.h"

#include <stdlib.h>
#include <string.h>

/* Places in a label where an added prefix may end or an added suffix begin that are tried: a path of many folders has
 * fewer. */
#define AFFIX_TRIES_MAX 64

struct canonical {
    char *text;
    size_t old;
};

struct search {
    const struct work *w;
    const struct adopt_old *old;
    size_t old_count;
    bool *taken;                 /* an old label becomes one new label */
    struct canonical *canonical; /* of the old ones, by text */
    adopt_fn found;
    void *data;
};

static const char *text_of(const struct search *s, const struct row *row)
{
    return s->w->labels[row->label].text;
}

static void take(struct search *s, size_t old, struct adopt_new *fresh)
{
    s->taken[old] = true;
    fresh->adopted = true;
    if (s->old[old].lock != ADOPT_NO_LOCK) {
        s->found(fresh->row, s->old[old].lock, s->data);
    }
}

/* All old labels of which the new one is a proper prefix: they stand together, right behind where it would stand. */
static void take_shortened(struct search *s, struct adopt_new *fresh)
{
    const char *text = text_of(s, fresh->row);
    size_t size = strlen(text), low = 0, high = s->old_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(text_of(s, s->old[middle].row), text) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < s->old_count && strncmp(text_of(s, s->old[low].row), text, size) == 0; low++) {
        if (!s->taken[low]) {
            take(s, low, fresh);
        }
    }
}

static int compare_canonical(const char *a, size_t a_size, const char *b)
{
    int order = strncmp(a, b, a_size);
    return order ? order : b[strnlen(b, a_size)] != '\0' ? -1 : 0;
}

static bool take_canonical(struct search *s, const char *text, size_t size, struct adopt_new *fresh)
{
    size_t low = 0, high = s->old_count;
    bool any = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_canonical(text, size, s->canonical[middle].text) > 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < s->old_count && compare_canonical(text, size, s->canonical[low].text) == 0; low++) {
        if (!s->taken[s->canonical[low].old]) {
            take(s, s->canonical[low].old, fresh);
            any = true;
        }
    }
    return any;
}

static void take_same_letters(struct search *s, struct adopt_new *fresh)
{
    char *text = rewrite_canonical(text_of(s, fresh->row));
    take_canonical(s, text, strlen(text), fresh);
    free(text);
}

static void take_with_affix(struct search *s, struct adopt_new *fresh)
{
    char *text = rewrite_canonical(text_of(s, fresh->row));
    size_t size = strlen(text);
    size_t tries = 0;
    bool any = false;
    for (size_t i = 0; i < size && !any && tries < AFFIX_TRIES_MAX; i++) {
        if (text[i] == '_') {
            tries++;
            any = take_canonical(s, text + i + 1, size - i - 1, fresh);
        }
    }
    tries = 0;
    for (size_t i = size; i-- > 1 && !any && tries < AFFIX_TRIES_MAX;) {
        if (text[i] == '_') {
            tries++;
            any = take_canonical(s, text, i, fresh);
        }
    }
    free(text);
}

/* --- nothing of the label is left: only the counts tell ----------------------------------------------------------- */

static int by_counts(const struct row *x, const struct row *y)
{
    const uint64_t a[] = {x->samples, x->acquires, x->wait_ns, x->releases, x->hold_ns};
    const uint64_t b[] = {y->samples, y->acquires, y->wait_ns, y->releases, y->hold_ns};
    for (size_t i = 0; i < sizeof a / sizeof a[0]; i++) {
        if (a[i] != b[i]) {
            return a[i] < b[i] ? -1 : 1;
        }
    }
    return 0;
}

static int old_by_counts(const void *a, const void *b, void *data)
{
    const struct search *s = data;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    int order = by_counts(s->old[x].row, s->old[y].row);
    return order ? order : (x > y) - (x < y);
}

static int fresh_by_counts(const void *a, const void *b)
{
    const struct adopt_new *x = *(struct adopt_new *const *)a, *y = *(struct adopt_new *const *)b;
    int order = by_counts(x->row, y->row);
    return order ? order : (x > y) - (x < y);
}

/* One new label in the place of all that are gone ("redacted"). */
static void take_all(struct search *s, const size_t *open, size_t open_count, struct adopt_new *fresh)
{
    uint64_t samples = 0, acquires = 0;
    const struct row *last = NULL;
    for (size_t i = 0; i < open_count; i++) {
        const struct row *row = s->old[open[i]].row;
        if (row != last) {
            samples += row->samples;
            acquires += row->acquires;
        }
        last = row;
    }
    if (samples == fresh->row->samples && acquires == fresh->row->acquires) {
        for (size_t i = 0; i < open_count; i++) {
            take(s, open[i], fresh);
        }
    }
}

/* Pairs with the same counts that no other label has, on either side. */
static void take_equal(struct search *s, size_t *open, size_t open_count, struct adopt_new **free_, size_t free_count)
{
    qsort_r(open, open_count, sizeof *open, old_by_counts, s);
    qsort(free_, free_count, sizeof *free_, fresh_by_counts);
    for (size_t i = 0, k = 0; i < open_count && k < free_count;) {
        const struct row *row = s->old[open[i]].row;
        int order = by_counts(row, free_[k]->row);
        if (order != 0) {
            i += order < 0;
            k += order > 0;
            continue;
        }
        size_t olds = 1, news = 1, labels = 1;
        for (; i + olds < open_count && by_counts(row, s->old[open[i + olds]].row) == 0; olds++) {
            labels += s->old[open[i + olds]].row != row;
        }
        while (k + news < free_count && by_counts(row, free_[k + news]->row) == 0) {
            news++;
        }
        for (size_t n = 0; labels == 1 && news == 1 && n < olds; n++) {
            take(s, open[i + n], free_[k]);
        }
        i += olds;
        k += news;
    }
}

static void take_by_counts(struct search *s, struct adopt_new *fresh, size_t fresh_count)
{
    size_t *open = mem_calloc(s->old_count, sizeof *open);
    struct adopt_new **free_ = mem_calloc(fresh_count, sizeof *free_);
    size_t open_count = 0, free_count = 0;
    for (size_t i = 0; i < s->old_count; i++) {
        if (!s->taken[i] && s->old[i].gone) {
            open[open_count++] = i;
        }
    }
    for (size_t i = 0; i < fresh_count; i++) {
        if (!fresh[i].adopted) {
            free_[free_count++] = &fresh[i];
        }
    }
    if (free_count == 1 && open_count > 0) {
        take_all(s, open, open_count, free_[0]);
    }
    if (free_count > 1 || (free_count == 1 && !free_[0]->adopted)) {
        take_equal(s, open, open_count, free_, free_count);
    }
    free(open);
    free(free_);
}

static int by_canonical(const void *a, const void *b)
{
    const struct canonical *x = a, *y = b;
    int order = strcmp(x->text, y->text);
    return order ? order : (x->old > y->old) - (x->old < y->old);
}

void adopt(const struct work *w, const struct adopt_old *old, size_t old_count, struct adopt_new *fresh,
           size_t fresh_count, adopt_fn found, void *data)
{
    if (old_count == 0 || fresh_count == 0) {
        return;
    }
    struct search s = {.w = w, .old = old, .old_count = old_count, .found = found, .data = data};
    s.taken = mem_calloc(old_count, sizeof *s.taken);
    s.canonical = mem_calloc(old_count, sizeof *s.canonical);
    for (size_t i = 0; i < old_count; i++) {
        s.canonical[i] = (struct canonical){rewrite_canonical(text_of(&s, old[i].row)), i};
    }
    qsort(s.canonical, old_count, sizeof *s.canonical, by_canonical);
    static void (*const ways[])(struct search *, struct adopt_new *) = {
        take_shortened,
        take_same_letters,
        take_with_affix,
    };
    for (size_t way = 0; way < sizeof ways / sizeof ways[0]; way++) {
        /* From the last: of two prefixes of one label the longer says more. */
        for (size_t i = fresh_count; i-- > 0;) {
            if (!fresh[i].adopted) {
                ways[way](&s, &fresh[i]);
            }
        }
    }
    take_by_counts(&s, fresh, fresh_count);
    for (size_t i = 0; i < old_count; i++) {
        free(s.canonical[i].text);
    }
    free(s.canonical);
    free(s.taken);
}
