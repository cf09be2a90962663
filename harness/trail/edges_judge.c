/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/mem.h"
#include "trail/cycles.h"
#include "trail/edges.h"
#include "trail/rules.h"

#include <stdlib.h>
#include <string.h>

static const char *after_of(const struct edge *e)
{
    return e->to_text != NULL ? e->to_text : "";
}

static void judge_truncated(struct flow *f, struct edge *e, size_t size)
{
    e->mechanism = MECHANISM_VALUE_TRUNCATED;
    f->shortest = f->shortened == 0 || size < f->shortest ? size : f->shortest;
    f->longest = size > f->longest ? size : f->longest;
    f->shortened++;
}

static void find_rule(const struct work *w, struct flow *f, const struct edge *edges, size_t count)
{
    struct rewriting *changes = mem_calloc(f->rewritten, sizeof *changes);
    struct buf rule = {0};
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (edges[i].mechanism == MECHANISM_VALUE_REWRITTEN) {
            changes[found++] = (struct rewriting){&w->labels[edges[i].from], after_of(&edges[i])};
        }
    }
    if (rules_describe(changes, found, &rule)) {
        f->rule = buf_steal(&rule);
    }
    buf_fini(&rule);
    free(changes);
}

/* The label of another edge that begins like what this one became: it was swapped and cut at once. NO_LABEL where there
 * is none, or the value was only cut. */
static uint32_t find_taken(const struct work *w, const struct edge *edges, size_t count, const struct edge *e)
{
    const char *after = after_of(e);
    size_t size = strlen(after), low = 0, high = count, left;
    if (size == 0 || rules_is_truncated(w->labels[e->from].text, after, &left)) {
        return NO_LABEL;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(w->labels[edges[middle].from].text, after) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool begins = low < count && strncmp(w->labels[edges[low].from].text, after, size) == 0;
    return begins ? edges[low].from : NO_LABEL;
}

/* Where labels go round in a circle they are swapped, whatever each single one looks like. */
static void find_swapped(const struct work *w, struct edge *edges, size_t count, bool *swapped)
{
    struct edge *whole = mem_calloc(count, sizeof *whole);
    for (size_t i = 0; i < count; i++) {
        edges[i].taken = find_taken(w, edges, count, &edges[i]);
        whole[i] = edges[i];
        whole[i].to = edges[i].taken != NO_LABEL ? edges[i].taken : edges[i].to;
    }
    cycles_find(whole, count, swapped);
    free(whole);
}

static void judge_changed(const struct work *w, struct flow *f, struct edge *edges, size_t count)
{
    bool *swapped = mem_calloc(count, sizeof *swapped);
    find_swapped(w, edges, count, swapped);
    f->changed = count;
    for (size_t i = 0; i < count; i++) {
        struct edge *e = &edges[i];
        size_t size;
        if (swapped[i]) {
            e->mechanism = MECHANISM_NAMES_SWAPPED;
        } else if (rules_is_truncated(w->labels[e->from].text, after_of(e), &size)) {
            judge_truncated(f, e, size);
        } else {
            e->mechanism = MECHANISM_VALUE_REWRITTEN;
            f->rewritten++;
        }
    }
    if (f->rewritten > 0) {
        find_rule(w, f, edges, count);
    }
    free(swapped);
}

/* Samples that are there with other counts, unless nothing counts acquires any more. */
static void judge_kept(struct edge *e, bool countless)
{
    e->harmless = countless || e->acquires_before == e->acquires_after;
    e->mechanism = e->acquires_after < e->acquires_before ? MECHANISM_SAMPLES_DROPPED : MECHANISM_DUPLICATED;
}

static void judge_one(const struct work *w, const struct flow *f, struct edge *e, bool countless)
{
    static const enum mechanism mechanisms[EDGE_KINDS] = {
        [EDGE_REKEYED] = MECHANISM_LABEL_KEY_RENAMED, [EDGE_UNLABELLED] = MECHANISM_LABEL_DROPPED,
        [EDGE_GONE] = MECHANISM_SAMPLES_DROPPED,      [EDGE_LOST] = MECHANISM_PROFILE_DROPPED,
        [EDGE_CORRUPT] = MECHANISM_PROFILE_CORRUPT,   [EDGE_ADDED] = MECHANISM_DUPLICATED,
        [EDGE_DOUBLED] = MECHANISM_DUPLICATED,        [EDGE_UNKNOWN] = MECHANISM_DUPLICATED,
    };
    bool local = f->before == STAGE_COLLECTOR;
    if (e->kind == EDGE_KEPT) {
        judge_kept(e, countless);
    } else if (e->kind != EDGE_CHANGED) {
        e->mechanism = mechanisms[e->kind];
        /* A process that was killed has written less than it sent, or sent less than it wrote. */
        e->harmless = e->kind == EDGE_READABLE || (e->kind == EDGE_UNKNOWN && local) ||
                      (e->kind == EDGE_LOST && local && work_instance(w, e->instance)->unfinished);
    }
}

void edges_judge(struct work *w, struct flow *f)
{
    struct edge *edges = w->edges + f->first_edge;
    uint64_t after = 0, kept = 0;
    size_t changed = 0, first_changed = 0;
    for (size_t i = 0; i < f->edges; i++) {
        after += edges[i].acquires_after;
        kept += edges[i].kind == EDGE_KEPT || edges[i].kind == EDGE_CHANGED ? edges[i].acquires_before : 0;
        first_changed += edges[i].kind < EDGE_CHANGED;
        changed += edges[i].kind == EDGE_CHANGED;
    }
    f->countless = f->countless || (f->by_moves && kept > 0 && after == 0);
    for (size_t i = 0; i < f->edges; i++) {
        judge_one(w, f, &edges[i], f->countless);
    }
    if (changed > 0) {
        judge_changed(w, f, edges + first_changed, changed);
    }
}
