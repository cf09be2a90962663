/* SPDX-License-Identifier: Apache-2.0 */
/* Binary search along ordered values for the first one at which a lock loses, or gains, its name. Pure: it says which
 * value to try next, and is told what came of it.
 *
 * A value has lost the name when any try of it has. Both ends are tried first, as often as `repeats` says; a value
 * between them once, and as often as the ends where any value has had both outcomes (then a single good try proves
 * little); the two neighbours of the boundary again `repeats` times. Values that can't be judged (no environment, an
 * error) are stepped over: at the ends 1, 2, 4 ... at a time. One value in the widest untried gap on each side of the
 * boundary is tried, so that a name that comes and goes is noticed. */
#ifndef LOCKTRAIL_ENGINE_BISECT_SEARCH_H
#define LOCKTRAIL_ENGINE_BISECT_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

enum bisect_outcome { BISECT_NAMED, BISECT_LOST, BISECT_UNKNOWN };

/* How often a value was tried, by outcome. */
struct bisect_tries {
    unsigned named, lost, unknown;
};

struct bisect_search {
    struct bisect_tries *values; /* borrowed: `count` of them, all zero at first */
    size_t count;
    unsigned repeats; /* at least 1 */
};

/* The value to try next; false: all that can be found is found. At most count * repeats times. */
bool bisect_search_next(const struct bisect_search *s, size_t *value);
void bisect_search_add(struct bisect_search *s, size_t value, enum bisect_outcome outcome);

/* BISECT_UNKNOWN: never tried, or never judged. */
enum bisect_outcome bisect_search_state(const struct bisect_search *s, size_t value);

enum bisect_end {
    BISECT_BOUNDARY, /* between `before` and `after` */
    BISECT_SAME,     /* both ends have the same state: no boundary was looked for */
    BISECT_UNJUDGED  /* fewer than two values can be judged */
};

struct bisect_result {
    enum bisect_end end;
    size_t first, last;   /* the ends that were judged; not with BISECT_UNJUDGED */
    size_t before, after; /* BISECT_BOUNDARY: neighbours, but for values between them that can't be judged */
    bool loses;           /* the name is lost at `after`; else it is gained there */
    bool flaky;           /* a value had both outcomes */
    bool monotone;        /* no value that was judged contradicts the boundary (BISECT_SAME: the ends) */
    size_t odd;           /* not monotone: the first value that contradicts */
};
struct bisect_result bisect_search_result(const struct bisect_search *s);

/* The chance that a value which loses the name once in a while was taken for a good one, from the flaky value with the
 * lowest odds and `tries` good tries. 0: none is flaky. */
double bisect_search_doubt(const struct bisect_search *s, unsigned tries);

#endif
