/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/bisect_search.h"

#include <assert.h>
#include <math.h>

static unsigned judged(const struct bisect_tries *v)
{
    return v->named + v->lost;
}

static unsigned tries(const struct bisect_tries *v)
{
    return judged(v) + v->unknown;
}

static bool unusable(const struct bisect_search *s, size_t i)
{
    return judged(&s->values[i]) == 0 && s->values[i].unknown > 0;
}

enum bisect_outcome bisect_search_state(const struct bisect_search *s, size_t i)
{
    if (s->values[i].lost > 0)
        return BISECT_LOST;
    return s->values[i].named > 0 ? BISECT_NAMED : BISECT_UNKNOWN;
}

static bool is_flaky(const struct bisect_search *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->values[i].named > 0 && s->values[i].lost > 0)
            return true;
    return false;
}

void bisect_search_add(struct bisect_search *s, size_t i, enum bisect_outcome outcome)
{
    assert(i < s->count);
    struct bisect_tries *v = &s->values[i];
    *(outcome == BISECT_NAMED ? &v->named : outcome == BISECT_LOST ? &v->lost : &v->unknown) += 1;
}

/* --- the ends --------------------------------------------------------------------------------------------------- */

/* The end that counts on one side: the first that is not known to be unusable, 1, 2, 4 ... further inside. False: none.
 */
static bool find_end(const struct bisect_search *s, bool upper, size_t *end)
{
    for (size_t step = 0; step < s->count; step = 2 * step + 1) {
        *end = upper ? s->count - 1 - step : step;
        if (!unusable(s, *end))
            return true;
    }
    return false;
}

static bool find_ends(const struct bisect_search *s, size_t *first, size_t *last)
{
    return find_end(s, false, first) && find_end(s, true, last) && *first < *last;
}

/* --- between them ----------------------------------------------------------------------------------------------- */

/* The value nearest to the middle of (low, high) that may be tried; false: none. `fresh`: only one never tried. */
static bool find_middle(const struct bisect_search *s, size_t low, size_t high, bool fresh, size_t *middle)
{
    size_t centre = low + (high - low) / 2;
    for (size_t away = 0; away <= high - low; away++) {
        for (int side = 0; side < 2; side++) {
            if (side == 0 && away > centre)
                continue;
            size_t i = side == 0 ? centre - away : centre + away;
            if (i <= low || i >= high || unusable(s, i) || (fresh && tries(&s->values[i]) > 0))
                continue;
            *middle = i;
            return true;
        }
    }
    return false;
}

/* Whether the value has to be tried (again) before its state counts: a loss is one at once. */
static bool is_open(const struct bisect_search *s, size_t i, unsigned need)
{
    return s->values[i].lost == 0 && tries(&s->values[i]) < need;
}

/* Halves until nothing is left between: *before and *after. True: *middle has to be tried first. */
static bool halve(const struct bisect_search *s, unsigned need, size_t *before, size_t *after, size_t *middle)
{
    enum bisect_outcome first = bisect_search_state(s, *before);
    while (find_middle(s, *before, *after, false, middle)) {
        if (is_open(s, *middle, need))
            return true;
        if (bisect_search_state(s, *middle) == first)
            *before = *middle;
        else
            *after = *middle;
    }
    return false;
}

/* --- looking for what contradicts ------------------------------------------------------------------------------- */

/* The widest gap between values that were judged in [low, high]: more than half of it is one that hides something. */
static bool find_gap(const struct bisect_search *s, size_t low, size_t high, size_t *middle)
{
    size_t from = low, widest = 0, widest_from = low;
    for (size_t i = low + 1; i <= high; i++) {
        if (judged(&s->values[i]) == 0)
            continue;
        if (i - from > widest) {
            widest = i - from;
            widest_from = from;
        }
        from = i;
    }
    return widest >= 2 && 2 * widest > high - low + 1 &&
           find_middle(s, widest_from, widest_from + widest, true, middle);
}

/* What [low, high], which all have the state of `low`, still asks for: where it is lost, a name in it that is not may
 * be so at its next try; where it is named, a loss in it may be a flaky one; and the gap. */
static bool look(const struct bisect_search *s, size_t low, size_t high, size_t *value)
{
    enum bisect_outcome state = bisect_search_state(s, low);
    for (size_t i = low; i <= high; i++) {
        if (judged(&s->values[i]) > 0 && bisect_search_state(s, i) != state && tries(&s->values[i]) < s->repeats) {
            *value = i;
            return true;
        }
    }
    return find_gap(s, low, high, value);
}

bool bisect_search_next(const struct bisect_search *s, size_t *value)
{
    size_t first, last;
    if (!find_ends(s, &first, &last))
        return false;
    if (tries(&s->values[first]) == 0 || tries(&s->values[last]) == 0) {
        *value = tries(&s->values[first]) == 0 ? first : last;
        return true;
    }
    if (tries(&s->values[first]) < s->repeats || tries(&s->values[last]) < s->repeats) {
        *value = tries(&s->values[first]) < s->repeats ? first : last;
        return true;
    }
    if (bisect_search_state(s, first) == bisect_search_state(s, last))
        return look(s, first, last, value);
    size_t before = first, after = last;
    if (halve(s, is_flaky(s) ? s->repeats : 1, &before, &after, value))
        return true;
    if (tries(&s->values[before]) < s->repeats || tries(&s->values[after]) < s->repeats) {
        *value = tries(&s->values[before]) < s->repeats ? before : after;
        return true;
    }
    return look(s, first, before, value) || look(s, after, last, value);
}

/* --- what was found --------------------------------------------------------------------------------------------- */

static void look_for_odd(const struct bisect_search *s, struct bisect_result *r)
{
    enum bisect_outcome first = bisect_search_state(s, r->first), last = bisect_search_state(s, r->last);
    for (size_t i = r->first; i <= r->last && r->monotone; i++) {
        enum bisect_outcome state = bisect_search_state(s, i);
        enum bisect_outcome expected = r->end == BISECT_BOUNDARY && i >= r->after ? last : first;
        if (state != BISECT_UNKNOWN && state != expected) {
            r->monotone = false;
            r->odd = i;
        }
    }
}

struct bisect_result bisect_search_result(const struct bisect_search *s)
{
    struct bisect_result r = {.end = BISECT_UNJUDGED, .monotone = true, .flaky = is_flaky(s)};
    if (!find_ends(s, &r.first, &r.last) || judged(&s->values[r.first]) == 0 || judged(&s->values[r.last]) == 0)
        return r;
    r.end = BISECT_SAME;
    if (bisect_search_state(s, r.first) != bisect_search_state(s, r.last)) {
        size_t middle;
        r.end = BISECT_BOUNDARY;
        r.before = r.first;
        r.after = r.last;
        halve(s, 1, &r.before, &r.after, &middle);
        r.loses = bisect_search_state(s, r.after) == BISECT_LOST;
    }
    look_for_odd(s, &r);
    return r;
}

double bisect_search_doubt(const struct bisect_search *s, unsigned good)
{
    double lowest = 1;
    for (size_t i = 0; i < s->count; i++)
        if (s->values[i].lost > 0 && s->values[i].named > 0)
            lowest = fmin(lowest, (double)s->values[i].lost / judged(&s->values[i]));
    return lowest < 1 ? pow(1 - lowest, good) : 0;
}
