/* SPDX-License-Identifier: Apache-2.0 */
/* The longest cell first, each to the shard that has least to do (Graham's LPT: at most a third above the best).
 *
 * Durations are taken in steps (1, 1.5, 2, 3, 4, 6 ...), and cells of one step in the order of their ids: so what is
 * measured anew, a little longer or shorter, moves nothing. */
#include "base/mem.h"
#include "scenario/matrix.h"

#include <stdlib.h>
#include <string.h>

/* Half an hour where nothing at all is known: all cells are then equal, whatever stands here. */
#define UNKNOWN_MS 1800000
/* Thirty years: what is longer is no duration, and sums stay below int64_t's end. */
#define LONGEST_MS ((int64_t)1000000000000)

struct work {
    const struct matrix_cell *cell;
    size_t index;
    int64_t ms; /* in steps */
};

struct load {
    int64_t ms;
    unsigned shard; /* from 1 */
};

/* To the nearest step. */
static int64_t to_step(int64_t ms)
{
    int64_t power = 1;
    while (power <= ms / 2) {
        power *= 2;
    }
    /* `power` <= ms < 2 * power; the steps are at 1, 1.5 and 2 times. */
    int64_t quarters = (ms - power) * 4 / power;
    return quarters < 1 ? power : quarters < 3 ? power + power / 2 : 2 * power;
}

static int64_t mean_known(const struct matrix *m, const bool *chosen, const int64_t *durations_ms)
{
    double sum = 0;
    size_t known = 0;
    for (size_t i = 0; durations_ms && i < m->cell_count; i++) {
        if (durations_ms[i] > 0 && (chosen == NULL || chosen[i])) {
            sum += (double)durations_ms[i];
            known++;
        }
    }
    return known ? (int64_t)(sum / (double)known) + 1 : UNKNOWN_MS;
}

static int compare_work(const void *a, const void *b)
{
    const struct work *x = a, *y = b;
    return x->ms != y->ms ? (x->ms < y->ms) - (x->ms > y->ms) : strcmp(x->cell->id, y->cell->id);
}

static bool is_less(const struct load *a, const struct load *b)
{
    return a->ms != b->ms ? a->ms < b->ms : a->shard < b->shard;
}

/* The root of the heap has got more. */
static void sift_down(struct load *heap, unsigned count)
{
    for (unsigned at = 0;;) {
        unsigned least = at;
        for (unsigned child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++) {
            least = is_less(&heap[child], &heap[least]) ? child : least;
        }
        if (least == at) {
            return;
        }
        struct load moved = heap[at];
        heap[at] = heap[least];
        heap[least] = moved;
        at = least;
    }
}

void matrix_shard(const struct matrix *m, const bool *chosen, const int64_t *durations_ms, unsigned n, unsigned *shards)
{
    struct work *work = mem_calloc(m->cell_count, sizeof *work);
    struct load *heap = mem_calloc(n, sizeof *heap);
    int64_t unknown = mean_known(m, chosen, durations_ms);
    size_t count = 0;
    for (size_t i = 0; i < m->cell_count; i++) {
        shards[i] = 0;
        if (chosen == NULL || chosen[i]) {
            int64_t ms = durations_ms && durations_ms[i] > 0 ? durations_ms[i] : unknown;
            work[count++] = (struct work){&m->cells[i], i, to_step(ms < LONGEST_MS ? ms : LONGEST_MS)};
        }
    }
    for (unsigned i = 0; i < n; i++) {
        heap[i] = (struct load){0, i + 1};
    }
    qsort(work, count, sizeof *work, compare_work);
    for (size_t i = 0; i < count; i++) {
        shards[work[i].index] = heap[0].shard;
        heap[0].ms += work[i].ms;
        sift_down(heap, n);
    }
    free(work);
    free(heap);
}
