/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/hits.h"
#include "base/mem.h"

#include <stdlib.h>

struct hit *hits_add(struct work *w, const struct row *row, uint32_t lock)
{
    w->hits = mem_grow(w->hits, w->hit_count, &w->hit_capacity, sizeof *w->hits);
    struct hit *hit = &w->hits[w->hit_count++];
    *hit = (struct hit){
        .lock = lock,
        .instance = row->instance,
        .row = (uint32_t)(row - w->rows),
        .stage = row->stage,
        .origin = row->label,
        .samples = row->samples,
        .acquires = row->acquires,
        .wait_ns = row->wait_ns,
        .releases = row->releases,
        .hold_ns = row->hold_ns,
        .spoken = row->acquires > 0,
    };
    return hit;
}

void hits_leave(struct work *w, const struct row *row, uint64_t samples, uint64_t acquires)
{
    w->leftover = mem_grow(w->leftover, w->leftover_count, &w->leftover_capacity, sizeof *w->leftover);
    w->leftover[w->leftover_count++] = (struct leftover){(uint32_t)(row - w->rows), samples, acquires};
}

void hits_add_part(struct work *w, uint32_t lock, const struct edge *e, uint64_t samples)
{
    w->parts = mem_grow(w->parts, w->part_count, &w->part_capacity, sizeof *w->parts);
    w->parts[w->part_count++] = (struct part){lock, (uint32_t)(e - w->edges), samples};
}

const struct hit *hits_of(const struct work *w, struct hit_range range, const struct row *row, size_t *count)
{
    size_t wanted = (size_t)(row - w->rows), low = range.first, high = range.end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (w->hits[middle].row < wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *count = 0;
    while (low + *count < range.end && w->hits[low + *count].row == wanted) {
        (*count)++;
    }
    return w->hits + low;
}

static int by_row(const void *a, const void *b)
{
    const struct hit *x = a, *y = b;
    if (x->row != y->row) {
        return x->row < y->row ? -1 : 1;
    }
    if (x->lock != y->lock) {
        return x->lock < y->lock ? -1 : 1;
    }
    return (x->origin > y->origin) - (x->origin < y->origin);
}

/* Several labels of a lock became one: which it had first matters only as far as it is another one. */
static void join(const struct work *w, struct hit *to, const struct hit *from)
{
    to->origin = to->origin == w->rows[to->row].label ? from->origin : to->origin;
    to->samples += from->samples;
    to->acquires += from->acquires;
    to->wait_ns += from->wait_ns;
    to->releases += from->releases;
    to->hold_ns += from->hold_ns;
    to->spoken = to->spoken || from->spoken;
    to->adopted = to->adopted || from->adopted;
    to->ambiguous = to->ambiguous || from->ambiguous;
    to->shared_known = to->shared_known && from->shared_known;
}

void hits_settle(struct work *w, size_t first, bool by_moves)
{
    size_t to = first;
    if (w->hit_count == first) {
        return;
    }
    qsort(w->hits + first, w->hit_count - first, sizeof *w->hits, by_row);
    for (size_t i = first; i < w->hit_count; i++) {
        struct hit *last = to > first ? &w->hits[to - 1] : NULL;
        if (last == NULL || last->row != w->hits[i].row) {
            w->hits[to++] = w->hits[i];
        } else if (last->lock != w->hits[i].lock) {
            w->hits[to] = w->hits[i];
            if (!by_moves) {
                last->ambiguous = last->adopted;
                w->hits[to].ambiguous = w->hits[to].adopted;
            }
            to++;
        } else if (by_moves) {
            join(w, last, &w->hits[i]);
        }
    }
    w->hit_count = to;
}
