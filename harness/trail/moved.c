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

static void find_main(struct moved *m)
{
    for (enum mechanism i = 0; i < MECHANISM_COUNT; i++) {
        if (m->by[i].edge != NULL) {
            bool first = m->mechanisms == 0;
            m->mechanisms |= LOSS_MECHANISM(i);
            m->main = first || m->by[i].samples > m->by[m->main].samples ? i : m->main;
        }
    }
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
        by->samples += part->samples;
        if (by->edge == NULL || part->samples > by->edge_samples) {
            by->edge = e;
            by->edge_samples = part->samples;
        }
    }
    find_main(out);
}

size_t moved_find_all(const struct lock_view *v, enum stage stage, struct moved *out)
{
    uint64_t samples[MECHANISM_COUNT] = {0};
    unsigned mechanisms = 0;
    size_t culprit = SIZE_MAX;
    struct moved m;
    for (size_t k = 0; k < v->instance_count; k++) {
        if (work_flow(v->w, v->instances[k], stage)->by_moves && view_cell(v, k, stage)->state != STATE_NOT_RUN) {
            moved_find(v->w, v->lock, v->instances[k], stage, &m);
            mechanisms |= m.mechanisms;
            for (enum mechanism i = 0; i < MECHANISM_COUNT; i++) {
                samples[i] += m.by[i].samples;
            }
        }
    }
    enum mechanism most = MECHANISM_COUNT;
    for (enum mechanism i = 0; i < MECHANISM_COUNT; i++) {
        bool there = (mechanisms & LOSS_MECHANISM(i)) != 0;
        most = there && (most == MECHANISM_COUNT || samples[i] > samples[most]) ? i : most;
    }
    for (size_t k = 0; k < v->instance_count && mechanisms != 0; k++) {
        if (!work_flow(v->w, v->instances[k], stage)->by_moves || view_cell(v, k, stage)->state == STATE_NOT_RUN) {
            continue;
        }
        moved_find(v->w, v->lock, v->instances[k], stage, &m);
        if (m.by[most].edge != NULL && (culprit == SIZE_MAX || m.by[most].samples > out->by[most].samples)) {
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
