/* SPDX-License-Identifier: Apache-2.0 */
#include "report/matrix_parts.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>

/* The interval of Wilson (1927) for 95 %: it stays within 0 and 1, and is right for three attempts, too. */
struct matrix_odds matrix_odds_of(unsigned lost, unsigned attempts)
{
    const double z = 1.959964;
    double n = attempts, p = lost / n, middle = p + z * z / (2 * n);
    double half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)), scale = 1 + z * z / n;
    double low = (middle - half) / scale, high = (middle + half) / scale;
    return (struct matrix_odds){lost, attempts, low > 0 ? low : 0, high < 1 ? high : 1};
}

static void add_verdicts(struct matrix_report *r, size_t point, size_t *capacity)
{
    static const enum verdict verdicts[] = {VERDICT_ERROR, VERDICT_CRITICAL, VERDICT_INCONCLUSIVE};
    for (size_t v = 0; v < sizeof verdicts / sizeof *verdicts; v++) {
        unsigned count = matrix_count_verdict(r, point, verdicts[v]), attempts = r->points[point].attempts;
        if (count == 0 || count == attempts)
            continue;
        r->flaky = mem_grow(r->flaky, r->flaky_count, capacity, sizeof *r->flaky);
        r->flaky[r->flaky_count++] = (struct matrix_flaky){
            .point = point, .is_verdict = true, .verdict = verdicts[v], .odds = matrix_odds_of(count, attempts)};
    }
}

/* A lock that is lost in some attempts of a combination. */
struct lossy {
    size_t point, subject;
    unsigned lost, attempts;
};

static int compare_sizes(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

/* The more often lost first. */
static int by_odds(const void *a, const void *b)
{
    const struct lossy *x = a, *y = b;
    int order = compare_sizes(x->point, y->point);
    if (order == 0)
        order = compare_sizes((size_t)y->lost * x->attempts, (size_t)x->lost * y->attempts);
    if (order == 0)
        order = compare_sizes(x->attempts, y->attempts);
    return order ? order : compare_sizes(x->subject, y->subject);
}

static size_t find_lossy(const struct matrix_report *r, struct lossy *out)
{
    size_t count = 0;
    for (size_t i = 0; i < r->hit_count; i++) {
        const struct matrix_hit *h = &r->hits[i];
        unsigned kept = r->points[h->point].decided - h->decided;
        if (kept > 0)
            out[count++] = (struct lossy){h->point, h->subject, h->attempts, h->attempts + kept};
    }
    if (count > 1)
        qsort(out, count, sizeof *out, by_odds);
    return count;
}

/* Locks that are lost equally often in one combination are told as one: an upload that is lost takes all of them. */
static void add_locks(struct matrix_report *r, size_t *capacity, const struct lossy *lossy, size_t count, size_t *at,
                      size_t point)
{
    while (*at < count && lossy[*at].point == point) {
        const struct lossy *first = &lossy[*at];
        struct matrix_flaky f = {
            .point = point, .first_subject = *at, .odds = matrix_odds_of(first->lost, first->attempts)};
        for (; *at < count && lossy[*at].point == point && lossy[*at].lost == first->lost &&
               lossy[*at].attempts == first->attempts;
             ++*at) {
            r->flaky_subjects[*at] = lossy[*at].subject;
            f.subject_count++;
        }
        r->flaky = mem_grow(r->flaky, r->flaky_count, capacity, sizeof *r->flaky);
        r->flaky[r->flaky_count++] = f;
    }
}

void matrix_find_flaky(struct matrix_report *r)
{
    struct lossy *lossy = mem_calloc(r->hit_count, sizeof *lossy);
    size_t count = find_lossy(r, lossy), capacity = 0, at = 0;
    r->flaky_subjects = mem_calloc(count, sizeof *r->flaky_subjects);
    for (size_t i = 0; i < r->point_count; i++) {
        size_t before = r->flaky_count;
        add_verdicts(r, i, &capacity);
        add_locks(r, &capacity, lossy, count, &at, i);
        r->flaky_cells += r->flaky_count > before;
    }
    free(lossy);
}
