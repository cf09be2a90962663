/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/options.h"

#include <string.h>

/* Longer words are no slips of the fingers. */
#define WORD_MAX 40

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment distance. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 1], a_size = strlen(a), b_size = strlen(b);
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= b_size; j++)
        last[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            now[j] = least(last[j - 1] + (a[i - 1] != b[j - 1]), least(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], before[j - 2] + 1);
        }
        size_t *oldest = before;
        before = last;
        last = now;
        now = oldest;
    }
    return last[b_size];
}

const char *nearest(const char *text, const char *const *names, size_t count)
{
    const char *best = NULL;
    size_t best_distance = WORD_MAX, size = strlen(text);
    if (size == 0 || size > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (strlen(names[i]) > WORD_MAX)
            continue;
        size_t d = distance(text, names[i]), allowed = strlen(names[i]) / 3;
        if (strncmp(text, names[i], size) == 0 && strspn(text, "-") < size)
            d = 1;
        if (d <= (allowed > 0 ? allowed : 1) && d < best_distance) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
}
