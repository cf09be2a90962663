/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario/nearest.h"

#include <string.h>

static char fold(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return (char)(c - 'A' + 'a');
    }
    return c == '-' ? '_' : c;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: three rows of the usual table are enough, as a swap looks two rows back. */
unsigned nearest_distance(const char *a, const char *b)
{
    unsigned rows[3][NEAREST_LENGTH_MAX + 1];
    size_t a_size = strnlen(a, NEAREST_LENGTH_MAX + 1), b_size = strnlen(b, NEAREST_LENGTH_MAX + 1);
    if (a_size > NEAREST_LENGTH_MAX || b_size > NEAREST_LENGTH_MAX) {
        return NEAREST_LENGTH_MAX;
    }
    for (size_t j = 0; j <= b_size; j++) {
        rows[0][j] = (unsigned)j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_size; j++) {
            unsigned cost = fold(a[i - 1]) != fold(b[j - 1]);
            row[j] = least(above[j - 1] + cost, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) && fold(a[i - 2]) == fold(b[j - 1])) {
                row[j] = least(row[j], two_above[j - 2] + 1);
            }
        }
    }
    return rows[a_size % 3][b_size];
}

void nearest_offer(struct nearest *best, const char *typed, const char *word)
{
    unsigned distance = nearest_distance(typed, word);
    /* A third of the word may be wrong: `tread` is near `threads`, `env` is not near `seed`. */
    if (distance > (strlen(word) + 1) / 3 || distance >= strlen(typed)) {
        return;
    }
    if (best->word == NULL || distance < best->distance) {
        *best = (struct nearest){word, distance};
    }
}
