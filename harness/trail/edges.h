/* SPDX-License-Identifier: Apache-2.0 */
/* What became of each lock sample between two stages of a process, where its copies are paired. */
#ifndef LOCKTRAIL_TRAIL_EDGES_H
#define LOCKTRAIL_TRAIL_EDGES_H

#include "base/buf.h"
#include "trail/work.h"

/* Fills `edges` and what the flows say of them; flows whose copies are not paired stay as they are. After gather. */
void edges_build(struct work *w);
void edges_fini(struct work *w);

/* --- for those that build them ------------------------------------------------------------------------------------ */

/* The edges of one flow while they are found. */
struct edge_list {
    struct work *w;
    struct flow *f;
    uint32_t instance;
    enum stage stage;
    struct table keys;
    struct buf key;
};

/* What two copies show of some samples; paths are NULL where there is none. */
struct edge_seen {
    uint64_t samples, acquires_before, acquires_after;
    const char *path_before, *path_after;
};

/* Adds to the edge of that kind, `from` and `to` (labels or NO_LABEL), which may be new. The pointer is good until the
 * next call. */
struct edge *edge_list_add(struct edge_list *l, enum edge_kind kind, uint32_t from, uint32_t to,
                           const struct edge_seen *seen);
/* The same to a value that may be no label of a copy, under another key (else NULL). */
struct edge *edge_list_add_text(struct edge_list *l, enum edge_kind kind, uint32_t from, const char *to,
                                const char *key, const struct edge_seen *seen);

/* The flow's list is whole: puts it in order and judges it. */
void edges_end(struct edge_list *l);

/* Of a stage of names alone: which of the labels before are shown, and as what. */
void edges_of_screen(struct edge_list *l);

/* Fills `mechanism` and `harmless` of the flow's edges, which are in their order, and what the flow says of them. */
void edges_judge(struct work *w, struct flow *f);

#endif
