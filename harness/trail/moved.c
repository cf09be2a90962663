/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/moved.h"

#include <stdlib.h>

/* The lock's first part of an edge from `edge` on. */
static size_t first_part(const struct work *w, size_t lock, size_t edge)
{
    size_t low = w->lock_parts[lock].first, high = low + w->lock_parts[lock].count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (w->parts[middle].edge < edge) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void moved_find(const struct work *w, size_t lock, size_t instance, enum stage stage, struct moved *out)
{
    const struct flow *f = work_flow(w, instance, stage);
    const struct span *s = &w->lock_parts[lock];
    *out = (struct moved){0};
    for (size_t i = first_part(w, lock, f->first_edge); i < s->first + s->count; i++) {
        const struct part *part = &w->parts[i];
        const struct edge *e = &w->edges[part->edge];
        if (part->edge >= f->first_edge + f->edges) {
            break;
        }
        out->samples += e->from != NO_LABEL && e->kind != EDGE_DOUBLED ? part->samples : 0;
        if (e->harmless || part->samples == 0) {
            continue;
        }
        struct moved_by *by = &out->by[e->mechanism];
        out->mechanisms |= LOSS_MECHANISM(e->mechanism);
        by->samples += part->samples;
        if (by->edge == NULL || part->samples > by->edge_samples) {
            by->edge = e;
            by->edge_samples = part->samples;
        }
    }
}

static bool find_at(const struct lock_view *v, size_t k, enum stage stage, struct moved *out)
{
    const struct flow *f = work_flow(v->w, v->instances[k], stage);
    if ((!f->by_moves && !f->by_kin) || view_cell(v, k, stage)->state == STATE_NOT_RUN) {
        return false;
    }
    moved_find(v->w, v->lock, v->instances[k], stage, out);
    return out->mechanisms != 0;
}

size_t moved_find_all(const struct lock_view *v, enum stage stage, struct moved *out)
{
    uint64_t samples[MECHANISM_COUNT] = {0};
    unsigned mechanisms = 0;
    struct moved m;
    for (size_t k = 0; k < v->instance_count; k++) {
        if (find_at(v, k, stage, &m)) {
            mechanisms |= m.mechanisms;
            for (enum mechanism i = 0; i < MECHANISM_COUNT; i++) {
                samples[i] += m.by[i].samples;
            }
        }
    }
    enum mechanism most = 0;
    for (enum mechanism i = 0; i < MECHANISM_COUNT; i++) {
        most = samples[i] > samples[most] ? i : most;
    }
    size_t culprit = SIZE_MAX;
    for (size_t k = 0; k < v->instance_count && mechanisms != 0; k++) {
        if (find_at(v, k, stage, &m) && m.by[most].edge != NULL &&
            (culprit == SIZE_MAX || m.by[most].samples > out->by[most].samples)) {
            culprit = k;
            *out = m;
        }
    }
    if (culprit != SIZE_MAX) {
        out->main = most;
        out->mechanisms = mechanisms;
    }
    return culprit;
}
