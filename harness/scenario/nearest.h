/* SPDX-License-Identifier: Apache-2.0 */
/* The word of a list that somebody who mistyped it most probably meant. */
#ifndef LOCKTRAIL_SCENARIO_NEAREST_H
#define LOCKTRAIL_SCENARIO_NEAREST_H

#include <stddef.h>

/* Longest word that is compared; a longer one is near to nothing. The longest key has 19 characters. */
#define NEAREST_LENGTH_MAX 64

/* Insertions, deletions, replacements and swaps of neighbours that make `b` of `a`, without regard to ASCII case and
 * with `-` as good as `_`. Words above NEAREST_LENGTH_MAX bytes have the distance NEAREST_LENGTH_MAX. */
unsigned nearest_distance(const char *a, const char *b);

/* The best candidate so far: begin with {0} and offer every word; of equally near ones the first wins. */
struct nearest {
    const char *word; /* borrowed; NULL where none is near enough */
    unsigned distance;
};
void nearest_offer(struct nearest *best, const char *typed, const char *word);

#endif
