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

static void add(struct matrix_report *r, size_t *capacity, struct matrix_flaky flaky, unsigned lost, unsigned attempts)
{
    r->flaky = mem_grow(r->flaky, r->flaky_count, capacity, sizeof *r->flaky);
    flaky.odds = matrix_odds_of(lost, attempts);
    r->flaky[r->flaky_count++] = flaky;
}

static int by_point(const void *a, const void *b)
{
    const struct matrix_flaky *x = a, *y = b;
    if (x->point != y->point)
        return x->point < y->point ? -1 : 1;
    if (x->is_verdict != y->is_verdict)
        return x->is_verdict ? -1 : 1;
    if (x->is_verdict)
        return verdict_compare(x->verdict, y->verdict);
    return (x->subject > y->subject) - (x->subject < y->subject);
}

void matrix_find_flaky(struct matrix_report *r)
{
    static const enum verdict verdicts[] = {VERDICT_ERROR, VERDICT_CRITICAL, VERDICT_INCONCLUSIVE};
    size_t capacity = 0;
    for (size_t i = 0; i < r->point_count; i++)
        for (size_t v = 0; v < sizeof verdicts / sizeof *verdicts; v++) {
            unsigned count = matrix_count_verdict(r, i, verdicts[v]);
            if (count > 0 && count < r->points[i].attempts)
                add(r, &capacity, (struct matrix_flaky){.point = i, .is_verdict = true, .verdict = verdicts[v]}, count,
                    r->points[i].attempts);
        }
    for (size_t i = 0; i < r->hit_count; i++) {
        const struct matrix_hit *h = &r->hits[i];
        unsigned kept = r->points[h->point].decided - h->decided;
        if (kept > 0)
            add(r, &capacity, (struct matrix_flaky){.point = h->point, .subject = h->subject}, h->attempts,
                h->attempts + kept);
    }
    if (r->flaky_count > 1)
        qsort(r->flaky, r->flaky_count, sizeof *r->flaky, by_point);
    for (size_t i = 0; i < r->flaky_count; i++)
        r->flaky_cells += i == 0 || r->flaky[i].point != r->flaky[i - 1].point;
}
