/* SPDX-License-Identifier: Apache-2.0 */
/* How a name was lost, and what shows it: one rule for each mechanism, tried in a fixed order. */
#ifndef LOCKTRAIL_TRAIL_MECHANISMS_H
#define LOCKTRAIL_TRAIL_MECHANISMS_H

#include "trail/moved.h"
#include "trail/states.h"

/* What is wrong with a lock at a stage. */
enum loss_what {
    LOSS_ABSENT,     /* no sample */
    LOSS_NAMELESS,   /* its site and no name */
    LOSS_OTHER_NAME, /* another name, or a mangled one that the rendering does not allow */
    LOSS_FEWER,      /* its name is right, acquires are missing */
    LOSS_MORE,       /* its name is right, there are too many acquires */
    LOSS_TWICE       /* its name is right, a copy that holds it came twice */
};

/* One lock at the stage and in the process where it was lost. Everything is borrowed. */
struct loss_case {
    const struct lock_view *v;
    const struct stage_result *stages;
    enum loss_what what;
    size_t k; /* the process, within the view */
    uint32_t instance;
    enum stage stage, before; /* `before` NO_STAGE: the process's trail begins here, and chance has its part */
    const struct flow *flow, *flow_before;
    const struct cell *cell, *cell_before;
    const struct change *change; /* of one of its labels, or NULL */
    bool from_before;            /* the stage before shows what should be here; else the ledger does */
    struct count_check check;    /* LOSS_FEWER, LOSS_MORE */
    const struct moved *moved;   /* where what became of each sample is known: what was lost; else NULL */
};

/* Fills mechanism, mechanisms, evidence, own and common of *loss: by `moved`, else by the first rule that holds. */
void mechanism_find(const struct loss_case *c, struct loss *loss);

#endif
