/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/seen.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static int by_stage(const void *a, const void *b, void *data)
{
    const struct work *w = data;
    const struct hit *x = &w->hits[*(const size_t *)a], *y = &w->hits[*(const size_t *)b];
    if (x->stage != y->stage) {
        return x->stage < y->stage ? -1 : 1;
    }
    uint32_t p = w->rows[x->row].label, q = w->rows[y->row].label;
    return (p > q) - (p < q);
}

static int by_samples(const void *a, const void *b)
{
    const struct seen_as *x = a, *y = b;
    if (x->samples != y->samples) {
        return x->samples > y->samples ? -1 : 1;
    }
    return strcmp(x->label, y->label);
}

static void add_seen(const struct work *w, const size_t *hits, size_t count, struct stage_result *r)
{
    r->seen_as = mem_calloc(count, sizeof *r->seen_as);
    uint32_t last = 0;
    for (size_t i = 0; i < count; i++) {
        const struct hit *hit = &w->hits[hits[i]];
        const struct row *row = &w->rows[hit->row];
        if (i == 0 || row->label != last) {
            const struct label *label = work_label(w, row);
            r->seen_as[r->seen_count++] = (struct seen_as){
                .label = mem_strdup(label->text),
                .name = mem_strdup(label->name),
            };
        }
        last = row->label;
        struct seen_as *seen = &r->seen_as[r->seen_count - 1];
        seen->samples += hit->samples;
        seen->acquires += hit->acquires;
        seen->releases += hit->releases;
        r->samples += hit->samples;
        r->acquires += hit->acquires;
        r->wait_ns += hit->wait_ns;
        r->releases += hit->releases;
        r->hold_ns += hit->hold_ns;
    }
    qsort(r->seen_as, r->seen_count, sizeof *r->seen_as, by_samples);
}

void seen_of_lock(const struct lock_view *v, struct trail_lock *out)
{
    const struct work *w = v->w;
    const struct span *s = &w->lock_hits[v->lock];
    size_t *hits = mem_calloc(s->count, sizeof *hits), used = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct hit *hit = &w->hits[s->first + i];
        if (hit->stage != STAGE_UPLOAD || !work_instance(w, hit->instance)->mirror) {
            hits[used++] = s->first + i;
        }
    }
    qsort_r(hits, used, sizeof *hits, by_stage, (void *)(size_t)w);
    for (size_t i = 0, count; i < used; i += count) {
        enum stage stage = w->hits[hits[i]].stage;
        for (count = 1; i + count < used && w->hits[hits[i + count]].stage == stage;) {
            count++;
        }
        add_seen(w, hits + i, count, &out->stages[stage]);
    }
    free(hits);
}
